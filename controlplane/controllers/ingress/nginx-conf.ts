/** From the model to the text of nginx.conf. Choices follow ingress-nginx where it has made one people rely on. */
import type { Backend, Host, Model, Route, Timeouts, Upstream } from "./model.js";
import { block, directive, type Lines } from "./nginx-text.js";

export const CONFIGURATION = "nginx.conf";
export const DEFAULT_CERTIFICATE = "default.pem";
/** Where the proxy listens in its Pod; a host port leads to each of the first two. */
export const HTTP_PORT = 8080;
export const HTTPS_PORT = 8443;
/** Says that the proxy is up, to the node's probes. */
export const HEALTH_PORT = 10_254;
export const HEALTH_PATH = "/healthz";

/** Challenges of certificate authorities come in plain: they are no redirect's business. */
const ACME = "/.well-known/acme-challenge";

export interface ProxyPorts {
  /** As clients see them. */
  readonly http: number;
  readonly https: number;
}

/** Files are named relative to the configuration's own folder. */
export function nginxConf({ hosts, upstreams }: Model, ports: ProxyPorts): string {
  const lines = [
    directive("error_log", "/dev/stderr", "notice"),
    // Long-lived connections (WebSockets, downloads) outlive a change of routes by this much.
    directive("worker_shutdown_timeout", "30m"),
    ...block("events", [], directive("worker_connections", 4096)),
    ...block("http", [], general(ports), proxying(), upstreams.flatMap(upstreamBlock), healthServer(), [
      ...hosts.flatMap((host) => servers(host, ports)),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

function general(ports: ProxyPorts): Lines {
  return [
    directive("access_log", "/dev/stdout"),
    directive("server_tokens", "off"),
    directive("tcp_nopush", "on"),
    directive("keepalive_timeout", "75s"),
    directive("keepalive_requests", 10_000),
    directive("client_max_body_size", 0),
    directive("large_client_header_buffers", 4, "16k"),
    // The longest name there is (253) must fit, however many there are: one that does not would keep all others out.
    directive("server_names_hash_bucket_size", 512),
    directive("server_names_hash_max_size", 65_536),
    directive("ssl_protocols", "TLSv1.2", "TLSv1.3"),
    directive("ssl_session_cache", "shared:tls:10m"),
    directive("ssl_session_timeout", "10m"),
    directive("ssl_session_tickets", "off"),
    ...block("map", ["$http_upgrade", "$connection_upgrade"], "default upgrade;", '"" "";'),
    ...block("map", ["$http_host", "$asked_host"], "default $http_host;", '"" $host;'),
    ...block("map", ["$scheme", "$asked_port"], `default ${ports.http};`, `https ${ports.https};`),
  ];
}

/** Bodies stream through in both directions; what a client claims about itself in X-Forwarded headers is not believed. */
function proxying(): Lines {
  const headers: Record<string, string> = {
    Host: "$asked_host",
    Upgrade: "$http_upgrade",
    Connection: "$connection_upgrade",
    "X-Request-ID": "$request_id",
    "X-Real-IP": "$remote_addr",
    "X-Forwarded-For": "$remote_addr",
    "X-Forwarded-Host": "$asked_host",
    "X-Forwarded-Port": "$asked_port",
    "X-Forwarded-Proto": "$scheme",
    "X-Forwarded-Scheme": "$scheme",
    "X-Scheme": "$scheme",
  };
  return [
    directive("proxy_http_version", "1.1"),
    directive("proxy_buffering", "off"),
    directive("proxy_request_buffering", "off"),
    directive("proxy_connect_timeout", "5s"),
    directive("proxy_read_timeout", "60s"),
    directive("proxy_send_timeout", "60s"),
    directive("proxy_socket_keepalive", "on"),
    directive("proxy_ssl_server_name", "on"),
    directive("proxy_ssl_name", "$host"),
    // A connection that failed is tried again, on another endpoint; by the time an answer is late it is too late for that.
    directive("proxy_next_upstream", "error", "timeout"),
    directive("proxy_next_upstream_tries", 3),
    directive("proxy_next_upstream_timeout", "20s"),
    ...Object.entries(headers).map(([name, value]) => directive("proxy_set_header", name, value)),
    // A client must not set HTTP_PROXY of programs behind CGI.
    'proxy_set_header Proxy "";',
  ];
}

/**
 * The address of a Service stands there several times, since nginx tries no address twice for one request, while each
 * connection to a Service may reach another endpoint.
 */
function upstreamBlock({ name, servers }: Upstream): Lines {
  const addresses = servers.length === 1 ? [servers[0] as string, servers[0] as string, servers[0] as string] : servers;
  return block(
    "upstream",
    [name],
    addresses.map((address) => directive("server", address, "max_fails=0")),
    directive("keepalive", 64),
    directive("keepalive_timeout", "60s"),
  );
}

function healthServer(): Lines {
  const location = block("location", ["=", HEALTH_PATH], directive("return", 200));
  const listen = directive("listen", HEALTH_PORT);
  return block("server", [], listen, directive("access_log", "off"), location, block("location", ["/"], "return 404;"));
}

/** One server for HTTP and HTTPS; two where plain requests are sent to HTTPS. */
function servers(host: Host, ports: ProxyPorts): Lines {
  const name = directive("server_name", serverName(host.name));
  const isDefault = host.name === "" ? ["default_server"] : [];
  const listen = directive("listen", HTTP_PORT, ...isDefault);
  const secure = [
    directive("listen", HTTPS_PORT, "ssl", "http2", ...isDefault),
    directive("ssl_certificate", host.certificate ?? DEFAULT_CERTIFICATE),
    directive("ssl_certificate_key", host.certificate ?? DEFAULT_CERTIFICATE),
  ];
  const routes = locations(host.routes);
  if (!host.redirect) return block("server", [], name, listen, secure, routes);
  const port = ports.https === 443 ? "" : `:${ports.https}`;
  const redirect = block("location", ["/"], directive("return", 308, `https://$host${port}$request_uri`));
  const challenges = host.routes.filter(({ path }) => path === ACME || path.startsWith(`${ACME}/`));
  return [
    ...block(
      "server",
      [],
      name,
      listen,
      challenges.flatMap((route) => routeLocations(route, host.routes)),
      redirect,
    ),
    ...block("server", [], name, secure, routes),
  ];
}

/** The asterisk of Kubernetes stands for exactly one label; nginx' own wildcard would take more. */
function serverName(name: string): string {
  if (name === "") return "_";
  if (!/^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) throw new Error("not a host name");
  return name.startsWith("*.") ? `~^[^.]+${name.slice(1).replaceAll(".", "\\.")}$` : name;
}

function locations(routes: readonly Route[]): Lines {
  const root = routes.some(({ path, exact }) => path === "/" && !exact);
  const missing = root ? [] : block("location", ["/"], directive("return", 404));
  return [...routes.flatMap((route) => routeLocations(route, routes)), ...missing];
}

/** nginx takes exact locations first and then the longest prefix, as Kubernetes asks; prefixes end at a slash. */
function routeLocations({ path, exact, backend, timeouts }: Route, all: readonly Route[]): Lines {
  const lines = answer(backend, timeouts);
  if (exact) return block("location", ["=", path], lines);
  if (path === "/") return block("location", ["/"], lines);
  const taken = all.some((other) => other.exact && other.path === path);
  return [...(taken ? [] : block("location", ["=", path], lines)), ...block("location", [`${path}/`], lines)];
}

function answer(backend: Backend, { connect, read, send }: Timeouts): Lines {
  if (!backend) return [directive("return", 503)];
  return [
    ...Object.entries({ connect, read, send }).flatMap(([which, seconds]) =>
      seconds === undefined ? [] : [directive(`proxy_${which}_timeout`, `${seconds}s`)],
    ),
    directive("proxy_pass", `${backend.https ? "https" : "http"}://${backend.upstream}`),
  ];
}
