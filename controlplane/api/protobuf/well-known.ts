/** Messages whose JSON form is not an object: times, quantities, int-or-string, raw JSON. */

type Fields = Record<string, unknown>;
type Convert = (message: Fields) => unknown;

const META = "k8s.io.apimachinery.pkg.apis.meta.v1";
const number = (value: unknown) => (typeof value === "number" ? value : 0);

const CONVERSIONS: Readonly<Record<string, Convert>> = {
  [`${META}.Time`]: (time) => timeText(time, 0),
  [`${META}.MicroTime`]: (time) => timeText(time, 6),
  [`${META}.Duration`]: ({ duration }) => `${number(duration) / 1e9}s`,
  [`${META}.FieldsV1`]: ({ Raw }) => rawJson(Raw),
  [`${META}.Verbs`]: ({ items }) => items ?? [],
  "k8s.io.apimachinery.pkg.runtime.RawExtension": ({ raw }) => rawJson(raw),
  "k8s.io.apimachinery.pkg.api.resource.Quantity": ({ string }) => string ?? "0",
  "k8s.io.apimachinery.pkg.util.intstr.IntOrString": ({ type, intVal, strVal }) =>
    type === 1 ? (strVal ?? "") : number(intVal),
};

export function wellKnown(type: string): Convert | undefined {
  // ExtraValue of several groups: a list of strings, wrapped since protobuf has no map of lists.
  if (type.endsWith(".ExtraValue")) return ({ items }) => items ?? [];
  return CONVERSIONS[type];
}

/** RFC 3339; undefined for the zero time, which stands for "not set". */
function timeText({ seconds, nanos }: Fields, digits: number): string | undefined {
  if (seconds === undefined && nanos === undefined) return undefined;
  const whole = new Date(number(seconds) * 1000).toISOString().slice(0, 19);
  const fraction = String(Math.floor(number(nanos)))
    .padStart(9, "0")
    .slice(0, digits);
  return digits > 0 ? `${whole}.${fraction}Z` : `${whole}Z`;
}

function rawJson(base64: unknown): unknown {
  const text = Buffer.from(String(base64 ?? ""), "base64").toString("utf8");
  return text ? JSON.parse(text) : undefined;
}
