import { keyOf } from "#api/object.js";
import type { Problem } from "./model.js";

/** Which problems were told already: one is told again only after it was gone for a while. */
export class Told {
  #known = new Set<string>();

  /** The ones not among those of last time. */
  news(problems: readonly Problem[]): Problem[] {
    const now = new Map(problems.map((problem) => [identity(problem), problem]));
    const fresh = [...now].filter(([key]) => !this.#known.has(key)).map(([, problem]) => problem);
    this.#known = new Set(now.keys());
    return fresh;
  }

  forgetAll(): void {
    this.#known.clear();
  }
}

const identity = ({ ingress, reason, message }: Problem) =>
  JSON.stringify([keyOf(ingress), ingress.metadata.uid, reason, message]);
