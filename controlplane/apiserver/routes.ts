/** Paths that are not resources: exact ones by look-up, then the few that stand for everything below them. */
import { methodNotAllowed } from "#api/status-error.js";
import type { Route } from "./reply.js";
import type { RequestInfo } from "./request-info.js";
import { unknownResource } from "./resource-table.js";

export class Routes {
  readonly #exact = new Map<string, Map<string, Route>>();
  readonly #below: { prefix: string; route: Route }[] = [];

  /** @param verb lower-case method */
  add(verb: string, path: string, route: Route): void {
    const byVerb = this.#exact.get(path) ?? new Map<string, Route>();
    this.#exact.set(path, byVerb.set(verb, route));
  }

  /** GET of every path that starts so. */
  addBelow(prefix: string, route: Route): void {
    this.#below.push({ prefix, route });
  }

  /** The exact paths that take this method. */
  paths(verb: string): string[] {
    return [...this.#exact].filter(([, byVerb]) => byVerb.has(verb)).map(([path]) => path);
  }

  /** @throws StatusError 404, 405 */
  find({ path, verb }: RequestInfo): Route {
    const method = verb === "head" ? "get" : verb;
    const trimmed = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    const byVerb = this.#exact.get(trimmed);
    const route = byVerb?.get(method);
    if (route) return route;
    if (byVerb) throw methodNotAllowed();
    const below = this.#below.find(({ prefix }) => trimmed.startsWith(prefix));
    if (!below) throw unknownResource();
    if (method !== "get") throw methodNotAllowed();
    return below.route;
  }
}
