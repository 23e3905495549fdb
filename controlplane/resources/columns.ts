/** Printer columns that many kinds share, and how kubectl users are shown durations, labels and lists. */
import type { Container, LabelSelector, PodSpec } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { formatLabelSelector } from "#api/selectors.js";
import type { Column } from "./kind.js";

export const nameColumn: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name of the object, unique within its namespace.",
  value: (object) => object.metadata.name,
};

export const ageColumn: Column<KubeObject> = {
  name: "Age",
  type: "date",
  description: "Time since the object was created.",
  value: (object) => object.metadata.creationTimestamp,
};

/** Container names and images. */
export function containerColumns<T>(containersOf: (object: T) => readonly Container[] | undefined): Column<T>[] {
  const list = (object: T, field: "name" | "image") =>
    (containersOf(object) ?? []).map((container) => container[field]).join(",");
  return [
    {
      name: "Containers",
      type: "string",
      priority: 1,
      description: "Names of the containers in the template.",
      value: (object) => list(object, "name"),
    },
    {
      name: "Images",
      type: "string",
      priority: 1,
      description: "Images of the containers in the template.",
      value: (object) => list(object, "image"),
    },
  ];
}

/** Container names, images and selector: the wide columns of everything that makes pods. */
export function workloadColumns<
  T extends { spec: { template?: { spec?: PodSpec }; selector?: LabelSelector } },
>(): Column<T>[] {
  return [
    ...containerColumns<T>((object) => object.spec.template?.spec?.containers),
    {
      name: "Selector",
      type: "string",
      priority: 1,
      description: "Label selector for the pods that belong to this object.",
      value: (object) => formatLabelSelector(object.spec.selector),
    },
  ];
}

/** The first `max` items; what is left out is counted: `a,b,c + 2 more...`. `empty` when there are none. */
export function formatList(items: readonly string[], max: number, empty: string, separator = ","): string {
  if (items.length === 0) return empty;
  const shown = items.slice(0, max).join(separator);
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown;
}
