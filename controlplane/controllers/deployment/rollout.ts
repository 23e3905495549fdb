import type { Deployment, ReplicaSet } from "#api/generated/types.js";
import { deployments, replicaSets } from "#api/refs.js";
import { groupVersion } from "#api/resource.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { HASH_LABEL, templateHash, templateIdentity } from "../history/template-hash.js";
import { controllerReference } from "../ownership/owner-reference.js";
import { newSetAnnotations, replicasAnnotations, revisionOf } from "./annotations.js";

export type DeploymentAction =
  | { type: "create"; replicaSet: ReplicaSet; event?: string }
  | { type: "update"; replicaSet: ReplicaSet; event?: string }
  | { type: "delete"; replicaSet: ReplicaSet };

export const replicasOf = (set: ReplicaSet) => set.spec.replicas ?? 1;
export const sum = (sets: readonly ReplicaSet[], value: (set: ReplicaSet) => number | undefined) =>
  sets.reduce((total, set) => total + (value(set) ?? 0), 0);

const byAge = (a: ReplicaSet, b: ReplicaSet) =>
  a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) ||
  a.metadata.name.localeCompare(b.metadata.name);

/**
 * A Deployment and its ReplicaSets while a plan is made: changes go to this model, the cluster follows when the plan is
 * carried out. Planning steps see the sizes earlier steps decided on.
 */
export class Rollout {
  /** The ReplicaSet of the current template. */
  current: ReplicaSet | undefined;
  /** All others, oldest first. */
  old: ReplicaSet[];
  readonly #before = new Map<string, ReplicaSet>();
  readonly #events = new Map<string, string>();
  readonly #deleted: ReplicaSet[] = [];

  constructor(
    readonly deployment: Deployment,
    sets: readonly ReplicaSet[],
    readonly now: number,
  ) {
    const sorted = [...sets].sort(byAge);
    for (const set of sorted) this.#before.set(set.metadata.name, set);
    const wanted = templateIdentity(deployment.spec.template);
    this.current = sorted.find((set) => set.spec.template && templateIdentity(set.spec.template) === wanted);
    this.old = sorted.filter((set) => set !== this.current);
  }

  get all(): ReplicaSet[] {
    return this.current ? [...this.old, this.current] : [...this.old];
  }

  /** Those that want Pods. */
  get active(): ReplicaSet[] {
    return this.all.filter((set) => replicasOf(set) > 0);
  }

  /** The revision the current template has or will have: one more than any other's. */
  get revision(): number {
    const next = Math.max(0, ...this.old.map(revisionOf)) + 1;
    return Math.max(next, this.current ? revisionOf(this.current) : 0);
  }

  /** Sets a ReplicaSet's size, and notes on it the Deployment's. @returns whether the size is another one now */
  scale(set: ReplicaSet, replicas: number): boolean {
    const before = replicasOf(set);
    const annotations = { ...set.metadata.annotations, ...replicasAnnotations(this.deployment) };
    this.#replace({ ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, replicas } });
    if (before === replicas) return false;
    const direction = replicas > before ? "up" : "down";
    this.#events.set(
      set.metadata.name,
      `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`,
    );
    return true;
  }

  /** Brings revision, annotations and minReadySeconds of the current ReplicaSet up to date. */
  refreshCurrent(): void {
    if (!this.current) return;
    const { metadata, spec } = this.current;
    const annotations = newSetAnnotations(this.deployment, metadata.annotations ?? {}, this.revision);
    const minReadySeconds = this.deployment.spec.minReadySeconds || undefined;
    this.#replace({ ...this.current, metadata: { ...metadata, annotations }, spec: { ...spec, minReadySeconds } });
  }

  createCurrent(replicas: number): void {
    const { deployment } = this;
    const { template, selector, minReadySeconds } = deployment.spec;
    const hash = templateHash(template, deployment.status?.collisionCount);
    const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
    const name = `${deployment.metadata.name}-${hash}`;
    const annotations = newSetAnnotations(deployment, replicasAnnotations(deployment), this.revision);
    this.current = {
      apiVersion: groupVersion(replicaSets),
      kind: replicaSets.kind,
      metadata: {
        name,
        namespace: deployment.metadata.namespace,
        labels,
        annotations,
        ownerReferences: [controllerReference(deployments, deployment)],
        creationTimestamp: "",
        resourceVersion: "",
        uid: "",
      },
      spec: {
        replicas,
        minReadySeconds: minReadySeconds || undefined,
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    };
    if (replicas > 0) this.#events.set(name, `Scaled up replica set ${name} from 0 to ${replicas}`);
  }

  delete(set: ReplicaSet): void {
    this.old = this.old.filter((other) => other !== set);
    this.#deleted.push(set);
  }

  actions(): DeploymentAction[] {
    const actions: DeploymentAction[] = this.#deleted.map((replicaSet) => ({ type: "delete", replicaSet }));
    for (const replicaSet of this.all) {
      const { name } = replicaSet.metadata;
      const before = this.#before.get(name);
      const event = this.#events.get(name);
      if (replicaSet.metadata.uid === "") actions.push({ type: "create", replicaSet, event });
      else if (!semanticEqual(before, replicaSet)) actions.push({ type: "update", replicaSet, event });
    }
    return actions;
  }

  #replace(set: ReplicaSet): void {
    const same = (other: ReplicaSet) => other.metadata.name === set.metadata.name;
    if (this.current && same(this.current)) this.current = set;
    else this.old = this.old.map((other) => (same(other) ? set : other));
  }
}
