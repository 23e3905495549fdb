import type { NamespaceCondition } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";
import { formatTime } from "#api/time.js";

/** What is left in a namespace of one resource. */
export interface Remaining {
  ref: ResourceRef;
  objects: readonly KubeObject[];
}

type Said = [status: "True" | "False", reason: string, message: string];

function contentSaid(remaining: readonly Remaining[]): Said {
  if (remaining.length === 0) return ["False", "ContentRemoved", "All content successfully removed"];
  const counts = remaining.map(
    ({ ref, objects }) => `${ref.plural}.${ref.group} has ${objects.length} resource instances`,
  );
  return ["True", "SomeResourcesRemain", `Some resources are remaining: ${counts.sort().join(", ")}`];
}

function finalizersSaid(remaining: readonly Remaining[]): Said {
  const counts = new Map<string, number>();
  for (const finalizer of remaining.flatMap(({ objects }) => objects).flatMap((o) => o.metadata.finalizers ?? []))
    counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
  if (counts.size === 0) return ["False", "ContentHasNoFinalizers", "All content-preserving finalizers finished"];
  const texts = [...counts].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`).sort();
  return [
    "True",
    "SomeFinalizersRemain",
    `Some content in the namespace has finalizers remaining: ${texts.join(", ")}`,
  ];
}

function failureSaid(failures: readonly string[]): Said {
  if (failures.length === 0)
    return ["False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"];
  const message = `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(", ")}`;
  return ["True", "ContentDeletionFailed", message];
}

/** How far the deletion of a namespace has come, in the five conditions kubectl users know. */
export function deletionConditions(
  old: readonly NamespaceCondition[],
  remaining: readonly Remaining[],
  failures: readonly string[],
  now: number,
): NamespaceCondition[] {
  const said: Record<string, Said> = {
    NamespaceDeletionDiscoveryFailure: ["False", "ResourcesDiscovered", "All resources successfully discovered"],
    NamespaceDeletionGroupVersionParsingFailure: [
      "False",
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ],
    NamespaceDeletionContentFailure: failureSaid(failures),
    NamespaceContentRemaining: contentSaid(remaining),
    NamespaceFinalizersRemaining: finalizersSaid(remaining),
  };
  return Object.entries(said).map(([type, [status, reason, message]]) => {
    const known = old.find((condition) => condition.type === type);
    const same = known?.status === status;
    return { type, status, reason, message, lastTransitionTime: same ? known.lastTransitionTime : formatTime(now) };
  });
}
