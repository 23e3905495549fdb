/** What a list of the engine says, Pod by Pod. */
import type { ContainerSummary, PodIdentity, Sandbox } from "../runtime/runtime.js";
import { RuntimeView } from "./runtime-view.js";

export interface FoundPod {
  identity: PodIdentity;
  sandboxes: Sandbox[];
  containers: ContainerSummary[];
  /** Everything in it is still to be inspected. */
  view: RuntimeView;
}

/** By the Pods' uids. */
export function viewsOf(sandboxes: readonly Sandbox[], containers: readonly ContainerSummary[]): Map<string, FoundPod> {
  const found = new Map<string, FoundPod>();
  const of = (identity: PodIdentity) => {
    const known = found.get(identity.uid);
    if (known) return known;
    const fresh = { identity, sandboxes: [], containers: [], view: new RuntimeView() };
    found.set(identity.uid, fresh);
    return fresh;
  };
  for (const sandbox of sandboxes) {
    of(sandbox.pod).sandboxes.push(sandbox);
    of(sandbox.pod).view.markStale("sandbox", sandbox.id);
  }
  for (const container of containers) {
    of(container.pod).containers.push(container);
    of(container.pod).view.markStale("container", container.id);
  }
  return found;
}
