/**
 * Serves Ingresses of classes whose controller is `berth.dev/nginx`: writes nginx' configuration into a Secret and keeps a
 * Pod with nginx on every node that takes traffic. Without such an Ingress there are no proxies and nothing is written.
 */
import type { EndpointSlice, Ingress, IngressClass, Node, Pod, Secret, Service } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { isPodReady } from "#api/pod-state.js";
import { endpointSlices, ingressClasses, ingresses, nodes, pods, secrets, services } from "#api/refs.js";
import { isAlreadyExists, isNotFound } from "#api/status-error.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { resolveBackend } from "./ingress/backends.js";
import { readCertificate } from "./ingress/certificate.js";
import { ingressesOf, ourClasses } from "./ingress/class.js";
import { ConfigurationSecret, DEFAULT_CERTIFICATE_SECRET } from "./ingress/configuration-secret.js";
import type { Problem } from "./ingress/model.js";
import { planProxies, takesTraffic } from "./ingress/plan-proxies.js";
import {
  CONFIGURATION_ANNOTATION,
  CONFIGURATION_SECRET,
  DEFAULT_PROXY,
  isProxy,
  PROXY_NAMESPACE,
  type ProxyOptions,
  proxyPod,
} from "./ingress/proxy-pod.js";
import { type Lookups, type Merged, mergeIngresses } from "./ingress/routes.js";
import { hasAddresses, proxyAddresses } from "./ingress/status.js";
import { Told } from "./ingress/told.js";
import { OwnWrites } from "./ownership/own-writes.js";
import { namespaceOf } from "./service-endpoints/service-pods.js";

/** All proxies share one configuration: there is one thing to reconcile. */
const ALL = "proxies";
const SERVICE_NAME = "kubernetes.io/service-name";

export function ingressController(options: ProxyOptions = DEFAULT_PROXY): Controller {
  const writes = new OwnWrites();
  const told = new Told();
  const configuration = new ConfigurationSecret(options.ports);
  return {
    name: "ingress",
    workers: 1,
    watches: [
      watch({ ref: ingressClasses, keys: () => [ALL] }),
      watch({ ref: ingresses, indexes: { ingressService, ingressSecret }, keys: () => [ALL] }),
      watch({ ref: services, indexes: { namespace: namespaceOf }, keys: serviceKeys }),
      watch({ ref: endpointSlices, indexes: { sliceService }, keys: sliceKeys }),
      watch({ ref: secrets, keys: secretKeys }),
      watch({ ref: pods, indexes: { namespace: namespaceOf }, keys: podKeys }),
      watch({ ref: nodes, keys: nodeKeys }),
    ],
    async reconcile(_key, context) {
      if (!writes.seen(ALL, context.informer(pods))) return undefined;
      const classes = ourClasses(context.informer(ingressClasses).list());
      const ours = ingressesOf(classes, context.informer(ingresses).list());
      const [owner] = classes;
      if (!owner || ours.length === 0) {
        told.forgetAll();
        await removeAll(writes, configuration, context);
        return undefined;
      }
      const { model, problems } = mergeFitting(ours, configuration, context);
      tell(told, problems, context);
      const { version, left } = await configuration.write(model, context);
      if (left > 0) return left;
      await keepProxies(owner, version, options, writes, context);
      await keepStatus(ours, context);
      return undefined;
    },
  };
}

/** The older Ingresses first: what does not fit the proxies' configuration any more is told, and takes nothing from others. */
function mergeFitting(
  ours: readonly Ingress[],
  configuration: ConfigurationSecret,
  context: ControllerContext,
): Merged {
  for (let count = ours.length; ; count = Math.floor(count * 0.95)) {
    const { model, problems } = mergeIngresses(ours.slice(0, count), lookups(context));
    if (count > 0 && !configuration.fits(model)) continue;
    const message = "the proxies' configuration is full: this ingress is not served";
    const left = ours.slice(count).map((ingress) => ({ ingress, reason: "ConfigurationFull", message }));
    return { model, problems: [...problems, ...left] };
  }
}

function lookups(context: ControllerContext): Lookups {
  return {
    backend: (namespace, backend) =>
      resolveBackend(namespace, backend, {
        service: (name) => context.informer(services).get(`${namespace}/${name}`),
        slices: (name) => context.informer(endpointSlices).byIndex("sliceService", `${namespace}/${name}`),
      }),
    certificate(namespace, name) {
      const secret = context.informer(secrets).get(`${namespace}/${name}`);
      return secret && readCertificate(secret);
    },
  };
}

/** Each problem once, not at every turn. */
function tell(told: Told, problems: readonly Problem[], context: ControllerContext): void {
  for (const { ingress, reason, message } of told.news(problems)) context.event(ingress, "Warning", reason, message);
}

