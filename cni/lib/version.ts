/** Which versions of the specification we speak, and a result in the words of each. */
import { CniCode, CniError } from "./error.js";
import type { Result } from "./types.js";

export const CURRENT_VERSION = "1.1.0";
export const SUPPORTED_VERSIONS: readonly string[] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/** @returns whether version `a` is at least `b`; both are "x.y.z" */
export function atLeast(a: string, b: string): boolean {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** @throws CniError incompatibleVersion */
export function requireVersion(version: string, supported: readonly string[] = SUPPORTED_VERSIONS): void {
  if (supported.includes(version)) return;
  const details = `config is "${version}", plugin supports ${JSON.stringify(supported)}`;
  throw new CniError(CniCode.incompatibleVersion, "incompatible CNI versions", details);
}

/** A result as `version` words it: before 1.0.0 each address names its family, before 1.1.0 links have no MTU. */
export function resultFor(version: string, result: Result): Result {
  const interfaces = result.interfaces?.map(({ mtu, ...link }) =>
    mtu !== undefined && atLeast(version, "1.1.0") ? { ...link, mtu } : link,
  );
  const routes = result.routes?.map((route) =>
    atLeast(version, "1.1.0") ? route : { dst: route.dst, ...(route.gw ? { gw: route.gw } : {}) },
  );
  const ips = result.ips?.map((ip) =>
    atLeast(version, "1.0.0") ? ip : { version: ip.address.includes(":") ? "6" : "4", ...ip },
  );
  return {
    cniVersion: version,
    ...(interfaces?.length ? { interfaces } : {}),
    ...(ips?.length ? { ips } : {}),
    ...(routes?.length ? { routes } : {}),
    dns: result.dns ?? {},
  };
}

/** A result of any version in the current form. Other implementations send null for an empty list. */
export function readResult(result: Result): Result {
  const ips = (result.ips ?? []).map((ip) => {
    const { version: _family, ...rest } = ip as typeof ip & { version?: string };
    return rest;
  });
  return { interfaces: result.interfaces ?? [], ips, routes: result.routes ?? [], dns: result.dns ?? {} };
}
