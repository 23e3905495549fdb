import type { Container, Pod } from "#api/generated/types.js";
import { hookTrouble, runHook } from "./lifecycle-hook.js";
import type { Condemned } from "./plan.js";
import { type PodEnvironment, podLabel } from "./pod-environment.js";

/** postStart hooks under way: a container counts as started when its hook is through, and is killed when it fails. */
export class HookRuns {
  readonly #pending = new Set<string>();
  readonly condemned = new Map<string, Condemned>();

  constructor(
    private readonly env: PodEnvironment,
    private readonly wake: () => void,
  ) {}

  isPending(containerId: string): boolean {
    return this.#pending.has(containerId);
  }

  /** Starts the container's postStart hook, if it has one. */
  postStart(pod: Pod, container: Container, containerId: string, podIP: string): void {
    const hook = container.lifecycle?.postStart;
    if (!hook) return;
    const { runtime, clock, events, logger } = this.env;
    this.#pending.add(containerId);
    runHook(hook, { runtime, clock, container, containerId, podIP }, 0)
      .catch((error) => {
        logger.warn({ pod: podLabel(pod), why: hookTrouble(hook, error) }, "a postStart hook failed");
        events.container(pod, container, "Warning", "FailedPostStartHook", "PostStartHook failed");
        this.condemned.set(containerId, { message: "FailedPostStartHook" });
      })
      .finally(() => {
        this.#pending.delete(containerId);
        this.wake();
      });
  }
}
