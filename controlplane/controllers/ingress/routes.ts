/** Merges Ingresses into hosts with routes. Where two want the same, the older one has it. */
import type { HTTPIngressPath, Ingress, IngressBackend, IngressTLS } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { readSettings, type Settings } from "./annotations.js";
import type { ResolvedBackend } from "./backends.js";
import { CertificateError, type ProxyCertificate } from "./certificate.js";
import type { Host, Model, PathMatch, Problem, Route, Upstream } from "./model.js";
import { covers, PathError, readPath } from "./path.js";

export interface Lookups {
  backend(namespace: string, backend: IngressBackend): ResolvedBackend;
  /** Undefined: there is no such Secret. @throws CertificateError */
  certificate(namespace: string, secretName: string): ProxyCertificate | undefined;
}

interface OwnedRoute extends Route {
  readonly owner: string;
}

interface HostDraft {
  readonly name: string;
  readonly routes: Map<string, OwnedRoute>;
  /** Keys of Ingresses with rules for the host: only they may give it a certificate. */
  readonly members: Set<string>;
  fallback?: Route;
  tls?: { file?: string; redirect: boolean };
}

export interface Merged {
  readonly model: Model;
  readonly problems: readonly Problem[];
}

/** @param ingresses oldest first */
export function mergeIngresses(ingresses: readonly Ingress[], lookups: Lookups): Merged {
  const merge = new Merge(lookups);
  for (const ingress of ingresses) merge.add(ingress);
  return { model: merge.model(), problems: merge.problems };
}

class Merge {
  readonly problems: Problem[] = [];
  readonly #hosts = new Map<string, HostDraft>();
  readonly #upstreams = new Map<string, Upstream>();
  readonly #certificates = new Map<string, string>();
  /** Of an Ingress without rules: for all that nothing else takes. */
  #fallback: Route | undefined;

  constructor(private readonly lookups: Lookups) {}

  add(ingress: Ingress): void {
    const { settings, problems } = readSettings(ingress);
    this.problems.push(...problems);
    const { rules = [], tls = [], defaultBackend } = ingress.spec ?? {};
    const drafts = new Set(rules.map(({ host }) => this.#host(host ?? "")));
    for (const draft of drafts) draft.members.add(keyOf(ingress));
    for (const { host, http } of rules) {
      for (const path of http?.paths ?? []) this.#addPath(ingress, this.#host(host ?? ""), path, settings);
    }
    if (defaultBackend) {
      const route = this.#route(ingress, { path: "/", exact: false }, defaultBackend, settings);
      if (rules.length === 0) this.#fallback ??= route;
      for (const draft of drafts) draft.fallback ??= route;
      if (rules.length === 0) this.#host("").members.add(keyOf(ingress));
    }
    for (const entry of tls) this.#addTls(ingress, entry, settings);
  }

  #host(name: string): HostDraft {
    let draft = this.#hosts.get(name);
    if (!draft) {
      draft = { name, routes: new Map(), members: new Set() };
      this.#hosts.set(name, draft);
    }
    return draft;
  }

  #addPath(ingress: Ingress, draft: HostDraft, { path, pathType, backend }: HTTPIngressPath, settings: Settings): void {
    const where = `host ${JSON.stringify(draft.name || "*")} path ${JSON.stringify((path ?? "/").slice(0, 80))}`;
    try {
      const match = readPath(path, pathType);
      const key = `${match.exact ? "=" : ""}${match.path}`;
      const holder = draft.routes.get(key);
      if (!holder) {
        draft.routes.set(key, this.#route(ingress, match, backend, settings));
      } else if (holder.owner !== keyOf(ingress)) {
        this.#say(ingress, "RouteConflict", `${where}: already taken by the older ingress ${holder.owner}`);
      } else this.#say(ingress, "RouteConflict", `${where}: named twice, the first one counts`);
    } catch (error) {
      if (!(error instanceof PathError)) throw error;
      this.#say(ingress, "PathNotServed", `${where}: the path ${error.message}`);
    }
  }

  #route(ingress: Ingress, match: PathMatch, backend: IngressBackend, { https, timeouts }: Settings): OwnedRoute {
    const resolved = this.lookups.backend(ingress.metadata.namespace ?? "", backend);
    if (resolved.unserved) this.#say(ingress, resolved.unserved.reason, resolved.unserved.message);
    if (resolved.upstream) this.#upstreams.set(resolved.upstream.name, resolved.upstream);
    const target = resolved.backend && { ...resolved.backend, https: https ?? resolved.backend.https };
    return { ...match, backend: target, timeouts, owner: keyOf(ingress) };
  }

  /** Without hosts it is about all hosts of the Ingress. A certificate that cannot be used leaves the default one. */
  #addTls(ingress: Ingress, { hosts = [], secretName }: IngressTLS, { redirect }: Settings): void {
    const file = secretName ? this.#certificate(ingress, secretName) : undefined;
    const own = [...this.#hosts.values()].filter(({ members }) => members.has(keyOf(ingress)));
    for (const draft of own) {
      if (hosts.length === 0 || hosts.some((host) => standsFor(host, draft.name))) draft.tls ??= { file, redirect };
    }
    for (const host of hosts) {
      if (!own.some(({ name }) => standsFor(host, name)))
        this.#say(ingress, "TLSHostWithoutRule", `TLS host ${JSON.stringify(host)} has no rule in this ingress`);
    }
  }

  #certificate(ingress: Ingress, secretName: string): string | undefined {
    const { namespace = "" } = ingress.metadata;
    const bad = (reason: string, why: string) => {
      this.#say(ingress, reason, `secret "${secretName}" ${why}: the default certificate is shown instead`);
      return undefined;
    };
    try {
      const certificate = this.lookups.certificate(namespace, secretName);
      if (!certificate) return bad("SecretNotFound", "not found");
      this.#certificates.set(certificate.file, certificate.pem);
      return certificate.file;
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      return bad("BadCertificate", error.message);
    }
  }

  #say(ingress: Ingress, reason: string, message: string): void {
    this.problems.push({ ingress, reason, message });
  }

  model(): Model {
    const any = this.#host("");
    const hosts = [...this.#hosts.values()].filter((draft) => draft !== any).sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      hosts: [...hosts, any].map((draft) => this.#finish(draft, any)),
      upstreams: [...this.#upstreams.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      certificates: this.#certificates,
    };
  }

  /** Rules without a host are for all hosts: a host's own come first, these follow, and the default backend is last. */
  #finish({ name, routes, fallback, tls }: HostDraft, any: HostDraft): Host {
    const own = [...routes.values()];
    const open = (route: Route) => !own.some((other) => covers(other, route));
    const inherited = name === "" ? [] : [...any.routes.values()].filter(open);
    const all = [...own, ...inherited];
    const last = fallback ?? any.fallback ?? this.#fallback;
    if (last && !all.some(({ path, exact }) => path === "/" && !exact)) all.push({ ...last, owner: "" });
    return { name, routes: all, certificate: tls?.file, redirect: tls?.redirect ?? false };
  }
}

/** `*.example.com` stands for hosts with one label more. */
function standsFor(pattern: string, host: string): boolean {
  if (pattern === host) return true;
  return pattern.startsWith("*.") && host.includes(".") && host.slice(host.indexOf(".")) === pattern.slice(1);
}
