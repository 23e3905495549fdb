/** The client over HTTPS. One keep-alive pool; a watch has its connection to itself. Retries are the caller's. */
import { Agent } from "node:https";
import type { Readable } from "node:stream";
import axios, { type AxiosInstance, type AxiosRequestConfig } from "axios";
import type { DeleteOptions, Status } from "#api/generated/types.js";
import type { Draft, KubeList, KubeObject } from "#api/object.js";
import { type ResourceRef, resourcePath } from "#api/resource.js";
import { StatusError } from "#api/status-error.js";
import type {
  Client,
  ClientWatch,
  ListQuery,
  Patch,
  PatchQuery,
  WatchCallbacks,
  WatchQuery,
  WriteQuery,
} from "./client.js";
import { BOOKMARK_INTERVAL_HEADER, RestWatch } from "./rest-watch.js";
import { searchParams } from "./search-params.js";

export interface RestOptions {
  /** "https://10.0.0.1:6443" */
  readonly server: string;
  /** PEM; the server's certificate must be signed by it. */
  readonly ca: string;
  /** PEM. */
  readonly certificate?: string;
  readonly key?: string;
  /** Bearer token, when there is no certificate. */
  readonly token?: string;
  /** "berth-agent/0.1.0": its product part is the field manager. */
  readonly userAgent: string;
  /** Milliseconds for a call that is not a watch. Default 15 s. */
  readonly timeout?: number;
}

const JSON_TYPE = "application/json";
const DEFAULT_TIMEOUT = 15_000;
/** Twice the usual bookmark interval; the server's header overrides it. */
const DEFAULT_SILENCE = 20_000;

export class RestClient implements Client {
  readonly #http: AxiosInstance;
  #agent: Agent;
  /** How long a new watch may be silent (ms): what the server said last, so that one on a dead link is given up as soon. */
  #silence = DEFAULT_SILENCE;

