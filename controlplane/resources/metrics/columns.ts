import type { KubeObject } from "#api/object.js";
import { nameColumn } from "../columns.js";
import type { Column } from "../kind.js";

type Measured = KubeObject & { window: string };

/** What `kubectl get` shows of a measurement, as metrics-server has it. @param use the sum of what was measured */
export function usageColumns<T extends Measured>(use: (object: T) => Readonly<Record<string, string>>): Column<T>[] {
  return [
    nameColumn as Column<T>,
    { name: "cpu", type: "string", description: "CPUs in use.", value: (object) => use(object)["cpu"] },
    { name: "memory", type: "string", description: "Memory in use.", value: (object) => use(object)["memory"] },
    { name: "window", type: "string", description: "How long was measured.", value: ({ window }) => window },
  ];
}
