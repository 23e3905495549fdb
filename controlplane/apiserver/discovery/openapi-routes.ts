/**
 * /openapi/v2, and /openapi/v3: the index, and a document per group version, named by the hash of its content so that clients keep it.
 * https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { OpenApiV2File, OpenApiV2Form } from "#api/openapi.js";
import type { Reply, RouteRequest } from "../reply.js";
import type { Routes } from "../routes.js";
import { openApiV2Route } from "./openapi-v2-route.js";

export interface OpenApiSource {
  /** "api/v1", "apis/apps/v1" */
  paths(): readonly string[];
  /** The document as JSON text. */
  read(path: string): Promise<Buffer>;
  openV2(form: OpenApiV2Form): Promise<OpenApiV2File>;
}

interface Document {
  readonly bytes: Buffer;
  readonly hash: string;
  zipped?: Promise<Buffer>;
}

const JSON_TYPE = "application/json";
const FOREVER = "Tue, 01 Jan 2036 00:00:00 GMT";
const compress = promisify(gzip);

export function addOpenApi(routes: Routes, source: OpenApiSource): void {
  const documents = new Map<string, Promise<Document>>();
  const load = (path: string) => {
    const known = documents.get(path) ?? source.read(path).then(hashed);
    documents.set(path, known);
    return known;
  };
  routes.add("get", "/openapi/v3", async () => {
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const path of source.paths()) {
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${(await load(path)).hash}` };
    }
    return { status: 200, contentType: JSON_TYPE, chunks: [Buffer.from(JSON.stringify({ paths }))] };
  });
  routes.add("get", "/openapi/v2", openApiV2Route(source.openV2));
  for (const path of source.paths()) {
    routes.add("get", `/openapi/v3/${path}`, async (request) => answer(await load(path), request));
  }
}

function hashed(bytes: Buffer): Document {
  return { bytes, hash: createHash("sha512").update(bytes).digest("hex").toUpperCase() };
}

async function answer(document: Document, { info, headers }: RouteRequest): Promise<Reply> {
  const etag = `"${document.hash}"`;
  const common: Record<string, string> = { ETag: etag, Vary: "Accept, Accept-Encoding" };
  if (info.query.get("hash") === document.hash) {
    common["Cache-Control"] = "public, immutable";
    common["Expires"] = FOREVER;
  }
  if (headers["if-none-match"] === etag) return { status: 304, contentType: JSON_TYPE, chunks: [], headers: common };
  if (!String(headers["accept-encoding"] ?? "").includes("gzip")) {
    return { status: 200, contentType: JSON_TYPE, chunks: [document.bytes], headers: common };
  }
  document.zipped ??= compress(document.bytes);
  return {
    status: 200,
    contentType: JSON_TYPE,
    chunks: [await document.zipped],
    headers: { ...common, "Content-Encoding": "gzip" },
  };
}
