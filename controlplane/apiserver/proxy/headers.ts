/** Headers through the proxy: what concerns only one of its two connections, and every credential, stays behind. */
import type { IncomingMessage } from "node:http";

/** RFC 9110, 7.6.1, and `Expect`, which has been answered here. */
const HOP_BY_HOP = [
  ...["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"],
  ...["te", "trailer", "transfer-encoding", "upgrade", "expect"],
];
/** Who asks is known here, and is nothing a Pod should learn or be told. */
const IDENTITY = /^(authorization$|impersonate-|x-remote-)/;
/** Set anew. */
const FORWARDED = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-uri"];
/** A Pod does not say which sites may use the API server's origin. */
const CORS = ["credentials", "headers", "methods", "origin"].map((what) => `access-control-allow-${what}`);
/** How a browser sends a bearer token, being unable to set headers for a WebSocket. */
const TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io.";

/**
 * Names and values in turn, for a request that goes on.
 * @param uri where the client sees what it asks for
 */
export function requestHeaders(request: IncomingMessage, uri: string): string[] {
  const { headers, socket, method = "GET" } = request;
  const kept = without(request, [...HOP_BY_HOP, ...FORWARDED, "sec-websocket-protocol"], IDENTITY);
  const protocols = withoutToken(headers["sec-websocket-protocol"]);
  if (protocols) kept.push("Sec-WebSocket-Protocol", protocols);
  const before = headers["x-forwarded-for"];
  const client = socket.remoteAddress ?? "";
  kept.push("X-Forwarded-For", before ? `${[before].flat().join(", ")}, ${client}` : client);
  if (headers.host) kept.push("X-Forwarded-Host", headers.host);
  kept.push("X-Forwarded-Proto", "https", "X-Forwarded-Uri", uri);
  // How the body ends was said for the other connection; a body without an end would be one for every method.
  if (headers["transfer-encoding"]) kept.push("Transfer-Encoding", "chunked");
  else if (headers["content-length"] === undefined && ["POST", "PUT", "PATCH"].includes(method))
    kept.push("Content-Length", "0");
  return kept;
}

/** Names and values in turn, for an answer that goes back. @param but further ones that do not, in lower case */
export function responseHeaders(response: IncomingMessage, but: readonly string[] = []): string[] {
  return without(response, [...HOP_BY_HOP, ...CORS, ...but]);
}

function without({ rawHeaders, headers }: IncomingMessage, names: readonly string[], pattern?: RegExp): string[] {
  const named = (headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase());
  const left = new Set([...names, ...named]);
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!left.has(name) && !pattern?.test(name)) kept.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  return kept;
}

export function withoutToken(protocols = ""): string {
  const names = protocols.split(",").map((name) => name.trim());
  return names.filter((name) => !name.startsWith(TOKEN_PROTOCOL)).join(", ");
}
