import type { ContainerState, ContainerSummary, Runtime, RuntimeEvent, Sandbox } from "../runtime/runtime.js";
import { hasEnded, type PodView } from "./pod-view.js";

/**
 * A Pod worker's picture of the engine. Events and lists only mark what is out of date; the facts come from inspecting
 * it, by the worker itself, so that the picture never runs behind the worker's own deeds.
 */
export class RuntimeView implements PodView {
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #containers = new Map<string, ContainerState>();
  readonly #stale = new Map<string, "sandbox" | "container">();

  get sandboxes(): readonly Sandbox[] {
    return [...this.#sandboxes.values()];
  }

  get containers(): readonly ContainerState[] {
    return [...this.#containers.values()];
  }

  get isEmpty(): boolean {
    return this.#sandboxes.size + this.#containers.size + this.#stale.size === 0;
  }

  putSandbox(sandbox: Sandbox): void {
    this.#sandboxes.set(sandbox.id, sandbox);
    this.#stale.delete(sandbox.id);
  }

  putContainer(container: ContainerState): void {
    this.#containers.set(container.id, container);
    this.#stale.delete(container.id);
  }

  drop(id: string): void {
    this.#sandboxes.delete(id);
    this.#containers.delete(id);
    this.#stale.delete(id);
  }

  markStale(type: "sandbox" | "container", id: string): void {
    this.#stale.set(id, type);
  }

  /** Returns whether the event told something new. */
  note({ type, action, id }: RuntimeEvent): boolean {
    const container = this.#containers.get(id);
    const sandbox = this.#sandboxes.get(id);
    const known = type === "sandbox" ? sandbox !== undefined : container !== undefined;
    if (action === "create" || (action === "destroy" && !known)) return false;
    if (action === "start" && (container?.state === "running" || sandbox?.running)) return false;
    if (action === "die" && ((container && hasEnded(container)) || sandbox?.running === false)) return false;
    this.markStale(type, id);
    return true;
  }

  /** Compares with a complete list; returns whether something is to be looked at. */
  compare(sandboxes: readonly Sandbox[], containers: readonly ContainerSummary[]): boolean {
    for (const { id, running } of sandboxes) {
      if (this.#sandboxes.get(id)?.running !== running) this.markStale("sandbox", id);
    }
    for (const { id, state } of containers) {
      if (this.#containers.get(id)?.state !== state) this.markStale("container", id);
    }
    const present = new Set([...sandboxes, ...containers].map(({ id }) => id));
    for (const id of this.#sandboxes.keys()) if (!present.has(id)) this.markStale("sandbox", id);
    for (const id of this.#containers.keys()) if (!present.has(id)) this.markStale("container", id);
    return this.#stale.size > 0;
  }

  /** Inspects what is out of date. */
  async refresh(runtime: Runtime): Promise<void> {
    await Promise.all([...this.#stale].map(([id, type]) => this.#refreshOne(runtime, id, type)));
  }

  async #refreshOne(runtime: Runtime, id: string, type: "sandbox" | "container"): Promise<void> {
    // First: an event that comes while we ask makes it stale again.
    this.#stale.delete(id);
    try {
      if (type === "sandbox") {
        const sandbox = await runtime.inspectSandbox(id);
        if (sandbox) this.#sandboxes.set(id, sandbox);
        else this.#sandboxes.delete(id);
      } else {
        const container = await runtime.inspectContainer(id);
        if (container) this.#containers.set(id, container);
        else this.#containers.delete(id);
      }
    } catch (error) {
      this.#stale.set(id, type);
      throw error;
    }
  }
}
