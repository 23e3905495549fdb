import type { PersistentVolumeClaim, StorageClass } from "#api/generated/types.js";
import { persistentVolumeClaims, persistentVolumes, storageClasses } from "#api/refs.js";
import { BIND_COMPLETED, LOCAL_PROVISIONER, NO_PROVISIONER, SELECTED_NODE, STORAGE_PROVISIONER } from "#api/storage.js";
import { bestVolume, isFor, mismatch } from "#api/volume-match.js";
import type { ControllerContext } from "../controller.js";
import { bind, setClaimPhase } from "./bind.js";

/** What older provisioners read in place of {@link STORAGE_PROVISIONER}. */
const BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner";

export async function syncClaim(key: string, context: ControllerContext): Promise<void> {
  const claim = context.informer(persistentVolumeClaims).get(key);
  if (!claim) return;
  if (claim.metadata.annotations?.[BIND_COMPLETED]) await syncBound(claim, context);
  else if (!claim.metadata.deletionTimestamp) await syncUnbound(claim, context);
}

async function syncBound(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const { volumeName } = claim.spec;
  const volume = volumeName ? context.informer(persistentVolumes).get(volumeName) : undefined;
  if (volume && (!volume.spec.claimRef || volume.spec.claimRef.uid === claim.metadata.uid)) {
    await bind(claim, volume, context);
    return;
  }
  if (claim.status?.phase === "Lost") return;
  const [reason, message] = volume
    ? ["ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly"]
    : [
        "ClaimLost",
        `Bound claim has lost ${volumeName ? "its" : "reference to"} PersistentVolume. Data on the volume is lost!`,
      ];
  context.event(claim, "Warning", reason, message);
  await setClaimPhase(claim, "Lost", context);
}

async function syncUnbound(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const found = claim.spec.volumeName ? asked(claim, claim.spec.volumeName, context) : chosen(claim, context);
  if (found) await bind(claim, found, context);
  else if (claim.status?.phase !== "Pending") await setClaimPhase(claim, "Pending", context);
  if (!found && !claim.spec.volumeName) await order(claim, context);
}

/** The volume the user has named. */
function asked(claim: PersistentVolumeClaim, name: string, { informer, event }: ControllerContext) {
  const volume = informer(persistentVolumes).get(name);
  if (!volume || isFor(volume, claim)) return volume;
  const problem = mismatch(volume, claim);
  if (volume.spec.claimRef)
    event(claim, "Warning", "FailedBinding", `volume "${name}" already bound to a different claim.`);
  else if (problem) event(claim, "Warning", "VolumeMismatch", `Cannot bind to requested volume "${name}": ${problem}`);
  else return volume;
  return undefined;
}

const classOf = ({ spec }: PersistentVolumeClaim, { informer }: ControllerContext): StorageClass | undefined =>
  spec.storageClassName ? informer(storageClasses).get(spec.storageClassName) : undefined;

/** A class may want to know the node of the first Pod before anything is chosen. */
function waitsForConsumer(claim: PersistentVolumeClaim, context: ControllerContext): boolean {
  const isDelayed = classOf(claim, context)?.volumeBindingMode === "WaitForFirstConsumer";
  return isDelayed && !claim.metadata.annotations?.[SELECTED_NODE];
}

function chosen(claim: PersistentVolumeClaim, context: ControllerContext) {
  const volumes = context.informer(persistentVolumes).list();
  // With a node chosen, the scheduler has found that nothing there is fits.
  const isDelayed = classOf(claim, context)?.volumeBindingMode === "WaitForFirstConsumer";
  return bestVolume(claim, isDelayed ? volumes.filter((volume) => isFor(volume, claim)) : volumes);
}

/** Has a volume made, or says what is waited for. */
async function order(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const { event, client } = context;
  const { storageClassName } = claim.spec;
  if (!storageClassName) {
    const why = "no persistent volumes available for this claim and no storage class is set";
    event(claim, "Normal", "FailedBinding", why);
    return;
  }
  if (waitsForConsumer(claim, context)) {
    event(claim, "Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
    return;
  }
  const provisioner = classOf(claim, context)?.provisioner;
  if (provisioner === undefined || provisioner === NO_PROVISIONER) {
    const why = provisioner
      ? "no volume plugin matched name: kubernetes.io/no-provisioner"
      : `storageclass.storage.k8s.io "${storageClassName}" not found`;
    event(claim, "Warning", "ProvisioningFailed", why);
    return;
  }
  const { annotations = {} } = claim.metadata;
  if (annotations[STORAGE_PROVISIONER] !== provisioner) {
    const made = { ...annotations, [STORAGE_PROVISIONER]: provisioner, [BETA_STORAGE_PROVISIONER]: provisioner };
    await client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations: made } });
  }
  if (provisioner !== LOCAL_PROVISIONER) event(claim, "Normal", "ExternalProvisioning", external(provisioner));
}

const external = (provisioner: string) =>
  `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
