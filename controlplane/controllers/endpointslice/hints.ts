/**
 * Whom each endpoint is for, so that clients find one near them.
 * https://kubernetes.io/docs/concepts/services-networking/topology-aware-routing/ Pure.
 */
import type { Endpoint, Service } from "#api/generated/types.js";

export const TOPOLOGY_MODE = "service.kubernetes.io/topology-mode";
const CLOSE = new Set(["PreferClose", "PreferSameZone", "PreferSameNode"]);
/** How many times its fair share an endpoint may get before hints do more harm than good. */
const OVERLOAD = 1.2;

export const isAuto = ({ metadata }: Service) => metadata.annotations?.[TOPOLOGY_MODE]?.toLowerCase() === "auto";

/**
 * @param zoneCpu milli-CPU of the ready nodes of each zone; undefined when a node is in none: no zones can be told then
 * @returns the endpoints with their hints; not ready ones have none
 */
export function withHints(
  service: Service,
  endpoints: readonly Endpoint[],
  zoneCpu: ReadonlyMap<string, number> | undefined,
): Endpoint[] {
  if (isAuto(service)) return zoneCpu ? proportional(endpoints, zoneCpu) : [...endpoints];
  const { trafficDistribution = "" } = service.spec;
  if (!CLOSE.has(trafficDistribution)) return [...endpoints];
  return endpoints.map((endpoint) => {
    const { zone, nodeName, conditions } = endpoint;
    const forNodes = trafficDistribution === "PreferSameNode" && nodeName ? { forNodes: [{ name: nodeName }] } : {};
    const hints = { ...(zone ? { forZones: [{ name: zone }] } : {}), ...forNodes };
    return conditions?.ready && Object.keys(hints).length > 0 ? { ...endpoint, hints } : endpoint;
  });
}

/** Every zone gets about as many endpoints as it has of the cluster's CPU, its own first. None at all where that cannot be. */
function proportional(endpoints: readonly Endpoint[], zoneCpu: ReadonlyMap<string, number>): Endpoint[] {
  const ready = endpoints.filter(({ conditions }) => conditions?.ready);
  const total = [...zoneCpu.values()].reduce((sum, cpu) => sum + cpu, 0);
  const least = new Map([...zoneCpu].map(([zone, cpu]) => [zone, Math.ceil((ready.length * cpu) / total / OVERLOAD)]));
  const wanted = [...least.values()].reduce((sum, count) => sum + count, 0);
  if (zoneCpu.size < 2 || wanted > ready.length || ready.some(({ zone }) => !zone || !zoneCpu.has(zone)))
    return [...endpoints];
  const zoneOf = new Map(ready.map((endpoint) => [endpoint, endpoint.zone as string]));
  const count = (zone: string) => [...zoneOf.values()].filter((name) => name === zone).length;
  const surplus = (zone: string) => count(zone) - (least.get(zone) ?? 0);
  for (const poor of [...zoneCpu.keys()].sort())
    while (surplus(poor) < 0) {
      const rich = [...zoneCpu.keys()].sort().reduce((a, b) => (surplus(b) > surplus(a) ? b : a));
      const given = [...zoneOf].findLast(([, zone]) => zone === rich)?.[0];
      if (!given) return [...endpoints];
      zoneOf.set(given, poor);
    }
  return endpoints.map((endpoint) => {
    const zone = zoneOf.get(endpoint);
    return zone ? { ...endpoint, hints: { forZones: [{ name: zone }] } } : endpoint;
  });
}