  constructor(private readonly options: RestOptions) {
    this.#agent = newAgent(options);
    const headers: Record<string, string> = {
      Accept: JSON_TYPE,
      "Accept-Encoding": "identity",
      "User-Agent": options.userAgent,
    };
    if (options.token) headers["Authorization"] = `Bearer ${options.token}`;
    this.#http = axios.create({
      baseURL: options.server,
      headers,
      timeout: options.timeout ?? DEFAULT_TIMEOUT,
      proxy: false,
      maxRedirects: 0,
      decompress: false,
      maxContentLength: Number.POSITIVE_INFINITY,
      maxBodyLength: Number.POSITIVE_INFINITY,
      validateStatus: () => true,
      transformRequest: [(data) => data],
      transformResponse: [(data) => data],
    });
  }

  /** Calls from now on show this certificate; those under way are not disturbed. */
  useCertificate(pair: { certificate: string; key: string }): void {
    this.#agent = newAgent({ ...this.options, ...pair });
  }

  get<T extends KubeObject>(ref: ResourceRef<T>, name: string, namespace?: string): Promise<T> {
    return this.#call({ method: "GET", url: resourcePath(ref, namespace, name) });
  }

  getSubresource<R>(ref: ResourceRef, name: string, namespace: string | undefined, subresource: string): Promise<R> {
    return this.#call({ method: "GET", url: resourcePath(ref, namespace, name, subresource) });
  }

  async list<T extends KubeObject>(ref: ResourceRef<T>, options: ListQuery = {}): Promise<KubeList<T>> {
    return this.#call({ method: "GET", url: resourcePath(ref, options.namespace), params: searchParams(options) });
  }

  create<T extends KubeObject>(ref: ResourceRef<T>, object: Draft<T>, options: WriteQuery = {}): Promise<T> {
    const url = resourcePath(ref, object.metadata.namespace, undefined, options.subresource);
    return this.#write("POST", url, options, json(typed(ref, object)));
  }

  update<T extends KubeObject>(ref: ResourceRef<T>, object: T, options: WriteQuery = {}): Promise<T> {
    const url = resourcePath(ref, object.metadata.namespace, object.metadata.name, options.subresource);
    return this.#write("PUT", url, options, json(typed(ref, object)));
  }

  patch<T extends KubeObject>(ref: ResourceRef<T>, name: string, patch: Patch, options: PatchQuery = {}): Promise<T> {
    const url = resourcePath(ref, options.namespace, name, options.subresource);
    return this.#write("PATCH", url, options, json(patch.body, patch.type));
  }

  delete<T extends KubeObject>(
    ref: ResourceRef<T>,
    name: string,
    namespace?: string,
    options?: DeleteOptions,
  ): Promise<T | Status> {
    return this.#call({ method: "DELETE", url: resourcePath(ref, namespace, name), ...json(options) });
  }

  async deleteCollection<T extends KubeObject>(
    ref: ResourceRef<T>,
    query: ListQuery,
    options?: DeleteOptions,
  ): Promise<void> {
    const url = resourcePath(ref, query.namespace);
    await this.#call({ method: "DELETE", url, params: searchParams(query), ...json(options) });
  }

  createSubresource<R>(
    ref: ResourceRef,
    name: string,
    namespace: string | undefined,
    subresource: string,
    body: object,
  ): Promise<R> {
    return this.#call({ method: "POST", url: resourcePath(ref, namespace, name, subresource), ...json(body) });
  }

  watch<T extends KubeObject>(ref: ResourceRef<T>, query: WatchQuery, handler: WatchCallbacks<T>): ClientWatch {
    const params = searchParams(query);
    params.set("watch", "true");
    params.set("allowWatchBookmarks", "true");
    const watch = new RestWatch(handler, this.#silence);
    this.#openWatch(resourcePath(ref, query.namespace), params, watch).catch((error: Error) => watch.finish(error));
    return watch;
  }

  async #openWatch<T extends KubeObject>(url: string, params: URLSearchParams, watch: RestWatch<T>): Promise<void> {
    const response = await this.#send<Readable>({
      method: "GET",
      url,
      params,
      responseType: "stream",
      timeout: 0,
      signal: watch.signal,
    });
    if (response.status === 200) {
      const bookmarkSeconds = Number(response.headers[BOOKMARK_INTERVAL_HEADER] ?? 0);
      if (bookmarkSeconds > 0) this.#silence = 2 * bookmarkSeconds * 1000;
      watch.follow(response.data, this.#silence);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of response.data) chunks.push(chunk as Buffer);
    throw failure(response.status, Buffer.concat(chunks).toString("utf8"));
  }

  #write<R>(method: string, url: string, options: WriteQuery, body: AxiosRequestConfig): Promise<R> {
    const { timeout } = options;
    return this.#call({ method, url, params: searchParams(options), ...(timeout && { timeout }), ...body });
  }

  /** A request to any path; JSON in, JSON out. @throws StatusError, or Error when the server could not be reached */
  async #call<R>(config: AxiosRequestConfig): Promise<R> {
    const { status, data } = await this.#send<string>({ ...config, responseType: "text" });
    if (status < 200 || status > 299) throw failure(status, data);
    return JSON.parse(data) as R;
  }

  /** For paths that are no resources (join, cluster): as {@link Client} methods do it. */
  request<R>(method: "GET" | "POST", path: string, body?: object): Promise<R> {
    return this.#call({ method, url: path, ...json(body) });
  }

  async #send<D>(config: AxiosRequestConfig) {
    try {
      return await this.#http.request<D>({ ...config, httpsAgent: this.#agent });
    } catch (error) {
      const { server } = this.options;
      const why = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error);
      throw new Error(`${config.method} ${server}${config.url}: ${why}`, { cause: error });
    }
  }
}

function newAgent({ ca, certificate, key }: Pick<RestOptions, "ca" | "certificate" | "key">): Agent {
  return new Agent({ keepAlive: true, ca, cert: certificate, key, minVersion: "TLSv1.2" });
}

function json(value: object | undefined, type: string = JSON_TYPE): AxiosRequestConfig {
  if (value === undefined) return {};
  return { data: JSON.stringify(value), headers: { "Content-Type": type } };
}

function typed(ref: ResourceRef, object: object): object {
  const apiVersion = ref.group ? `${ref.group}/${ref.version}` : ref.version;
  return { apiVersion, kind: ref.kind, ...object };
}

/** The server's Status when it sent one; what it sent instead (a proxy's page, say) otherwise. */
function failure(code: number, text: string): StatusError {
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === "Status") return StatusError.fromStatus(status);
  } catch {
    // Not JSON: the text itself is all there is to tell.
  }
  return new StatusError(code, "", `the server answered ${code}: ${text.slice(0, 200)}`);
}
