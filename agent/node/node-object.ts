import type { Node, NodeStatus } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { LOCAL_STORAGE_PATH } from "#api/storage.js";
import type { Machine } from "../host/machine.js";
import type { RuntimeVersion } from "../runtime/runtime.js";
import { allocatable, capacity, type Resources } from "./capacity.js";

/** Everything about the node that does not change while the agent runs. */
export interface NodeFacts {
  name: string;
  /** InternalIP of each family. */
  addresses: readonly string[];
  machine: Machine;
  machineId: string;
  runtime: RuntimeVersion;
  resources: Resources;
  /** "v1.35.0+berth0.1.0". */
  version: string;
  kubeletPort: number;
  /** Given by the operator, besides the well-known ones. */
  labels: Readonly<Record<string, string>>;
  /** Folder of volumes that are made for claims. */
  localStorage: string;
}

/** The labels every node has. https://kubernetes.io/docs/reference/labels-annotations-taints/ */
export function nodeLabels({ name, machine, labels }: NodeFacts): Record<string, string> {
  return {
    "beta.kubernetes.io/arch": machine.architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": machine.architecture,
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
    ...labels,
  };
}

/** Whoever makes volumes on a node's disk finds out where. */
export const nodeAnnotations = ({ localStorage }: NodeFacts) => ({ [LOCAL_STORAGE_PATH]: localStorage });

/** The Node as it is first created; its status follows at once. */
export function newNode(facts: NodeFacts): Draft<Node> {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: facts.name, labels: nodeLabels(facts), annotations: nodeAnnotations(facts) },
    spec: {},
  };
}

export type FixedStatus = Required<
  Pick<NodeStatus, "addresses" | "capacity" | "allocatable" | "daemonEndpoints" | "nodeInfo">
>;

export function fixedStatus(facts: NodeFacts): FixedStatus {
  const { machine, runtime } = facts;
  return {
    addresses: [
      ...facts.addresses.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: facts.name },
    ],
    capacity: capacity(facts.resources),
    allocatable: allocatable(facts.resources),
    daemonEndpoints: { kubeletEndpoint: { Port: facts.kubeletPort } },
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootID,
      containerRuntimeVersion: `${runtime.name}://${runtime.version}`,
      kernelVersion: machine.kernelVersion,
      kubeProxyVersion: "",
      kubeletVersion: facts.version,
      machineID: facts.machineId,
      operatingSystem: "linux",
      osImage: machine.osImage,
      systemUUID: machine.systemUUID,
    },
  };
}
