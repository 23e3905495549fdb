import { duplicate, type FieldError, invalid, notSupported } from "#api/field-error.js";
import type { CSIDriver, CSIDriverSpec, StorageV1TokenRequest } from "#api/generated/types.js";
import { csiDrivers } from "#api/refs.js";
import { ageColumn, nameColumn } from "../columns.js";
import { immutable, oneOf } from "../field-rules.js";
import type { Column, Kind } from "../kind.js";

/** Seconds. */
const MIN_TOKEN = 600;
const MAX_TOKEN = 2 ** 32;
const MIN_UPDATE_PERIOD = 10;
const MODES = ["Persistent", "Ephemeral"];

type Flag = "attachRequired" | "podInfoOnMount" | "storageCapacity" | "requiresRepublish" | "seLinuxMount";
const flag = (name: string, field: Flag, description: string): Column<CSIDriver> => ({
  name,
  type: "boolean",
  description,
  value: ({ spec }) => spec[field],
});

/** What is asked of nodes and controllers for the volumes of a driver. https://kubernetes-csi.github.io/docs/csi-driver-object.html */
export const csiDriver: Kind<CSIDriver> = {
  ...csiDrivers,
  singular: "csidriver",
  schema: "CSIDriver",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    flag("AttachRequired", "attachRequired", "Whether volumes are attached to a node before they are mounted."),
    flag("PodInfoOnMount", "podInfoOnMount", "Whether the driver is told of the Pod."),
    flag("StorageCapacity", "storageCapacity", "Whether the driver tells how much room it has where."),
    {
      name: "TokenRequests",
      type: "string",
      description: "Audiences of the tokens the driver gets.",
      value: ({ spec }) => spec.tokenRequests?.map(({ audience }) => audience).join(",") ?? "<unset>",
    },
    flag("RequiresRepublish", "requiresRepublish", "Whether the driver is called again and again."),
    {
      name: "Modes",
      type: "string",
      description: "Whether volumes outlive Pods.",
      value: ({ spec }) => spec.volumeLifecycleModes?.join(",") || "<none>",
    },
    ageColumn,
  ],
  defaults({ spec }) {
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= "ReadWriteOnceWithFSType";
    spec.volumeLifecycleModes ??= ["Persistent"];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  validate: ({ spec }) => validateSpec(spec),
  // Upstream's field path says "attachedRequired", and so do its users' scripts.
  validateUpdate: ({ spec }, { spec: old }) => [
    ...immutable("spec.attachedRequired", spec.attachRequired, old.attachRequired),
    ...immutable("spec.volumeLifecycleModes", spec.volumeLifecycleModes, old.volumeLifecycleModes),
  ],
};

function validateSpec(spec: CSIDriverSpec): FieldError[] {
  const { fsGroupPolicy, tokenRequests, volumeLifecycleModes = [], nodeAllocatableUpdatePeriodSeconds: period } = spec;
  const errors = [
    ...oneOf("spec.fsGroupPolicy", fsGroupPolicy, ["File", "None", "ReadWriteOnceWithFSType"]),
    ...validateTokenRequests("spec.tokenRequests", tokenRequests),
    ...volumeLifecycleModes
      .filter((mode) => !MODES.includes(mode))
      .map((mode) => notSupported("spec.volumeLifecycleModes", mode, MODES)),
  ];
  if (period === undefined || period >= MIN_UPDATE_PERIOD) return errors;
  const text = `must be greater than or equal to ${MIN_UPDATE_PERIOD} seconds`;
  return [...errors, invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, text)];
}

/** At most one a audience; the empty one is the API server's own. */
function validateTokenRequests(path: string, requests: readonly StorageV1TokenRequest[] = []): FieldError[] {
  return requests.flatMap(({ audience, expirationSeconds: seconds = MIN_TOKEN }, i) => {
    if (requests.findIndex((other) => other.audience === audience) < i)
      return [duplicate(`${path}[${i}].audience`, audience)];
    const limit = seconds < MIN_TOKEN ? "less than 10 minutes" : seconds > MAX_TOKEN && "larger than 2^32 seconds";
    return limit ? [invalid(`${path}[${i}].expirationSeconds`, seconds, `may not specify a duration ${limit}`)] : [];
  });
}
