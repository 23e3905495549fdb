import { type FieldError, forbidden, invalid, required, tooLong } from "#api/field-error.js";
import type { VolumeAttachment, VolumeAttachmentSource, VolumeError } from "#api/generated/types.js";
import { volumeAttachments } from "#api/refs.js";
import { dns1123Subdomain, invalidEach } from "#api/validation/names.js";
import { ageColumn, nameColumn } from "../columns.js";
import { driverName, immutable } from "../field-rules.js";
import type { Kind } from "../kind.js";
import { textSize } from "./validate-class.js";

/** Bytes. */
const MAX_METADATA = 256 * 1024;
const MAX_MESSAGE = 1024;
const ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";

/** That a volume is to be on a node, for its driver to see to it. https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume-attachment-v1/ */
export const volumeAttachment: Kind<VolumeAttachment> = {
  ...volumeAttachments,
  singular: "volumeattachment",
  schema: "VolumeAttachment",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    { name: "Attacher", type: "string", description: "The driver.", value: ({ spec }) => spec.attacher },
    {
      name: "PV",
      type: "string",
      description: "The volume.",
      value: ({ spec }) => spec.source.persistentVolumeName ?? "",
    },
    { name: "Node", type: "string", description: "Where it is to be.", value: ({ spec }) => spec.nodeName },
    {
      name: "Attached",
      type: "boolean",
      description: "Whether it is there.",
      value: ({ status }) => status?.attached ?? false,
    },
    ageColumn,
  ],
  subresources: { status: { validate: ({ status }) => validateStatus(status) } },
  prepareForCreate(object) {
    object.status = { attached: false };
  },
  validate: ({ spec }) => [
    ...driverName("spec.attacher", spec.attacher),
    ...validateSource("spec.source", spec.source),
    ...invalidEach("spec.nodeName", spec.nodeName, dns1123Subdomain(spec.nodeName)),
  ],
  validateUpdate: ({ spec }, old) => immutable("spec", spec, old.spec),
};

function validateSource(path: string, source: VolumeAttachmentSource): FieldError[] {
  const { inlineVolumeSpec, persistentVolumeName: name } = source;
  if (name === undefined) return inlineVolumeSpec ? [] : [required(path, ONE_SOURCE)];
  if (inlineVolumeSpec) return [forbidden(path, ONE_SOURCE)];
  const field = `${path}.persistentVolumeName`;
  if (!name) return [required(field, "must specify non empty persistentVolumeName")];
  return invalidEach(field, name, dns1123Subdomain(name));
}

function validateStatus(status: VolumeAttachment["status"]): FieldError[] {
  const { attachmentMetadata = {}, attachError, detachError } = status ?? {};
  const isBig = textSize(Object.entries(attachmentMetadata)) > MAX_METADATA;
  return [
    ...(isBig ? [tooLong("status.attachmentMetadata", MAX_METADATA)] : []),
    ...validateError("status.attachError", attachError),
    ...validateError("status.detachError", detachError),
  ];
}

function validateError(path: string, { message = "", errorCode = 0 }: VolumeError = {}): FieldError[] {
  const errors = Buffer.byteLength(message) > MAX_MESSAGE ? [tooLong(`${path}.message`, MAX_MESSAGE)] : [];
  if (errorCode >= 0) return errors;
  return [...errors, invalid(`${path}.errorCode`, errorCode, "must be between 0 and 2147483647, inclusive")];
}
