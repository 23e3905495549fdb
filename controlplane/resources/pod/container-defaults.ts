import type { Container, EnvVar, HTTPGetAction, LifecycleHandler, Probe } from "#api/generated/types.js";
import { defaultPullPolicy } from "./image-tag.js";

function defaultHttpGet(action: HTTPGetAction | undefined): void {
  if (!action) return;
  action.path ||= "/";
  action.scheme ||= "HTTP";
}

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= "";
}

function defaultEnv({ valueFrom }: EnvVar): void {
  if (!valueFrom) return;
  if (valueFrom.fieldRef) valueFrom.fieldRef.apiVersion ||= "v1";
  if (valueFrom.resourceFieldRef) valueFrom.resourceFieldRef.divisor ||= "0";
}

const defaultHandler = (handler: LifecycleHandler | undefined) => defaultHttpGet(handler?.httpGet);

/** Fills what a container of any sort (init, ephemeral, main) leaves open, in place. */
export function defaultContainer(container: Container): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image);
  container.terminationMessagePath ||= "/dev/termination-log";
  container.terminationMessagePolicy ||= "File";
  container.resources ??= {};
  for (const port of container.ports ?? []) port.protocol ||= "TCP";
  container.env?.forEach(defaultEnv);
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
}

/** How a running container takes a change of its CPU or memory: without a restart. Holds in pods, not in templates. */
export function defaultResizePolicy(container: Container): void {
  const named = new Set(container.resizePolicy?.map(({ resourceName }) => resourceName));
  const { limits, requests } = container.resources ?? {};
  for (const resourceName of ["cpu", "memory"]) {
    const asked = limits?.[resourceName] ?? requests?.[resourceName];
    if (asked === undefined || named.has(resourceName)) continue;
    container.resizePolicy = [...(container.resizePolicy ?? []), { resourceName, restartPolicy: "NotRequired" }];
  }
}

/** What is limited and not requested is requested as much as it is limited. Holds in pods, not in templates. */
export function requestLimits({ resources }: Container): void {
  if (resources?.limits) resources.requests = { ...resources.limits, ...resources.requests };
}
