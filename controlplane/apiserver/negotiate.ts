/**
 * What a client accepts: which view of the objects, in which text form.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
 */
import { StatusError } from "#api/status-error.js";
import type { ApiRequest } from "./request.js";

export interface Representation {
  readonly view: "full" | "metadata" | "table";
  readonly format: "json" | "yaml";
  readonly pretty: boolean;
  /** What a table row carries of its object. */
  readonly includeObject: "None" | "Metadata" | "Object";
}

const PLAIN: Representation = { view: "full", format: "json", pretty: false, includeObject: "Metadata" };

interface MediaType {
  type: string;
  parameters: Record<string, string>;
}

/** Accept headers repeat: what was read once is kept. */
const parsed = new Map<string, readonly MediaType[]>();

type Asked = Pick<ApiRequest, "accept" | "direct" | "query" | "userAgent" | "verb">;

/**
 * @param onlyFull what is asked for has no other view than itself: reviews, which have no metadata
 * @throws StatusError 406 when nothing that is accepted can be made
 */
export function negotiate(request: Asked, onlyFull = false): Representation {
  const pretty = wantsPretty(request);
  const { accept } = request;
  if (accept === undefined || accept === "" || accept === "application/json") {
    return pretty ? { ...PLAIN, pretty } : PLAIN;
  }
  for (const media of mediaTypes(accept)) {
    const chosen = represent(media, request);
    if (chosen && !(onlyFull && chosen.view !== "full")) return { ...chosen, pretty };
  }
  const message = "only the following media types are accepted: application/json, application/yaml";
  throw new StatusError(406, "NotAcceptable", message);
}

function represent({ type, parameters }: MediaType, request: Asked): Representation | undefined {
  const format = formatOf(type);
  if (!format || (format === "yaml" && request.verb === "watch")) return undefined;
  const { as, g, v } = parameters;
  if (as === undefined) return { ...PLAIN, format };
  if (g !== "meta.k8s.io" || (v !== "v1" && v !== "v1beta1")) return undefined;
  if (as === "Table") return { ...PLAIN, view: "table", format, includeObject: includeObject(request) };
  const wanted = request.verb === "list" ? "PartialObjectMetadataList" : "PartialObjectMetadata";
  return as === wanted ? { ...PLAIN, view: "metadata", format } : undefined;
}

function formatOf(type: string): "json" | "yaml" | undefined {
  if (type === "application/json" || type === "*/*" || type === "application/*") return "json";
  return type === "application/yaml" ? "yaml" : undefined;
}

function includeObject({ query }: Asked): Representation["includeObject"] {
  const value = query.get("includeObject");
  return value === "None" || value === "Object" ? value : "Metadata";
}

/** People at a terminal or browser get indented text, as upstream does. */
function wantsPretty({ query, userAgent, direct }: Asked): boolean {
  if (direct) return false;
  const value = query.get("pretty");
  if (value !== null) return value !== "false" && value !== "0";
  return userAgent === "curl" || userAgent === "Wget" || userAgent === "Mozilla";
}

/** In the order of the client's preference. */
function mediaTypes(accept: string): readonly MediaType[] {
  const known = parsed.get(accept);
  if (known) return known;
  const list = accept
    .split(",")
    .map(parseMediaType)
    .sort((a, b) => quality(b) - quality(a));
  if (parsed.size < 500) parsed.set(accept, list);
  return list;
}

function parseMediaType(text: string): MediaType {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const pairs = rest.map((part) => part.split("=") as [string, string]);
  return { type: type.toLowerCase(), parameters: Object.fromEntries(pairs) };
}

const quality = (media: MediaType) => Number(media.parameters["q"] ?? 1);
