/** Times as the API writes them: RFC 3339 in UTC, to the second (Time) or to the microsecond (MicroTime). */

/** `2006-01-02T15:04:05Z` */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** `2006-01-02T15:04:05.000000Z` */
export function formatMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

const SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const MICROS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const RFC3339 = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;

/** The text in canonical form, or undefined when it is no RFC 3339 time. */
export function canonicalTime(text: string, precision: "seconds" | "micros"): string | undefined {
  if (precision === "seconds" ? SECONDS.test(text) : MICROS.test(text)) {
    return Number.isNaN(Date.parse(text)) ? undefined : text;
  }
  const match = RFC3339.exec(text);
  const ms = match ? Date.parse(`${match[1]}T${match[2]}${match[4]}`) : Number.NaN;
  if (Number.isNaN(ms)) return undefined;
  if (precision === "seconds") return formatTime(ms);
  return `${formatTime(ms).slice(0, 19)}.${(match?.[3] ?? "").padEnd(6, "0").slice(0, 6)}Z`;
}
