/** The Table view: the columns `kubectl get` prints, made on the server. Cells hold ages, so rows are never kept. */
import type { KubeObject } from "#api/object.js";
import { ageColumn, nameColumn } from "#resources/columns.js";
import { humanAge } from "#resources/duration-text.js";
import type { Column, Kind } from "#resources/kind.js";
import type { ListMeta } from "./render.js";
import { PARTIAL, type StoredObject } from "./stored-object.js";

export interface TableOptions {
  kind: Kind;
  includeObject: "None" | "Metadata" | "Object";
  /** Ages count up to here, in ms since the epoch. */
  now: number;
}

export function table(objects: Iterable<StoredObject>, metadata: ListMeta, options: TableOptions): object {
  const columns = options.kind.columns ?? [nameColumn, ageColumn];
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: columns.map(definition),
    rows: Array.from(objects, (stored) => row(stored.object, columns, options)),
  };
}

function definition({ name, type, format = "", description, priority = 0 }: Column<KubeObject>): object {
  // A date is sent as the age it stands for, which is text.
  return { name, type: type === "date" ? "string" : type, format, description, priority };
}

function row(object: KubeObject, columns: readonly Column<KubeObject>[], options: TableOptions): object {
  const cells = columns.map((column) => cell(column, object, options.now));
  if (options.includeObject === "None") return { cells };
  const shown = options.includeObject === "Object" ? object : { ...PARTIAL, metadata: object.metadata };
  return { cells, object: shown };
}

function cell(column: Column<KubeObject>, object: KubeObject, now: number): string | number | boolean {
  const value = column.value(object, now);
  if (column.type === "date") return humanAge(value === null ? undefined : (value as string | undefined), now);
  return value ?? "<none>";
}
