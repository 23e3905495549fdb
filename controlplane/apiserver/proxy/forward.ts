/**
 * One request through the proxy subresource, and its answer. Bodies go at the pace of the slower side in both directions; an
 * answer begins when the first of it has come.
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (connect ... proxy)
 */
import { type IncomingMessage, type RequestOptions, type ServerResponse, request as send } from "node:http";
import { type Duplex, pipeline } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { StatusError } from "#api/status-error.js";
import { ClientGone } from "../http/read-body.js";
import { requestHeaders, responseHeaders } from "./headers.js";
import { htmlLinks, rewriteLink, type Site } from "./links.js";
import type { ProxyTarget } from "./target.js";

/** What the client's URL says beyond which object it means. */
export interface ProxyPath {
  /** Up to and with "proxy". */
  readonly prefix: string;
  /** Path and query behind it, as sent; "" or "?..." when the client left the slash out. */
  readonly rest: string;
}

const DECODERS: Readonly<Record<string, () => Duplex>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * @returns the status sent, as soon as the answer has begun
 * @throws StatusError (503) as long as nothing has been sent; ClientGone
 */
export async function forward(
  target: ProxyTarget,
  { prefix, rest }: ProxyPath,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<number> {
  const { method = "GET" } = request;
  if (!rest.startsWith("/") && (method === "GET" || method === "HEAD")) {
    // Relative links of the page would be taken to begin one level too high.
    response.writeHead(301, { Location: `${prefix}/${rest}`, "Content-Length": 0 }).end();
    return 301;
  }
  const path = pathBehind(rest);
  const headers = requestHeaders(request, prefix + path.replace(/\?.*/s, ""));
  const answer = await exchange(target, { method, path, headers }, request, response);
  const site = { prefix, host: target.host, seenAs: request.headers.host ?? "" };
  return passOn(answer, site, response, method !== "HEAD");
}

export const pathBehind = (rest: string) => (rest.startsWith("/") ? rest : `/${rest}`);

/** A connection for one request. @throws StatusError 503 whatever is in the way, as upstream has it */
export async function dialFor(target: ProxyTarget): Promise<Duplex> {
  try {
    return await target.dial();
  } catch (error) {
    throw unreachable(error as Error);
  }
}

export const unreachable = ({ message }: Error) =>
  new StatusError(503, "ServiceUnavailable", `error trying to reach service: ${message}`);

async function exchange(
  target: ProxyTarget,
  options: RequestOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<IncomingMessage> {
  const connection = await dialFor(target);
  return new Promise((resolve, reject) => {
    const outgoing = send({ ...options, createConnection: () => connection });
    const clientGone = () => {
      outgoing.destroy();
      reject(new ClientGone());
    };
    response.once("close", clientGone);
    outgoing.on("response", (answer) => {
      response.off("close", clientGone);
      resolve(answer);
    });
    // After the answer has begun, this is about a body that the other side does not want to read to its end.
    outgoing.on("error", (error) => {
      request.unpipe(outgoing).resume();
      reject(unreachable(error));
    });
    outgoing.on("close", () => connection.destroy());
    request.pipe(outgoing);
  });
}

/** @param withBody false for the answer to a HEAD */
export function passOn(answer: IncomingMessage, site: Site, response: ServerResponse, withBody: boolean): number {
  const { statusCode = 502, statusMessage, headers } = answer;
  const { location, "content-type": type = "", "content-encoding": encoding = "" } = headers;
  const decoder = DECODERS[encoding];
  const isPage = withBody && !location && /^\s*text\/html\s*(;|$)/i.test(type) && (decoder || !encoding);
  const kept = responseHeaders(answer, isPage ? ["location", "content-length", "content-encoding"] : ["location"]);
  if (location !== undefined) kept.push("Location", rewriteLink(location, site));
  response.writeHead(statusCode, statusMessage, kept);
  response.flushHeaders();
  const steps = isPage ? [...(decoder ? [decoder()] : []), ...htmlLinks(site)] : [];
  // The head has gone: all that is left to say an error with is a cut connection, which `pipeline` leaves behind.
  pipeline([answer, ...steps, response], () => undefined);
  return statusCode;
}
