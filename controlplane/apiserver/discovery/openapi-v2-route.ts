/**
 * /openapi/v2: everything in one document. kubectl asks for it where it does not find a kind in v3, which is so for List.
 * It is passed on from its file, which is compressed: nothing of it stays in memory.
 */
import { createGunzip } from "node:zlib";
import type { OpenApiV2File, OpenApiV2Form } from "#api/openapi.js";
import { StatusError } from "#api/status-error.js";
import type { Route } from "../reply.js";

const JSON_TYPE = "application/json";
const BINARY_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/** How clients ask for the binary form: `@` was its first spelling, and kubectl keeps to it. */
const binaryTypes = new Set([BINARY_TYPE, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"]);
const jsonTypes = new Set([JSON_TYPE, "application/*", "*/*", ""]);

export function openApiV2Route(openV2: (form: OpenApiV2Form) => Promise<OpenApiV2File>): Route {
  return async ({ headers }) => {
    const form = formOf(String(headers.accept ?? ""));
    const contentType = form === "json" ? JSON_TYPE : BINARY_TYPE;
    const { tag, body } = await openV2(form);
    const common = { ETag: `"${tag}"`, Vary: "Accept, Accept-Encoding" };
    if (headers["if-none-match"] === common.ETag) {
      body.destroy();
      return { status: 304, contentType, chunks: [], headers: common };
    }
    if (String(headers["accept-encoding"] ?? "").includes("gzip")) {
      return { status: 200, contentType, body, headers: { ...common, "Content-Encoding": "gzip" } };
    }
    const plain = createGunzip();
    body.on("error", (error) => plain.destroy(error));
    plain.on("close", () => body.destroy());
    return { status: 200, contentType, body: body.pipe(plain), headers: common };
  };
}

/** @throws StatusError 406 */
function formOf(accept: string): OpenApiV2Form {
  for (const item of accept.split(",")) {
    const type = (item.split(";")[0] as string).trim().toLowerCase();
    if (binaryTypes.has(type)) return "protobuf";
    if (jsonTypes.has(type)) return "json";
  }
  const accepted = [JSON_TYPE, BINARY_TYPE].join(", ");
  throw new StatusError(406, "NotAcceptable", `only the following media types are accepted: ${accepted}`);
}