async function keepProxies(
  owner: IngressClass,
  version: string,
  options: ProxyOptions,
  writes: OwnWrites,
  context: ControllerContext,
): Promise<void> {
  const wanted = (node: string) => proxyPod(owner, node, version, options);
  const plan = planProxies(context.informer(nodes).list(), proxies(context), wanted);
  for (const draft of plan.create) {
    try {
      writes.wrote(ALL, await context.client.create(pods, draft));
    } catch (error) {
      // The one of before is on its way out, and the event of its end comes back here.
      if (!isAlreadyExists(error)) throw error;
    }
  }
  for (const pod of plan.delete) await deleteProxy(pod, writes, context);
  const body = { metadata: { annotations: { [CONFIGURATION_ANNOTATION]: version } } };
  for (const { metadata } of plan.tell) {
    const { name, namespace } = metadata;
    const patch = { type: "application/merge-patch+json", body } as const;
    writes.wrote(ALL, await context.client.patch(pods, name, patch, { namespace }));
  }
}

async function deleteProxy(pod: Pod, writes: OwnWrites, { client }: ControllerContext): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  try {
    const answer = await client.delete(pods, name, namespace, { preconditions: { uid } });
    if ("spec" in answer) writes.wrote(ALL, answer);
    else writes.removed(ALL, pod, keyOf(pod));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function keepStatus(ours: readonly Ingress[], context: ControllerContext): Promise<void> {
  const addresses = proxyAddresses(proxies(context));
  const body = { status: { loadBalancer: { ingress: addresses } } };
  for (const ingress of ours.filter((one) => !hasAddresses(one, addresses))) {
    const { name, namespace } = ingress.metadata;
    const patch = { type: "application/merge-patch+json", body } as const;
    await context.client.patch(ingresses, name, patch, { namespace, subresource: "status" });
  }
}

async function removeAll(writes: OwnWrites, configuration: ConfigurationSecret, context: ControllerContext) {
  for (const pod of proxies(context)) if (!pod.metadata.deletionTimestamp) await deleteProxy(pod, writes, context);
  await configuration.remove(context);
}

const proxies = (context: ControllerContext) =>
  context.informer(pods).byIndex("namespace", PROXY_NAMESPACE).filter(isProxy);

/** Index values: the Services an Ingress names. */
function ingressService({ metadata, spec }: Ingress): readonly string[] {
  const paths = (spec?.rules ?? []).flatMap(({ http }) => http?.paths ?? []);
  const backends = [spec?.defaultBackend, ...paths.map(({ backend }) => backend)];
  return [...new Set(backends.flatMap((b) => (b?.service ? [`${metadata.namespace}/${b.service.name}`] : [])))];
}

/** Index values: the Secrets an Ingress names. */
function ingressSecret({ metadata, spec }: Ingress): readonly string[] {
  return [
    ...new Set((spec?.tls ?? []).flatMap((t) => (t.secretName ? [`${metadata.namespace}/${t.secretName}`] : []))),
  ];
}

/** Index values: the Service a slice belongs to. */
const sliceService = ({ metadata }: EndpointSlice): readonly string[] => {
  const service = metadata.labels?.[SERVICE_NAME];
  return service ? [`${metadata.namespace}/${service}`] : [];
};

const named = (index: string, key: string, context: ControllerContext) =>
  context.informer(ingresses).byIndex(index, key).length > 0 ? [ALL] : [];

const serviceKeys = (service: Service, context: ControllerContext) => named("ingressService", keyOf(service), context);

const sliceKeys = (slice: EndpointSlice, context: ControllerContext) =>
  sliceService(slice).flatMap((service) => named("ingressService", service, context));

function secretKeys(secret: Secret, context: ControllerContext): string[] {
  const key = keyOf(secret);
  const own = [CONFIGURATION_SECRET, DEFAULT_CERTIFICATE_SECRET].map((name) => `${PROXY_NAMESPACE}/${name}`);
  return own.includes(key) ? [ALL] : named("ingressSecret", key, context);
}

/** What of a proxy matters here: whether it is there, takes requests, and where. */
function podKeys(pod: Pod, _context: ControllerContext, old?: Pod, deleted?: boolean): string[] {
  if (!isProxy(pod)) return [];
  const facts = ({ metadata, status }: Pod) =>
    JSON.stringify([metadata.annotations, metadata.deletionTimestamp, status?.phase, status?.hostIP]);
  const same = old && !deleted && facts(old) === facts(pod) && isPodReady(old) === isPodReady(pod);
  return same ? [] : [ALL];
}

function nodeKeys(node: Node, _context: ControllerContext, old?: Node, deleted?: boolean): string[] {
  const facts = ({ spec, status, ...rest }: Node) =>
    JSON.stringify([
      takesTraffic({ spec, ...rest }),
      spec?.unschedulable,
      status?.conditions?.find(({ type }) => type === "Ready")?.status,
    ]);
  return old && !deleted && facts(old) === facts(node) ? [] : [ALL];
}
