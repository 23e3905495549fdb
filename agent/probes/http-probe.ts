import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import axios, { AxiosError, type AxiosResponse } from "axios";
import type { HTTPGetAction } from "#api/generated/types.js";
import { failure, MAX_PROBE_OUTPUT, type ProbeResult, success } from "./probe-result.js";
import { socketErrorText } from "./socket-error.js";

const MAX_REDIRECTS = 10;

/**
 * GET; 200 to 399 is success. Certificates are not verified, redirects to other hosts are not followed (and count as
 * success): https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#http-probes
 */
export async function httpProbe(
  action: HTTPGetAction,
  host: string,
  port: number,
  timeoutMs: number,
): Promise<ProbeResult> {
  const url = probeUrl(action, host, port);
  try {
    const response = await get(url, action, timeoutMs);
    const { status } = response;
    return status >= 200 && status < 400 ? success : failure(`HTTP probe failed with statuscode: ${status}`);
  } catch (error) {
    return failure(`Get "${url}": ${reasonOf(error, `${hostOf(url)}`)}`);
  }
}

export function probeUrl({ scheme = "HTTP", path = "/" }: HTTPGetAction, host: string, port: number): string {
  const authority = host.includes(":") ? `[${host}]` : host;
  return `${scheme.toLowerCase()}://${authority}:${port}${path.startsWith("/") ? path : `/${path}`}`;
}

async function get(url: string, action: HTTPGetAction, timeoutMs: number): Promise<AxiosResponse> {
  const deadline = AbortSignal.timeout(timeoutMs);
  let target = url;
  for (let round = 0; ; round++) {
    const response = await axios.get(target, {
      // The client's own time-out watches the socket only; this one bounds the whole probe.
      signal: deadline,
      headers: headersOf(action),
      maxRedirects: 0,
      maxContentLength: -1,
      responseType: "stream",
      decompress: false,
      proxy: false,
      validateStatus: () => true,
      httpAgent: new HttpAgent({ keepAlive: false }),
      httpsAgent: new HttpsAgent({ keepAlive: false, rejectUnauthorized: false }),
    });
    response.data.destroy();
    const next = redirectTarget(target, response);
    if (!next || round === MAX_REDIRECTS) return response;
    target = next;
  }
}

function headersOf({ httpHeaders = [] }: HTTPGetAction): Record<string, string> {
  const headers: Record<string, string> = { "User-Agent": "kube-probe/1.35", Accept: "*/*", Connection: "close" };
  for (const { name, value } of httpHeaders) {
    for (const known of Object.keys(headers)) if (known.toLowerCase() === name.toLowerCase()) delete headers[known];
    if (value !== "") headers[name] = value;
  }
  return headers;
}

/** Where to go on, on the same host only. */
function redirectTarget(from: string, { status, headers }: AxiosResponse): string | undefined {
  const location = headers["location"] as string | undefined;
  if (status < 300 || status >= 400 || !location || !URL.canParse(location, from)) return undefined;
  const target = new URL(location, from);
  return target.hostname === new URL(from).hostname ? target.href : undefined;
}

function hostOf(url: string): string {
  const { host, port, protocol } = new URL(url);
  return port ? host : `${host}:${protocol === "https:" ? 443 : 80}`;
}

function reasonOf(error: unknown, address: string): string {
  if (axios.isCancel(error)) return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
  const cause = error instanceof AxiosError ? error : (error as Error);
  return socketErrorText(cause as NodeJS.ErrnoException, address).slice(0, MAX_PROBE_OUTPUT);
}
