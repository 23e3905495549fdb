/** How many nodes and Pods may have a volume, and how. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes */
import { type FieldError, forbidden, notSupported } from "#api/field-error.js";

const SHORT: Readonly<Record<string, string>> = {
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOnce: "RWO",
  ReadWriteOncePod: "RWOP",
};
const MODES = Object.keys(SHORT);
/** As kubectl lists them. */
const ORDER = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

/** "RWO,ROX": each once. */
export function shortAccessModes(modes: readonly string[] = []): string {
  return ORDER.filter((mode) => modes.includes(mode))
    .map((mode) => SHORT[mode])
    .join(",");
}

export function validateAccessModes(field: string, modes: readonly string[] = []): FieldError[] {
  const errors = modes.filter((mode) => !MODES.includes(mode)).map((mode) => notSupported(field, mode, MODES));
  const others = modes.filter((mode) => mode !== "ReadWriteOncePod" && MODES.includes(mode));
  if (modes.includes("ReadWriteOncePod") && others.length > 0)
    errors.push(forbidden(field, "may not use ReadWriteOncePod with other access modes"));
  return errors;
}
