/** Models of kinds that are ours and no part of Kubernetes, in the form that `readModel` gives those of client-node. */

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

export const ownModels = [
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
