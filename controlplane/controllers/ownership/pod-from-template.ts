import type { Pod, PodTemplateSpec } from "#api/generated/types.js";
import type { Draft, KubeObject } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";
import { controllerReference } from "./owner-reference.js";

/** A Pod as its owner's template asks for it, named `<owner>-<random>`. Shares the template's parts: do not change them. */
export function podFromTemplate(ref: ResourceRef, owner: KubeObject, template: PodTemplateSpec): Draft<Pod> {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: `${owner.metadata.name}-`,
      namespace: owner.metadata.namespace,
      labels,
      annotations,
      finalizers,
      ownerReferences: [controllerReference(ref, owner)],
    },
    spec: template.spec ?? { containers: [] },
  };
}
