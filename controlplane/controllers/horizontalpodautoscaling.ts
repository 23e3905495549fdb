/** As many replicas as the work needs: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ */
import type {
  Scale,
  V2CrossVersionObjectReference,
  V2HorizontalPodAutoscaler,
  V2HorizontalPodAutoscalerStatus,
  V2MetricStatus,
} from "#api/generated/types.js";
import { type KubeObject, keyOf } from "#api/object.js";
import * as refs from "#api/refs.js";
import { horizontalPodAutoscalers, podMetrics, pods } from "#api/refs.js";
import { groupVersion, type ResourceRef } from "#api/resource.js";
import { matchesLabels, type ParsedSelector, parseLabelSelector } from "#api/selectors.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { formatTime } from "#api/time.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { Memory, withinBehavior } from "./horizontalpodautoscaling/behavior.js";
import { Conditions } from "./horizontalpodautoscaling/conditions.js";
import { evaluate, MetricError, type Source } from "./horizontalpodautoscaling/metrics.js";

type Autoscaler = V2HorizontalPodAutoscaler;

/** @param syncSeconds how often each is looked at */
export function autoscalingController(syncSeconds = 15): Controller {
  const memories = new Map<string, Memory>();
  return {
    name: "horizontalpodautoscaling",
    component: "horizontal-pod-autoscaler",
    watches: [watch({ ref: horizontalPodAutoscalers, keys: whenWanted }), watch({ ref: pods, keys: () => [] })],
    async reconcile(key, context) {
      const autoscaler = context.informer(horizontalPodAutoscalers).get(key);
      if (!autoscaler?.spec || autoscaler.metadata.deletionTimestamp) {
        memories.delete(key);
        return undefined;
      }
      const memory = memories.get(key) ?? new Memory();
      memories.set(key, memory);
      const status = await new Turn(autoscaler, memory, context).take();
      if (!semanticEqual(status, autoscaler.status))
        await context.client.update(horizontalPodAutoscalers, { ...autoscaler, status }, { subresource: "status" });
      return syncSeconds * 1000;
    },
  };
}

/** Its own status is no news. */
const whenWanted = (autoscaler: Autoscaler, _context: ControllerContext, old?: Autoscaler): string[] =>
  old && semanticEqual(autoscaler.spec, old.spec) ? [] : [keyOf(autoscaler)];

interface Recommendation {
  readonly replicas: number;
  /** For the Event of the change. */
  readonly reason: string;
  readonly currentMetrics?: readonly V2MetricStatus[];
}

/** One look at one autoscaler. */
class Turn {
  readonly #conditions: Conditions;
  readonly #now: number;

  constructor(
    private readonly autoscaler: Autoscaler,
    private readonly memory: Memory,
    private readonly context: ControllerContext,
  ) {
    this.#now = context.now();
    this.#conditions = new Conditions(autoscaler.status?.conditions ?? [], this.#now);
  }

