import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { LOCAL_DATA, LOCAL_NODE, LOCAL_PROVISIONER, LOCAL_STORAGE_PATH, PROVISIONED_BY } from "#api/storage.js";

const HOSTNAME = "kubernetes.io/hostname";
/** Only one node has the folder. */
const MODES = ["ReadWriteOnce", "ReadWriteOncePod"];

/** Why there is no volume for the claim; undefined when there is one to be made. */
export function refusal({ spec }: PersistentVolumeClaim, node: Node | undefined): string | undefined {
  const mode = spec.accessModes?.find((mode) => !MODES.includes(mode));
  if (mode) return `a folder of one node cannot be ${mode}: ask for ${MODES.join(" or ")}`;
  if (spec.volumeMode === "Block") return "a folder is no block device: ask for volumeMode Filesystem";
  if (spec.dataSource || spec.dataSourceRef) return "volumes are made empty: dataSource is not supported";
  if (spec.selector) return "claim.spec.selector is not supported for volumes that are made on demand";
  if (!node) return "no node was selected: the StorageClass needs volumeBindingMode WaitForFirstConsumer";
  if (!node.metadata.annotations?.[LOCAL_STORAGE_PATH]) return `node ${node.metadata.name} offers no local storage`;
  return undefined;
}

export function localVolume(
  { metadata, spec }: PersistentVolumeClaim,
  { reclaimPolicy, mountOptions, metadata: { name: storageClassName } }: StorageClass,
  node: Node,
): Draft<PersistentVolume> {
  const name = `pvc-${metadata.uid}`;
  const hostname = node.metadata.labels?.[HOSTNAME] ?? node.metadata.name;
  const folder = `${name}_${metadata.namespace}_${metadata.name}`;
  return {
    metadata: {
      name,
      labels: { [LOCAL_NODE]: node.metadata.name },
      annotations: { [PROVISIONED_BY]: LOCAL_PROVISIONER },
      finalizers: [LOCAL_DATA],
    },
    spec: {
      accessModes: spec.accessModes,
      capacity: { storage: spec.resources?.requests?.["storage"] ?? "0" },
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace: metadata.namespace,
        name: metadata.name,
        uid: metadata.uid,
      },
      local: { path: `${node.metadata.annotations?.[LOCAL_STORAGE_PATH]}/${folder}` },
      mountOptions,
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: HOSTNAME, operator: "In", values: [hostname] }] }],
        },
      },
      persistentVolumeReclaimPolicy: reclaimPolicy,
      storageClassName,
      volumeMode: spec.volumeMode,
    },
  };
}
