/**
 * A Pod goes where its volumes are. Claims that wait for their first Pod get their volume on the node it goes to, and the Pod is
 * bound when they have it. https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode
 */
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "#api/generated/types.js";
import { NO_PROVISIONER, SELECTED_NODE } from "#api/storage.js";
import { bestVolume, reaches } from "#api/volume-match.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import type { Plugin, Rejection } from "../framework.js";
import { bindClaims } from "../volume-binding/bind-claims.js";
import { isAllowed, isBound, type Volumes } from "../volumes.js";

interface State {
  /** Why the Pod can go nowhere. */
  readonly refusal?: string;
  readonly bound: readonly PersistentVolume[];
  /** Without a volume, until a node is chosen. */
  readonly waiting: readonly PersistentVolumeClaim[];
  /** Volumes for those. */
  readonly free: readonly PersistentVolume[];
}

const NOTHING: State = { bound: [], waiting: [], free: [] };
const refused = (reason: string): Rejection => ({ reasons: [reason], unresolvable: true });

export function volumeBinding(volumes: Volumes, client: Client, clock: Clock): Plugin {
  return {
    name: "VolumeBinding",
    wakesOn: ["volumes-changed", "node-added", "node-changed"],
    preFilter: ({ pod }) => lookAt(pod, volumes),
    filter(_pod, { node }, state) {
      const { refusal, bound } = state as State;
      if (refusal) return { ...refused(refusal), everywhere: true };
      if (!bound.every((volume) => reaches(volume, node)))
        return refused("node(s) didn't match PersistentVolume's node affinity");
      if (!assign(state as State, node, volumes))
        return refused("node(s) didn't find available persistent volumes to bind");
      return undefined;
    },
    reserve({ pod }, { node }) {
      for (const [claim, volume] of assign(lookAt(pod, volumes), node, volumes) ?? []) {
        const promise = { node: node.metadata.name, volume: volume?.metadata.name, pod: pod.metadata.uid };
        if (!volumes.promised(claim)) volumes.promise(claim, promise);
      }
    },
    unreserve({ pod }) {
      for (const { claim } of volumes.claimsOf(pod)) if (claim) volumes.takeBack(claim, pod);
    },
    async preBind({ pod }, { node }) {
      const { waiting } = lookAt(pod, volumes);
      if (waiting.length === 0) return;
      await bindClaims(waiting, node, { volumes, client, clock });
      for (const claim of waiting) volumes.takeBack(claim, pod);
    },
  };
}

function lookAt(pod: Pod, volumes: Volumes): State {
  const claims = volumes.claimsOf(pod);
  if (claims.length === 0) return NOTHING;
  const bound: PersistentVolume[] = [];
  const waiting: PersistentVolumeClaim[] = [];
  for (const { name, claim, ephemeral } of claims) {
    const owner = claim?.metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
    if (!claim && ephemeral)
      return {
        ...NOTHING,
        refusal: `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`,
      };
    if (!claim) return { ...NOTHING, refusal: `persistentvolumeclaim "${name}" not found` };
    if (ephemeral && owner !== pod.metadata.uid)
      return {
        ...NOTHING,
        refusal: `PVC ${pod.metadata.namespace}/${name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`,
      };
    if (claim.status?.phase === "Lost")
      return {
        ...NOTHING,
        refusal: `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName}"`,
      };
    if (claim.metadata.deletionTimestamp)
      return { ...NOTHING, refusal: `persistentvolumeclaim "${name}" is being deleted` };
    const volume = volumes.volume(claim.spec.volumeName);
    if (isBound(claim) && volume) bound.push(volume);
    else if (volumes.classOf(claim)?.volumeBindingMode === "WaitForFirstConsumer" && !claim.spec.volumeName)
      waiting.push(claim);
    else return { ...NOTHING, refusal: "pod has unbound immediate PersistentVolumeClaims" };
  }
  return { bound, waiting, free: waiting.length > 0 ? volumes.free() : [] };
}

/**
 * The volume that each claim would get on the node; undefined where one is made.
 * @returns undefined when one of them can get none
 */
function assign({ waiting, free }: State, node: Node, volumes: Volumes) {
  const chosen = new Map<PersistentVolumeClaim, PersistentVolume | undefined>();
  for (const claim of waiting) {
    const promised = volumes.promised(claim)?.node ?? claim.metadata.annotations?.[SELECTED_NODE];
    if (promised && promised !== node.metadata.name) return undefined;
    const taken = new Set(chosen.values());
    const left = promised ? [] : free.filter((volume) => !taken.has(volume));
    const found = bestVolume(claim, left, node);
    if (found ? !reaches(found, node) : !promised && !canBeMade(claim, node, volumes)) return undefined;
    chosen.set(claim, found);
  }
  return chosen;
}

function canBeMade(claim: PersistentVolumeClaim, node: Node, volumes: Volumes): boolean {
  const storageClass = volumes.classOf(claim);
  return storageClass !== undefined && storageClass.provisioner !== NO_PROVISIONER && isAllowed(storageClass, node);
}
