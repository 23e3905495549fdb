/**
 * What the LimitRanges of its namespace give a Pod, and what they refuse it.
 * https://kubernetes.io/docs/concepts/policy/limit-range/
 */
import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { podLimitQuantities, podRequestQuantities } from "#api/pod-quantities.js";
import { compareQuantities, quantityMilli } from "#api/quantity.js";
import { limitRanges, persistentVolumeClaims, pods } from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import { forbiddenError } from "#api/status-error.js";
import type { AdmissionContext } from "../kind.js";

type Amounts = Readonly<Record<string, string>>;

/** Fills requests and limits in, in place, and says so in an annotation. */
export function takeDefaultsOf(pod: Pod, ranges: readonly LimitRange[]): void {
  // Of several, the first that names a resource has its way.
  const items = itemsOf(ranges, "Container").reverse();
  const limits: Amounts = Object.assign({}, ...items.map((item) => item.default));
  const requests: Amounts = Object.assign({}, ...items.map((item) => item.defaultRequest));
  const said = [
    ...(pod.spec.initContainers ?? []).flatMap((each) => fill(each, "init container", requests, limits)),
    ...pod.spec.containers.flatMap((each) => fill(each, "container", requests, limits)),
  ];
  if (said.length === 0) return;
  const note = `LimitRanger plugin set: ${said.join("; ")}`;
  pod.metadata.annotations = { ...pod.metadata.annotations, "kubernetes.io/limit-ranger": note };
}

function fill(container: Container, what: string, requests: Amounts, limits: Amounts): string[] {
  const { resources = {} } = container;
  const missing = (given: Amounts, present: Amounts = {}) =>
    Object.keys(given)
      .filter((name) => present[name] === undefined)
      .sort();
  const [asked, limited] = [missing(requests, resources.requests), missing(limits, resources.limits)];
  if (asked.length > 0) resources.requests = { ...requests, ...resources.requests };
  if (limited.length > 0) resources.limits = { ...limits, ...resources.limits };
  container.resources = resources;
  const say = (names: string[], kind: string) =>
    names.length > 0 ? [`${names.join(", ")} ${kind} for ${what} ${container.name}`] : [];
  return [...say(asked, "request"), ...say(limited, "limit")];
}

/** @throws StatusError 403 with every bound the Pod breaks */
export function refuseOutOfRange(pod: Pod, podName: string, ranges: readonly LimitRange[]): void {
  const broken = ranges.flatMap((range) => [
    ...itemsOf([range], "Container").flatMap((item) =>
      [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap(({ resources }) =>
        breaks(item, resources?.requests ?? {}, resources?.limits ?? {}),
      ),
    ),
    ...itemsOf([range], "Pod").flatMap((item) => breaks(item, podRequestQuantities(pod), podLimitQuantities(pod))),
  ]);
  refuse(pods, podName, broken);
}

/** @throws StatusError 403 with every bound the claim's size breaks */
export function refuseClaimOutOfRange({ metadata, spec }: PersistentVolumeClaim, ranges: readonly LimitRange[]): void {
  const requests = spec.resources?.requests ?? {};
  const broken = itemsOf(ranges, "PersistentVolumeClaim").flatMap((item) => [
    ...each(item.min, (name, bound) => belowMinimum(name, bound, item.type, requests[name])),
    ...each(item.max, (name, bound) => aboveSize(name, bound, item.type, requests[name])),
  ]);
  refuse(persistentVolumeClaims, metadata.name ?? metadata.generateName ?? "", broken);
}

function refuse(ref: ResourceRef, name: string, broken: readonly string[]): void {
  if (broken.length === 0) return;
  throw forbiddenError(ref, name, broken.length === 1 ? String(broken[0]) : `[${broken.join(", ")}]`);
}

export const rangesFor = (pod: KubeObject, context: AdmissionContext): readonly LimitRange[] =>
  context.list(limitRanges, pod.metadata.namespace);

const itemsOf = (ranges: readonly LimitRange[], type: string): LimitRangeItem[] =>
  ranges.flatMap(({ spec }) => spec?.limits ?? []).filter((item) => item.type === type);

function breaks(item: LimitRangeItem, requests: Amounts, limits: Amounts): string[] {
  return [
    ...each(item.min, (name, bound) => belowMinimum(name, bound, item.type, requests[name], limits[name])),
    ...each(item.max, (name, bound) => aboveMaximum(name, bound, item.type, requests[name], limits[name])),
    ...each(item.maxLimitRequestRatio, (name, bound) =>
      overRatio(name, bound, item.type, requests[name], limits[name]),
    ),
  ];
}

function each(bounds: Amounts = {}, check: (name: string, bound: string) => string | undefined): string[] {
  return Object.entries(bounds).flatMap(([name, bound]) => check(name, bound) ?? []);
}

type Check = (name: string, bound: string, type: string, request?: string, limit?: string) => string | undefined;

const belowMinimum: Check = (name, bound, type, request, limit) => {
  const rule = `minimum ${name} usage per ${type} is ${bound}`;
  if (request === undefined) return `${rule}.  No request is specified`;
  if (compareQuantities(request, bound) < 0) return `${rule}, but request is ${request}`;
  if (limit !== undefined && compareQuantities(limit, bound) < 0) return `${rule}, but limit is ${limit}`;
  return undefined;
};

const aboveMaximum: Check = (name, bound, type, request, limit) => {
  const rule = `maximum ${name} usage per ${type} is ${bound}`;
  if (limit === undefined) return `${rule}.  No limit is specified`;
  if (compareQuantities(limit, bound) > 0) return `${rule}, but limit is ${limit}`;
  if (request !== undefined && compareQuantities(request, bound) > 0) return `${rule}, but request is ${request}`;
  return undefined;
};

/** Claims have no limits. */
const aboveSize: Check = (name, bound, type, request) => {
  const rule = `maximum ${name} usage per ${type} is ${bound}`;
  if (request === undefined) return `${rule}.  No request is specified`;
  return compareQuantities(request, bound) > 0 ? `${rule}, but request is ${request}` : undefined;
};

const overRatio: Check = (name, bound, type, request, limit) => {
  const rule = `${name} max limit to request ratio per ${type} is ${bound}`;
  if (request === undefined || compareQuantities(request, "0") === 0)
    return `${rule}, but no request is specified or request is 0`;
  if (limit === undefined || compareQuantities(limit, "0") === 0)
    return `${rule}, but no limit is specified or limit is 0`;
  const ratio = quantityMilli(limit) / quantityMilli(request);
  return ratio > quantityMilli(bound) / 1000 ? `${rule}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
};
