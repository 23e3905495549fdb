/**
 * Image references in Docker's full form. Grammar: https://pkg.go.dev/github.com/distribution/reference
 * (a domain has a dot, a colon or is "localhost"; names without one are Docker Hub's; no tag means "latest").
 */

const DEFAULT_DOMAIN = "docker.io";
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const DOMAIN = /^(?:localhost|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::\d+)?$/;
const TAG = /^[\w][\w.-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;

export interface ImageReference {
  /** "docker.io", "registry.example:5000". */
  domain: string;
  /** "library/nginx". */
  path: string;
  tag?: string;
  digest?: string;
}

export class InvalidImageName extends Error {
  override name = "InvalidImageName";
}

/** @throws InvalidImageName in the words kubelets use */
export function parseImageReference(image: string): ImageReference {
  const refuse = (why: string) =>
    new InvalidImageName(
      `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format${why}`,
    );
  const [named = "", digest] = splitOnce(image, "@");
  const slash = named.indexOf("/");
  const first = slash < 0 ? "" : named.slice(0, slash);
  const hasDomain = /[.:]/.test(first) || first === "localhost" || /[A-Z]/.test(first);
  const rest = hasDomain ? named.slice(slash + 1) : named;
  const [path = "", tag] = splitOnce(rest, ":");
  const domain = hasDomain ? first : DEFAULT_DOMAIN;
  const full = domain === DEFAULT_DOMAIN && !path.includes("/") ? `library/${path}` : path;
  if (/[A-Z]/.test(path)) throw refuse(`: repository name (${full}) must be lowercase`);
  if (!PATH.test(path) || !DOMAIN.test(domain)) throw refuse("");
  if (tag !== undefined && !TAG.test(tag)) throw refuse("");
  if (digest !== undefined && !DIGEST.test(digest)) throw refuse("");
  return { domain, path: full, tag: tag ?? (digest ? undefined : "latest"), digest };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** What to ask the engine for: the name as given, with the tag made explicit so that a pull fetches one image, not all. */
export function engineReference(image: string): string {
  const { tag, digest } = parseImageReference(image);
  return digest || image.endsWith(`:${tag}`) ? image : `${image}:${tag}`;
}

/** One name for all ways to write a reference: "nginx" and "docker.io/library/nginx:latest" are the same. */
export function canonicalReference(image: string): string {
  const { domain, path, tag, digest } = parseImageReference(image);
  return `${domain}/${path}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`;
}

/** "docker.io/library/nginx" */
export function repositoryOf(image: string): string {
  const { domain, path } = parseImageReference(image);
  return `${domain}/${path}`;
}
