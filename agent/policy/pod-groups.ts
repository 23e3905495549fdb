/**
 * Who belongs to which group of pods, remembered from one change to the next: a change of one pod makes only the sets anew in which
 * it is or comes to be, and all others stay the very same objects.
 */
import type { Namespace, PodPeer } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { matchesLabels } from "#api/selectors.js";
import { FAMILIES, type Family } from "./layout.js";
import type { GroupSet } from "./policy-chain.js";
import type { PodGroup } from "./policy-rules.js";

/** What is known of the cluster. */
export interface PodDirectory {
  namespaces(): readonly Namespace[];
  namespace(name: string): Namespace | undefined;
  podsIn(namespace: string): readonly PodPeer[];
  pod(key: string): PodPeer | undefined;
  /** Of a pod of this node as it is attached now, which the API may not know yet; else as the API has it. */
  addressesOf(peer: PodPeer): readonly string[];
}

interface Known {
  group: PodGroup;
  members: ReadonlySet<string>;
  elements: ReadonlyMap<string, string>;
}

export class PodGroups {
  #known = new Map<string, Known>();
  #used = new Map<string, Known>();

  constructor(private readonly directory: PodDirectory) {}

  /** What belongs into the set; the same object until that changes. */
  elements(set: GroupSet): ReadonlyMap<string, string> {
    const known = this.#used.get(set.name) ?? this.#known.get(set.name) ?? this.#collect(set);
    this.#used.set(set.name, known);
    return known.elements;
  }

  /** Forgets the sets that nobody has asked for since the last call. */
  sweep(): void {
    this.#known = this.#used;
    this.#used = new Map();
  }

  /** The pod has come, gone, or changed in labels, addresses or ports. */
  podChanged(key: string): void {
    const peer = this.directory.pod(key);
    this.#forget(({ group, members }) => members.has(key) || (peer !== undefined && this.#has(group, peer)));
  }

  /** The namespace has come, gone, or changed in labels. */
  namespaceChanged(): void {
    this.#forget(({ group }) => typeof group.namespaces !== "string");
  }

  #forget(stale: (known: Known) => boolean): void {
    for (const [name, known] of this.#known) if (stale(known)) this.#known.delete(name);
  }

  #collect({ group, port, family }: GroupSet): Known {
    const members = new Set<string>();
    const elements = new Map<string, string>();
    for (const namespace of this.#namespacesOf(group)) {
      for (const peer of this.directory.podsIn(namespace)) {
        if (!matchesLabels(group.pods, peer.metadata.labels)) continue;
        members.add(keyOf(peer));
        for (const address of this.directory.addressesOf(peer)) {
          if (familyOf(address) !== family) continue;
          if (!port) elements.set(address, "");
          for (const { name, protocol, port: number } of port ? (peer.ports ?? []) : []) {
            if (name === port?.name && protocol.toLowerCase() === port.protocol)
              elements.set(`${address} . ${port.protocol} . ${number}`, "");
          }
        }
      }
    }
    return { group, members, elements };
  }

  #namespacesOf({ namespaces }: PodGroup): string[] {
    if (typeof namespaces === "string") return [namespaces];
    const selected = this.directory.namespaces().filter(({ metadata }) => matchesLabels(namespaces, metadata.labels));
    return selected.map(({ metadata }) => metadata.name);
  }

  #has({ namespaces, pods }: PodGroup, { metadata }: PodPeer): boolean {
    if (!matchesLabels(pods, metadata.labels)) return false;
    if (typeof namespaces === "string") return namespaces === metadata.namespace;
    const namespace = this.directory.namespace(metadata.namespace ?? "");
    return namespace !== undefined && matchesLabels(namespaces, namespace.metadata.labels);
  }
}

export const familyOf = (address: string): Family => (address.includes(":") ? 6 : 4);

/** The declaration of the set in nft. */
export function declarationOf({ port, family }: GroupSet): string {
  const { type } = FAMILIES[family];
  return `type ${port ? `${type} . inet_proto . inet_service` : type};`;
}
