/** Whether a number or address is another service's: what both allocations ask. */
import type { Service } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import type { Holders } from "../kind.js";

/** True for what a service other than `service` holds. What it has itself is free for it. */
export function takenByOthers(service: Service, holders: Holders): (value: string | number) => boolean {
  const own = keyOf(service);
  return (value) => {
    const keys = holders.get(String(value));
    return keys !== undefined && !(keys.size === 1 && keys.has(own));
  };
}
