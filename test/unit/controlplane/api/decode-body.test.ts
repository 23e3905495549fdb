import t from "tap";
import { decodeBody, decodePatched, type FieldValidation } from "#api/decode-body.js";
import { duplicateKeys, scanJson } from "#api/json-scan.js";
import type { StatusError } from "#api/status-error.js";

const deployment = { schema: "Deployment", group: "apps", version: "v1", kind: "Deployment" };
const configMap = { schema: "ConfigMap", group: "", version: "v1", kind: "ConfigMap" };

function refusal(text: string, validation?: FieldValidation, type?: string): string {
  try {
    decodeBody(Buffer.from(text), type, deployment, validation);
  } catch (error) {
    const { code, reason, message } = error as StatusError;
    return `${code} ${reason} ${message}`;
  }
  return "accepted";
}

const handled = '400 BadRequest Deployment in version "v1" cannot be handled as a Deployment: ';

t.test("field validation", async (t) => {
  const text = '{"spec":{"replicas":1,"foo":{"a":{}},"replicas":2},"bar":[]}';
  t.equal(
    refusal(text, "Strict"),
    `${handled}strict decoding error: unknown field "spec.foo", duplicate field "spec.replicas", unknown field "bar"`,
  );
  const warned = decodeBody<Record<string, unknown>>(Buffer.from(text), undefined, deployment);
  t.same(warned.warnings, ['unknown field "spec.foo"', 'duplicate field "spec.replicas"', 'unknown field "bar"']);
  t.match(warned.object, { apiVersion: "apps/v1", kind: "Deployment", spec: { replicas: 2 } });
  t.notOk("bar" in warned.object);
  t.same(decodeBody(Buffer.from(text), "application/json; charset=utf-8", deployment, "Ignore").warnings, []);
});

t.test("bodies that are something else", async (t) => {
  t.equal(
    refusal('{"spec":{"replicas":"3"}}'),
    `${handled}json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`,
  );
  t.match(
    refusal('{"kind":"Service","apiVersion":"v1"}'),
    /^400 BadRequest Service in version "v1" cannot be handled as/,
  );
  t.match(refusal('{"kind":"Foo","apiVersion":"v1"}'), /no kind "Foo" is registered for version "v1"/);
  t.equal(
    refusal('{"kind":"Deployment","apiVersion":"apps/v2"}'),
    "400 BadRequest the API version in the data (apps/v2) does not match the expected API version (apps/v1)",
  );
  t.equal(
    refusal('{"a": b}'),
    "400 BadRequest the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: invalid character 'b' looking for beginning of value ({\"a\": b})",
  );
  t.match(refusal("[]"), /^400 BadRequest the object provided is unrecognized/);
  t.match(refusal(""), /unexpected end of JSON input/);
  t.match(
    refusal("{}", "Warn", "application/vnd.kubernetes.protobuf"),
    /^415 UnsupportedMediaType the body of the request/,
  );
});

t.test("YAML bodies", async (t) => {
  const yaml = "data:\n  a: '1'\n  when: 12:30\n  day: 2024-01-02\n";
  const { object } = decodeBody<{ data: object }>(Buffer.from(yaml), "application/yaml", configMap);
  t.same(object.data, { a: "1", when: "12:30", day: "2024-01-02" });
  t.match(
    refusal("spec: {replicas: 1, replicas: 2}", "Strict", "application/yaml"),
    /key "replicas" already set in map/,
  );
  t.match(
    refusal("spec: [", "Strict", "application/yaml"),
    /^400 BadRequest .*couldn't get version\/kind; yaml: line 1: /,
  );
});

t.test("JSON is scanned as Go scans it", async (t) => {
  const errors: [string, string][] = [
    ["", "unexpected end of JSON input"],
    ["{", "unexpected end of JSON input"],
    ["{a", "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1', "invalid character '1' after object key"],
    ['{"a":1 2', "invalid character '2' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ["{} x", "invalid character 'x' after top-level value"],
    ["nul", "unexpected end of JSON input"],
    ["nxll", "invalid character 'x' in literal null (expecting 'u')"],
    ['"\n"', "invalid character '\\n' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ["-a", "invalid character 'a' in numeric literal"],
    ["'a'", "invalid character '\\'' looking for beginning of value"],
  ];
  for (const [text, message] of errors) t.equal(scanJson(text).error, message, text);
  t.match(scanJson("[".repeat(100_000)).error, "exceeded max depth");
  const fine = '{"a\\"b": [1, -2.5e3, "x\\\\", {"c": null}], "c": {"c": true}, "d": ":"}';
  t.match(scanJson(fine), { duplicates: [], error: undefined });
  t.same(duplicateKeys(fine, JSON.parse(fine)), []);
  const twice = '{"a": [{"b": 1, "b": 2}], "c": {"d": 1}, "c": {}}';
  t.same(duplicateKeys(twice, JSON.parse(twice)), ["a[0].b", "c"]);
});

t.test("the outcome of a patch", async (t) => {
  t.throws(() => decodePatched({ spec: { replicas: "x" } }, deployment), {
    code: 422,
    reason: "Invalid",
    message:
      /^ "" is invalid: patch: Invalid value: "\{.*\}": json: cannot unmarshal string into Go struct field DeploymentSpec/,
  });
  const patch = { spec: { foo: 1 }, metadata: { labels: null } };
  const parsed = { type: "application/strategic-merge-patch+json", patch, complaints: [] } as const;
  t.throws(() => decodePatched({ spec: { foo: 1, more: 2 } }, deployment, "Strict", parsed), {
    message:
      ' "" is invalid: patch: Invalid value: "map[metadata:map[labels:<nil>] spec:map[foo:1]]": strict decoding error: unknown field "spec.foo", unknown field "spec.more"',
  });
  t.throws(() => decodePatched({ spec: { foo: 1 } }, deployment, "Strict"), {
    message: /strict decoding error: unknown field "spec\.foo"$/,
  });
  t.same(decodePatched({ spec: { foo: 1 } }, deployment, "Warn").warnings, ['unknown field "spec.foo"']);
});
