import type { KubeObject } from "#api/object.js";

/** The name of the class that is marked as the one for who names none; of several the newest. */
export function newestDefault<T extends KubeObject>(
  classes: readonly T[],
  isDefault: (it: T) => boolean,
): string | undefined {
  const defaults = classes.filter(isDefault);
  const [newest] = defaults.sort(
    ({ metadata: a }, { metadata: b }) =>
      b.creationTimestamp.localeCompare(a.creationTimestamp) || a.name.localeCompare(b.name),
  );
  return newest?.metadata.name;
}