  async take(): Promise<V2HorizontalPodAutoscalerStatus> {
    const { scaleTargetRef } = this.autoscaler.spec!;
    let scale: Scale;
    try {
      scale = await this.#readScale(scaleTargetRef);
    } catch (error) {
      this.#warn("FailedGetScale", (error as Error).message);
      const why = `the HPA controller was unable to get the target's current scale: ${(error as Error).message}`;
      this.#conditions.set("AbleToScale", "False", "FailedGetScale", why);
      return this.#status({});
    }
    this.#conditions.set(
      "AbleToScale",
      "True",
      "SucceededGetScale",
      "the HPA controller was able to get the target's current scale",
    );
    const current = scale.spec?.replicas ?? 0;
    const wanted = await this.#recommend(scale, current);
    if (!wanted) return this.#status({ currentReplicas: scale.status?.replicas ?? 0 });
    const currentMetrics = wanted.currentMetrics && [...wanted.currentMetrics];
    const counts = { currentReplicas: scale.status?.replicas ?? 0, desiredReplicas: wanted.replicas, currentMetrics };
    if (wanted.replicas === current) return this.#status(counts);
    return this.#rescale(current, wanted, counts);
  }

  /** Undefined when nothing can be said. */
  async #recommend(scale: Scale, current: number): Promise<Recommendation | undefined> {
    const { minReplicas = 1, maxReplicas } = this.autoscaler.spec!;
    if (current === 0 && minReplicas !== 0) {
      const why = "scaling is disabled since the replica count of the target is zero";
      this.#conditions.set("ScalingActive", "False", "ScalingDisabled", why);
      return { replicas: 0, reason: "" };
    }
    if (current > maxReplicas)
      return { replicas: maxReplicas, reason: "Current number of replicas above Spec.MaxReplicas" };
    if (current < minReplicas)
      return { replicas: minReplicas, reason: "Current number of replicas below Spec.MinReplicas" };
    const source = await this.#source(scale, current);
    return source && this.#measure(source);
  }

  async #source(scale: Scale, current: number): Promise<Source | undefined> {
    const { namespace } = this.autoscaler.metadata;
    const labelSelector = scale.status?.selector;
    if (!labelSelector) {
      const why = "the HPA target's scale is missing a selector";
      this.#warn("SelectorRequired", "selector is required");
      this.#conditions.set("ScalingActive", "False", "InvalidSelector", why);
      return undefined;
    }
    const selector: ParsedSelector = parseLabelSelector(labelSelector);
    const selected = ({ metadata }: KubeObject) =>
      metadata.namespace === namespace && matchesLabels(selector, metadata.labels);
    const list = await this.context.client
      .list(podMetrics, { namespace, labelSelector })
      .catch((error: Error) => error);
    return {
      pods: this.context.informer(pods).list().filter(selected),
      metrics: list instanceof Error ? list : list.items,
      current,
      now: this.#now,
    };
  }

  #measure(source: Source): Recommendation | undefined {
    const spec = this.autoscaler.spec!;
    const { current } = source;
    const found: { replicas: number; name: string }[] = [];
    const statuses: V2MetricStatus[] = [];
    const errors: Error[] = [];
    for (const metric of spec.metrics ?? []) {
      try {
        const { replicas, status, name } = evaluate(metric, spec, source);
        found.push({ replicas, name });
        statuses.push(status);
      } catch (error) {
        errors.push(error as Error);
        statuses.push({ type: "" });
      }
    }
    const highest = found.reduce((best, each) => (best && best.replicas >= each.replicas ? best : each), found[0]);
    // As long as one is unknown, the others may only ask for more.
    if (!highest || (errors.length > 0 && highest.replicas < current)) {
      this.#fail(errors, found.length + errors.length);
      return undefined;
    }
    const says = `the HPA was able to successfully calculate a replica count from ${highest.name}`;
    this.#conditions.set("ScalingActive", "True", "ValidMetricFound", says);
    const outcome = withinBehavior(spec, { current, desired: highest.replicas, now: this.#now }, this.memory);
    this.#conditions.set(
      "AbleToScale",
      "True",
      ...(outcome.stabilized ?? (["ReadyForNewScale", "recommended size matches current size"] as const)),
    );
    if (outcome.limited) this.#conditions.set("ScalingLimited", "True", ...outcome.limited);
    else
      this.#conditions.set(
        "ScalingLimited",
        "False",
        "DesiredWithinRange",
        "the desired count is within the acceptable range",
      );
    const reason = outcome.replicas > current ? `${highest.name} above target` : "All metrics below target";
    return { replicas: outcome.replicas, reason, currentMetrics: statuses };
  }

  #fail(errors: readonly Error[], count: number): void {
    const [first] = errors;
    const reason = first instanceof MetricError ? first.reason : "FailedGetMetric";
    const why = first?.message ?? "no metrics";
    this.#conditions.set("ScalingActive", "False", reason, `the HPA was unable to compute the replica count: ${why}`);
    for (const error of errors)
      this.#warn(error instanceof MetricError ? error.reason : "FailedGetMetric", error.message);
    const all = `invalid metrics (${errors.length} invalid out of ${count}), first error is: ${why}`;
    this.#warn("FailedComputeMetricsReplicas", all);
  }

  async #rescale(
    current: number,
    { replicas, reason }: Recommendation,
    counts: Partial<V2HorizontalPodAutoscalerStatus>,
  ): Promise<V2HorizontalPodAutoscalerStatus> {
    const { scaleTargetRef } = this.autoscaler.spec!;
    const { namespace } = this.autoscaler.metadata;
    const patch = { type: "application/merge-patch+json", body: { spec: { replicas } } } as const;
    const what = `New size: ${replicas}; reason: ${reason}`;
    try {
      const query = { namespace, subresource: "scale" };
      await this.context.client.patch(refOf(scaleTargetRef), scaleTargetRef.name, patch, query);
    } catch (error) {
      this.#warn("FailedRescale", `${what}; error: ${(error as Error).message}`);
      const why = `the HPA controller was unable to update the target scale: ${(error as Error).message}`;
      this.#conditions.set("AbleToScale", "False", "FailedUpdateScale", why);
      return this.#status({ ...counts, desiredReplicas: current });
    }
    this.memory.changed(replicas - current, this.#now);
    this.context.event(this.autoscaler, "Normal", "SuccessfulRescale", what);
    const done = `the HPA controller was able to update the target scale to ${replicas}`;
    this.#conditions.set("AbleToScale", "True", "SucceededRescale", done);
    return this.#status({ ...counts, lastScaleTime: formatTime(this.#now) });
  }

  #readScale(target: V2CrossVersionObjectReference): Promise<Scale> {
    const { namespace } = this.autoscaler.metadata;
    return this.context.client.getSubresource<Scale>(refOf(target), target.name, namespace, "scale");
  }

  #status(counts: Partial<V2HorizontalPodAutoscalerStatus>): V2HorizontalPodAutoscalerStatus {
    const { status, metadata } = this.autoscaler;
    return {
      ...status,
      desiredReplicas: status?.desiredReplicas ?? 0,
      ...counts,
      observedGeneration: metadata.generation,
      conditions: this.#conditions.all(),
    };
  }

  #warn(reason: string, message: string): void {
    this.context.event(this.autoscaler, "Warning", reason, message);
  }
}

const ALL = Object.values(refs) as ResourceRef[];

/** @throws Error when nothing of that kind is served */
function refOf({ apiVersion = "v1", kind }: V2CrossVersionObjectReference): ResourceRef {
  const ref = ALL.find((each) => each.kind === kind && groupVersion(each) === apiVersion);
  if (!ref) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
  return ref;
}
