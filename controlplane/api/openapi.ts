/** The OpenAPI documents that scripts/generate wrote at build time, as files beside the compiled code. */
import { readdirSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import type { Readable } from "node:stream";

const directory = new URL("../../generated/openapi/", import.meta.url);

/** "api/v1" → "api__v1.json", "apis/apps/v1" → "apis__apps__v1.json" */
const fileOf = (path: string) => `${path.replaceAll("/", "__")}.json`;

/** What is documented, as the paths of /openapi/v3: "api/v1", "apis/apps/v1". */
export function openApiPaths(): string[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(".json"));
  return files.map((file) => file.slice(0, -".json".length).replaceAll("__", "/")).sort();
}

/** The document of one of {@link openApiPaths}, as JSON text. */
export function readOpenApi(path: string): Promise<Buffer> {
  return readFile(new URL(fileOf(path), directory));
}

export type OpenApiV2Form = "json" | "protobuf";

export interface OpenApiV2File {
  /** Another one for another content. */
  readonly tag: string;
  /** The document, compressed with gzip. */
  readonly body: Readable;
}

/** The OpenAPI v2 document of everything, never whole in memory. The caller reads or destroys the body. */
export async function openOpenApiV2(form: OpenApiV2Form): Promise<OpenApiV2File> {
  const file = await open(new URL(form === "json" ? "v2.json.gz" : "v2.pb.gz", directory));
  const { size, mtimeMs } = await file.stat();
  return { tag: `${form}-${size}-${Math.round(mtimeMs)}`, body: file.createReadStream() };
}

/** For the API server's /openapi routes. */
export const openApiSource = { paths: openApiPaths, read: readOpenApi, openV2: openOpenApiV2 };
