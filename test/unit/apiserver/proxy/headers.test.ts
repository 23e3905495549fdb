import type { IncomingMessage } from "node:http";
import t from "tap";
import { requestHeaders, responseHeaders } from "#apiserver/proxy/headers.js";

const message = (headers: [string, string][], method = "GET"): IncomingMessage =>
  ({
    method,
    rawHeaders: headers.flat(),
    headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
    socket: { remoteAddress: "192.0.2.7" },
  }) as unknown as IncomingMessage;

t.test("no credential and nothing of one connection goes on", async (t) => {
  const sent = requestHeaders(
    message([
      ["Host", "api:6443"],
      ["Authorization", "Bearer secret"],
      ["Proxy-Authorization", "Basic secret"],
      ["Impersonate-User", "eve"],
      ["Impersonate-Extra-x", "y"],
      ["X-Remote-User", "eve"],
      ["Connection", "keep-alive, X-Own"],
      ["X-Own", "1"],
      ["TE", "trailers"],
      ["Cookie", "a=b"],
      ["X-Forwarded-For", "198.51.100.1"],
      ["X-Forwarded-Uri", "/lie"],
      ["Sec-WebSocket-Protocol", "base64url.bearer.authorization.k8s.io.c2VjcmV0, chat"],
    ]),
    "/seen",
  );
  t.same(sent, [
    ...["Host", "api:6443", "Cookie", "a=b", "Sec-WebSocket-Protocol", "chat"],
    ...["X-Forwarded-For", "198.51.100.1, 192.0.2.7", "X-Forwarded-Host", "api:6443"],
    ...["X-Forwarded-Proto", "https", "X-Forwarded-Uri", "/seen"],
  ]);
});

t.test("how a body ends is said again", async (t) => {
  const of = (method: string, ...headers: [string, string][]) =>
    requestHeaders(message(headers, method), "/").filter((_, i, all) =>
      /^(content-l|transfer)/i.test(all[i - (i % 2)]!),
    );
  t.same(of("GET"), []);
  t.same(of("POST"), ["Content-Length", "0"]);
  t.same(of("PUT", ["content-length", "3"]), ["content-length", "3"]);
  t.same(of("DELETE", ["Transfer-Encoding", "chunked"]), ["Transfer-Encoding", "chunked"]);
  const back = responseHeaders(
    message([
      ["Set-Cookie", "a"],
      ["Access-Control-Allow-Origin", "*"],
      ["set-cookie", "b"],
      ["Location", "/"],
    ]),
    ["location"],
  );
  t.same(back, ["Set-Cookie", "a", "set-cookie", "b"]);
});
