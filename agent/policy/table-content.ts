/** What the table should hold, worked out from the policies, the cluster's pods and those of this node. Pure. */
import type { AttachedPod } from "#agent/network/network.js";
import type { NetworkPolicy, PodPeer } from "#api/generated/types.js";
import { matchesLabels } from "#api/selectors.js";
import { CLOSED, FAMILIES, type Family } from "./layout.js";
import { declarationOf, familyOf } from "./pod-groups.js";
import { chainName, type GroupSet, policyChain } from "./policy-chain.js";
import { type Direction, hashOf, type PolicyRules, rulesOf } from "./policy-rules.js";

/** Beyond the layout. */
export interface TableContent {
  /** Name → elements; those of the layout's own sets and maps among them. */
  sets: ReadonlyMap<string, SetContent>;
  chains: ReadonlyMap<string, ChainContent>;
}

export interface SetContent {
  /** Absent: the set is part of the layout. */
  declaration?: string;
  /** Key → value; "" in a set that is no map. */
  elements: ReadonlyMap<string, string>;
}

export interface ChainContent {
  /** For a person who reads the table. */
  comment: string;
  lines: readonly string[];
}

export interface PolicyState {
  families: readonly Family[];
  /** The pods of this node. An address belongs to the last that has it. */
  attachedPods: readonly AttachedPod[];
  /** As the API knows it; undefined when it does not, or knows another one of that name. */
  peerOf(pod: AttachedPod): PodPeer | undefined;
  policiesIn(namespace: string): readonly NetworkPolicy[];
  /** The same object as long as nothing of it changes: then the set need not be compared. */
  elementsOf(set: GroupSet): ReadonlyMap<string, string>;
}

const DIRECTIONS = ["ingress", "egress"] as const;
/** nft takes no longer ones. */
const COMMENT_LIMIT = 120;

export function tableContent(state: PolicyState): TableContent {
  const draft = new Draft(state);
  for (const pod of state.attachedPods) draft.addPod(pod);
  return draft.content();
}

class Draft {
  /** Elements of the layout's own maps and sets. */
  readonly #own = new Map<string, Map<string, string>>();
  readonly #sets = new Map<string, SetContent>();
  readonly #policies = new Map<string, ChainContent>();
  readonly #isolations = new Map<string, ChainContent>();

  constructor(private readonly state: PolicyState) {
    for (const { suffix } of Object.values(FAMILIES))
      for (const name of [...DIRECTIONS, "self"]) this.#own.set(`${name}${suffix}`, new Map());
  }

  content(): TableContent {
    const own = [...this.#own].map(([name, elements]) => [name, { elements }] as const);
    return {
      sets: new Map<string, SetContent>([...own, ...this.#sets]),
      chains: new Map([...this.#policies, ...this.#isolations]),
    };
  }

  addPod(pod: AttachedPod): void {
    const peer = this.state.peerOf(pod);
    const selected = peer ? this.#policiesOf(peer) : [];
    for (const ip of pod.ips) {
      const { suffix } = FAMILIES[familyOf(ip)];
      const put = (set: string, key: string, value: string) => this.#own.get(`${set}${suffix}`)?.set(key, value);
      for (const direction of DIRECTIONS) {
        // Of a pod that nobody vouches for it is not known what it may do.
        const chain = peer ? this.#isolation(selected, direction) : CLOSED;
        if (!chain) continue;
        put(direction, ip, `goto ${chain}`);
        put("self", `${ip} . ${ip}`, "");
      }
    }
  }

  #policiesOf({ metadata }: PodPeer): PolicyRules[] {
    const policies = this.state.policiesIn(metadata.namespace ?? "").map(rulesOf);
    return policies.filter(({ pods }) => matchesLabels(pods.pods, metadata.labels));
  }

  /** The chain of all pods that exactly these policies select. Undefined: none of them isolates in that direction. */
  #isolation(selected: readonly PolicyRules[], direction: Direction): string | undefined {
    const policies = selected.filter((policy) => policy[direction]);
    if (policies.length === 0) return undefined;
    const keys = policies.map(({ key }) => key).sort();
    const name = `isolated-${direction}-${hashOf(keys)}`;
    if (this.#isolations.has(name)) return name;
    for (const policy of policies) this.#addPolicy(policy, direction);
    const jumps = keys.map((key) => `jump ${chainName(key, direction)}`);
    this.#isolations.set(name, { comment: shortened(keys.join(" ")), lines: [...jumps, "drop"] });
    return name;
  }

  #addPolicy(policy: PolicyRules, direction: Direction): void {
    const { name, lines, sets } = policyChain(policy, direction, this.state.families);
    if (this.#policies.has(name)) return;
    this.#policies.set(name, { comment: shortened(policy.key), lines });
    for (const set of sets) {
      if (this.#sets.has(set.name)) continue;
      this.#sets.set(set.name, { declaration: declarationOf(set), elements: this.state.elementsOf(set) });
    }
  }
}

const shortened = (text: string) => (text.length > COMMENT_LIMIT ? `${text.slice(0, COMMENT_LIMIT - 1)}~` : text);
