import type { PathMatch } from "./model.js";

/** nginx keeps the length of a location's name, slash at its end included, in a byte: a longer one would match other paths. */
const MAX_PATH_BYTES = 254;

/**
 * How a path of an Ingress matches. Types that are not Exact match by elements, as Prefix does. Percent escapes are
 * decoded, since requests are compared decoded.
 * @throws PathError for what no request can match or the proxy cannot hold
 */
export function readPath(path: string | undefined, pathType: string | undefined): PathMatch {
  const decoded = decode(path || "/");
  if (Buffer.byteLength(decoded) > MAX_PATH_BYTES) throw new PathError(`is longer than ${MAX_PATH_BYTES} bytes`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(decoded)) throw new PathError("contains control characters");
  if (/\p{Surrogate}/u.test(decoded)) throw new PathError("is not valid Unicode");
  if (!decoded.startsWith("/")) throw new PathError("is not absolute");
  if (pathType === "Exact") return { path: decoded, exact: true };
  return { path: decoded.replace(/\/+$/, "") || "/", exact: false };
}

export class PathError extends Error {
  override name = "PathError";
}

/** Text that is no valid escape stands for itself. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** True when every request that `match` takes is taken by `prefix` too. */
export function covers(prefix: PathMatch, match: PathMatch): boolean {
  if (prefix.exact) return match.exact && prefix.path === match.path;
  return prefix.path === "/" || match.path === prefix.path || match.path.startsWith(`${prefix.path}/`);
}
