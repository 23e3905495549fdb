/**
 * The priority classes that every cluster has, and what each stands for.
 * https://kubernetes.io/docs/tasks/administer-cluster/guaranteed-scheduling-critical-addon-pods/
 */
export const SYSTEM_PRIORITY_CLASSES = {
  "system-cluster-critical": 2_000_000_000,
  "system-node-critical": 2_000_001_000,
} as const;

export function systemPriority(className: string): number | undefined {
  return Object.hasOwn(SYSTEM_PRIORITY_CLASSES, className)
    ? SYSTEM_PRIORITY_CLASSES[className as keyof typeof SYSTEM_PRIORITY_CLASSES]
    : undefined;
}
