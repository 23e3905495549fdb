/** A JSON value as Go prints it with %v, since messages of the API server quote values so: `map[image:x ports:[80 443]]`. */
export function formatGo(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(formatGo).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, inner]) => `${key}:${formatGo(inner)}`).join(" ")}]`;
}
