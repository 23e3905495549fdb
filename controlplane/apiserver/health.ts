/** /healthz, /livez, /readyz. https://kubernetes.io/docs/reference/using-api/health-checks/ */
import type { Logger } from "pino";
import { type Reply, type RouteRequest, textReply } from "./reply.js";
import { unknownResource } from "./resource-table.js";
import type { Routes } from "./routes.js";

export interface HealthCheck {
  readonly name: string;
  /** Which endpoints ask it; all when absent. A server that is up but not ready fails a readyz-only check. */
  readonly only?: "readyz";
  /** Throws (or rejects) when something is wrong. */
  check(): void | Promise<void>;
}

export function addHealth(routes: Routes, checks: readonly HealthCheck[], logger: Logger): void {
  const all: HealthCheck[] = [{ name: "ping", check: () => undefined }, ...checks];
  for (const endpoint of ["healthz", "livez", "readyz"]) {
    const own = all.filter(({ only }) => only === undefined || only === endpoint);
    routes.add("get", `/${endpoint}`, (request) => answer(endpoint, own, request, logger));
    for (const check of own) {
      routes.add("get", `/${endpoint}/${check.name}`, (request) => answer(endpoint, [check], request, logger));
    }
    routes.addBelow(`/${endpoint}/`, () => {
      throw unknownResource();
    });
  }
}

async function answer(
  endpoint: string,
  checks: readonly HealthCheck[],
  { info }: RouteRequest,
  logger: Logger,
): Promise<Reply> {
  const excluded = new Set(info.query.getAll("exclude"));
  const lines: string[] = [];
  let failed = false;
  for (const { name, check } of checks) {
    if (excluded.has(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    try {
      await check();
      lines.push(`[+]${name} ok`);
    } catch (error) {
      failed = true;
      // Anyone may ask: the reason stays in the log.
      logger.warn({ err: error, check: name, endpoint }, "health check failed");
      lines.push(`[-]${name} failed: reason withheld`);
    }
  }
  if (failed) return textReply(`${lines.join("\n")}\n${endpoint} check failed\n`, 500);
  if (info.query.has("verbose")) return textReply(`${lines.join("\n")}\n${endpoint} check passed\n`);
  return textReply("ok");
}
