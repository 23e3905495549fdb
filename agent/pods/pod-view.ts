/** What the engine has of one Pod: the facts that plan and status are made from. */
import type { ContainerState, Sandbox } from "../runtime/runtime.js";

export interface PodView {
  readonly sandboxes: readonly Sandbox[];
  readonly containers: readonly ContainerState[];
}

/** The sandbox that counts: of the running ones, or else of all, the one made last. */
export function currentSandbox(view: PodView): Sandbox | undefined {
  const running = view.sandboxes.filter((sandbox) => sandbox.running);
  return (running.length > 0 ? running : [...view.sandboxes]).sort((a, b) => b.attempt - a.attempt)[0];
}

/** The attempts of one container, newest first. */
export function attemptsOf(view: PodView, name: string): ContainerState[] {
  return view.containers.filter((c) => c.name === name).sort((a, b) => b.attempt - a.attempt);
}

export function latestOf(view: PodView, name: string): ContainerState | undefined {
  return attemptsOf(view, name)[0];
}

/** Docker leaves a container that could not be started in state "created", with the error. */
export function failedToStart(container: ContainerState): boolean {
  return container.state === "created" && (container.error !== "" || container.exitCode !== 0);
}

export function hasEnded(container: ContainerState): boolean {
  return container.state === "exited" || failedToStart(container);
}

export function endedAt(container: ContainerState): number {
  return container.finishedAt || container.createdAt;
}
