import type { Endpoint, EndpointSlice } from "#api/generated/types.js";
import { semanticEqual } from "#api/semantic-equal.js";

const MAX_ENDPOINTS = 100;

export interface FilledSlices {
  /** Slices that stay, each with its endpoints; the very same array when nothing changed. */
  kept: { slice: EndpointSlice; endpoints: Endpoint[] }[];
  /** Endpoints of slices to be made. */
  added: Endpoint[][];
  /** Slices nothing is left in. */
  empty: EndpointSlice[];
}

const identity = (endpoint: Endpoint) => `${endpoint.targetRef?.uid ?? ""} ${endpoint.addresses.join(",")}`;

/** Distributes the wanted endpoints of one port list over slices: existing ones keep what is theirs, in place. */
export function fillSlices(slices: readonly EndpointSlice[], wanted: readonly Endpoint[]): FilledSlices {
  const missing = new Map(wanted.map((endpoint) => [identity(endpoint), endpoint]));
  const kept = slices.map((slice) => {
    let changed = false;
    const endpoints: Endpoint[] = [];
    for (const endpoint of slice.endpoints ?? []) {
      const next = missing.get(identity(endpoint));
      missing.delete(identity(endpoint));
      if (next) endpoints.push(semanticEqual(endpoint, next) ? endpoint : next);
      if (endpoints.at(-1) !== endpoint) changed = true;
    }
    return { slice, endpoints, changed };
  });
  const rest = [...missing.values()];
  // Slices that must be written anyway first, then the fullest: few writes, few slices.
  const byPreference = [...kept].sort(
    (a, b) => Number(b.changed) - Number(a.changed) || b.endpoints.length - a.endpoints.length,
  );
  for (const target of byPreference) {
    const room = MAX_ENDPOINTS - target.endpoints.length;
    if (rest.length === 0 || room <= 0) continue;
    target.endpoints.push(...rest.splice(0, room));
    target.changed = true;
  }
  const added: Endpoint[][] = [];
  while (rest.length > 0) added.push(rest.splice(0, MAX_ENDPOINTS));
  if (wanted.length === 0 && slices.length === 0) added.push([]);
  const surplus = kept.filter(({ endpoints }, i) => endpoints.length === 0 && (wanted.length > 0 || i > 0));
  return {
    kept: kept
      .filter((entry) => !surplus.includes(entry))
      .map(({ slice, endpoints, changed }) => ({ slice, endpoints: changed ? endpoints : slice.endpoints })),
    added,
    empty: surplus.map(({ slice }) => slice),
  };
}
