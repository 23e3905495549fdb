import type { Node, PersistentVolumeClaim } from "#api/generated/types.js";
import { persistentVolumeClaims, persistentVolumes } from "#api/refs.js";
import { BOUND_BY_CONTROLLER, SELECTED_NODE } from "#api/storage.js";
import { reaches } from "#api/volume-match.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import { isBound, type Volumes } from "../volumes.js";

/** So long a Pod waits for its volumes with a node of its own, ms; after that another may be tried. As upstream. */
const PATIENCE_MS = 600_000;

interface Tools {
  volumes: Volumes;
  client: Client;
  clock: Clock;
}

/**
 * Tells the API what the claims were promised, and waits until they have it.
 * @throws Error when somebody else was quicker, or it takes too long
 */
export async function bindClaims(claims: readonly PersistentVolumeClaim[], node: Node, tools: Tools): Promise<void> {
  await Promise.all(claims.map((claim) => tell(claim, node, tools)));
  await haveVolumes(claims, node, tools);
}

async function tell(claim: PersistentVolumeClaim, node: Node, { volumes, client }: Tools): Promise<void> {
  const { name, namespace, uid } = claim.metadata;
  const volume = volumes.volume(volumes.promised(claim)?.volume);
  if (volume) {
    const annotations = { ...volume.metadata.annotations, [BOUND_BY_CONTROLLER]: "yes" };
    const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid };
    const metadata = volume.spec.claimRef ? volume.metadata : { ...volume.metadata, annotations };
    await client.update(persistentVolumes, { ...volume, metadata, spec: { ...volume.spec, claimRef } });
    return;
  }
  if (claim.metadata.annotations?.[SELECTED_NODE] === node.metadata.name) return;
  const annotations = { ...claim.metadata.annotations, [SELECTED_NODE]: node.metadata.name };
  await client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations } });
}

function haveVolumes(claims: readonly PersistentVolumeClaim[], node: Node, { volumes, clock }: Tools): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error) => {
      stop();
      cancel();
      if (error) reject(error);
      else resolve();
    };
    const look = () => {
      try {
        if (volumes.stopped) end(new Error("binding volumes: the scheduler has stopped"));
        else if (claims.every((claim) => hasVolume(claim, node, volumes))) end();
      } catch (error) {
        end(error as Error);
      }
    };
    const stop = volumes.onChange(look);
    const cancel = clock.after(PATIENCE_MS, () =>
      end(new Error("binding volumes: timed out waiting for the condition")),
    );
    look();
  });
}

/** @throws Error when it never will */
function hasVolume(asked: PersistentVolumeClaim, node: Node, volumes: Volumes): boolean {
  const { name, uid } = asked.metadata;
  const claim = volumes.claim(asked);
  if (claim?.metadata.uid !== uid) throw new Error(`binding volumes: claim ${name} has gone`);
  if (!isBound(claim)) return false;
  const volume = volumes.volume(claim.spec.volumeName);
  if (volume && !reaches(volume, node))
    throw new Error(
      `binding volumes: pv "${volume.metadata.name}" node affinity doesn't match node "${node.metadata.name}"`,
    );
  return volume !== undefined;
}
