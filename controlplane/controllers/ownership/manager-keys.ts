import type { LabelSelector } from "#api/generated/types.js";
import { type KubeObject, keyOf } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";
import { matchLabelSelector } from "#api/selectors.js";
import type { ControllerContext } from "../controller.js";
import { controllerOf } from "./owner-reference.js";

/**
 * For a watch of managed objects: the key of the object of `ref` that manages one, or managed it before this change; for an orphan
 * the keys of those that might adopt it.
 */
export function managerKeys<T extends KubeObject>(
  ref: ResourceRef<T>,
  selectorOf: (manager: T) => LabelSelector | undefined,
): (object: KubeObject, context: ControllerContext, old?: KubeObject) => string[] {
  return (object, context, old) => {
    const { namespace, labels } = object.metadata;
    const owners = [controllerOf(object), old && controllerOf(old)].filter((owner) => owner?.kind === ref.kind);
    const keys = owners.map((owner) => `${namespace}/${owner?.name}`);
    if (controllerOf(object)) return keys;
    for (const manager of context.informer(ref).list()) {
      if (manager.metadata.namespace !== namespace) continue;
      const selector = selectorOf(manager);
      if (selector && matchLabelSelector(selector, labels)) keys.push(keyOf(manager));
    }
    return keys;
  };
}
