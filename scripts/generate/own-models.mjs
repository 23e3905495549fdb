/** Models of kinds that client-node does not have, ours and those of the metrics API, in the form that `readModel` gives those of client-node. */

const string = { type: "string", format: "", required: false };

const kindFields = [
  {
    ...string,
    name: "apiVersion",
    description:
      "The group and version of this representation: see https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources",
  },
  {
    ...string,
    name: "kind",
    description:
      "The kind of this object: see https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds",
  },
  {
    name: "metadata",
    type: "V1ObjectMeta",
    format: "",
    required: false,
    description: "The Pod's name, namespace, uid, time of creation and labels.",
  },
];

/** https://kubernetes.io/docs/reference/external-api/metrics.v1beta1/ */
const metricsFields = [
  kindFields[0],
  kindFields[1],
  { ...kindFields[2], description: "Name, namespace and labels of what was measured." },
  {
    name: "timestamp",
    type: "Date",
    format: "date-time",
    required: true,
    description: "The end of the time in which the use was measured.",
  },
  { ...string, name: "window", required: true, description: "How long that time was, as a duration." },
];
const usageField = {
  name: "usage",
  type: "{ [key: string]: string; }",
  format: "",
  required: true,
  description: "CPUs in use on average over the window, and bytes of memory: the working set at its end.",
};

const metricsModels = [
  {
    name: "V1beta1NodeMetrics",
    description: "NodeMetrics tells what a node uses.",
    fields: [...metricsFields, usageField],
  },
  {
    name: "V1beta1PodMetrics",
    description: "PodMetrics tells what a Pod's containers use.",
    fields: [
      ...metricsFields,
      {
        name: "containers",
        type: "Array<V1beta1ContainerMetrics>",
        format: "",
        required: true,
        description: "The running containers, all measured in the same window.",
      },
    ],
  },
  {
    name: "V1beta1ContainerMetrics",
    description: "ContainerMetrics tells what a container uses.",
    fields: [{ ...string, name: "name", required: true, description: "The container's name in its Pod." }, usageField],
  },
];

export const ownModels = [
  ...metricsModels,
  {
    name: "V1PodPeer",
    description:
      "PodPeer is what network policy needs to know of a Pod, and no more: nodes read all of them where they may read only their own Pods. It is a view of the Pod of the same name; nobody writes it.",
    fields: [
      ...kindFields,
      {
        name: "addresses",
        type: "Array<string>",
        format: "",
        required: false,
        description:
          "The Pod's own addresses. None before it has any, after it has ended, and for a Pod on its node's network.",
      },
      {
        name: "ports",
        type: "Array<V1PodPeerPort>",
        format: "",
        required: false,
        description: "Container ports that have a name.",
      },
    ],
  },
  {
    name: "V1PodPeerPort",
    description: "PodPeerPort is a container port that policies may refer to by its name.",
    fields: [
      { ...string, name: "name", required: true, description: "The port's name." },
      { name: "port", type: "number", format: "int32", required: true, description: "The port's number." },
      { ...string, name: "protocol", required: true, description: "TCP, UDP or SCTP." },
    ],
  },
];
