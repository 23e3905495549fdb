/**
 * Words that those who deal with volumes write to one another.
 * https://kubernetes.io/docs/reference/labels-annotations-taints/
 */

/** On a StorageClass: claims that name none get this one. */
export const IS_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";
/** On a claim: it has its volume, for good. */
export const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
/** On either: the binding was the controller's choice, not the user's. */
export const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";
/** On a volume: who made it, and takes it away. */
export const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";
/** On a claim: who is to make its volume. */
export const STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner";
/** On a claim: the node its first Pod goes to. */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
/** A class whose volumes nobody makes: an administrator has. */
export const NO_PROVISIONER = "kubernetes.io/no-provisioner";

/** Finalizers that keep a claim that Pods use, and a volume that a claim is bound to. */
export const PVC_PROTECTION = "kubernetes.io/pvc-protection";
export const PV_PROTECTION = "kubernetes.io/pv-protection";

/** Ours: folders of the nodes' own disks. */
export const LOCAL_PROVISIONER = "berth.dev/local-path";
/** On a Node: where it keeps those folders. */
export const LOCAL_STORAGE_PATH = "berth.dev/local-storage-path";
/** On a volume of ours, as finalizer: its node has yet to remove the folder. */
export const LOCAL_DATA = "berth.dev/local-data";
/** On a volume of ours, as label: whose disk it is on. */
export const LOCAL_NODE = "berth.dev/local-node";

/** The claim that a generic ephemeral volume of a Pod stands for. */
export const ephemeralClaimName = (podName: string, volumeName: string) => `${podName}-${volumeName}`;
