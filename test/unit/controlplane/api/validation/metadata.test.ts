import t from "tap";
import { validateLabelSelector } from "#api/validation/labels.js";
import { validateObjectMeta, validateObjectMetaUpdate, validateWriteOptions } from "#api/validation/metadata.js";

const rules = { namespaced: true, nameRule: "dns-subdomain" } as const;
const fields = (errors: { field: string; message: string }[]) => errors.map((e) => `${e.field}: ${e.message}`);

t.test("metadata on creation", async (t) => {
  t.same(validateObjectMeta({ name: "a", namespace: "default" }, rules), []);
  t.same(fields(validateObjectMeta({ namespace: "default" }, rules)), [
    "metadata.name: Required value: name or generateName is required",
  ]);
  t.same(fields(validateObjectMeta({ name: "a" }, rules)), ["metadata.namespace: Required value"]);
  t.same(fields(validateObjectMeta({ name: "a", namespace: "x" }, { ...rules, namespaced: false })), [
    "metadata.namespace: Forbidden: not allowed on this type",
  ]);
  const bad = validateObjectMeta({ name: "A", namespace: "default", labels: { "": "v w" }, finalizers: ["-"] }, rules);
  t.same(
    bad.map((e) => e.field),
    ["metadata.name", "metadata.labels", "metadata.labels", "metadata.labels", "metadata.finalizers"],
  );
  const big = { a: "x".repeat(262144) };
  t.same(fields(validateObjectMeta({ name: "a", namespace: "d", annotations: big }, rules)), [
    "metadata.annotations: Too long: may not be more than 262144 bytes",
  ]);
});

t.test("owner references", async (t) => {
  const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: "u", controller: true };
  const meta = { name: "a", namespace: "d", ownerReferences: [owner, { ...owner, name: "q" }] };
  t.match(validateObjectMeta(meta, rules)[0]?.message, /Found "true" in references for Pod\/p and Pod\/q$/);
  t.same(
    validateObjectMeta({ ...meta, ownerReferences: [{ apiVersion: "", kind: "", name: "", uid: "" }] }, rules).map(
      (e) => e.field,
    ),
    ["apiVersion", "kind", "name", "uid"].map((key) => `metadata.ownerReferences.${key}`),
  );
});

t.test("metadata on change", async (t) => {
  const old = { name: "a", namespace: "d", uid: "u", resourceVersion: "5", creationTimestamp: "t" };
  t.same(validateObjectMetaUpdate(old, old), []);
  t.same(fields(validateObjectMetaUpdate({ ...old, uid: "v" }, old)), [
    'metadata.uid: Invalid value: "v": field is immutable',
  ]);
  t.same(fields(validateObjectMetaUpdate({ ...old, resourceVersion: "" }, old)), [
    'metadata.resourceVersion: Invalid value: "": must be specified for an update',
  ]);
  const dying = { ...old, deletionTimestamp: "t", finalizers: ["a.io/x"] };
  t.same(validateObjectMetaUpdate({ ...dying, finalizers: [] }, dying), []);
  t.same(fields(validateObjectMetaUpdate({ ...dying, finalizers: ["a.io/x", "b.io/y"] }, dying)), [
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"b.io/y"}',
  ]);
});

t.test("label selectors and write options", async (t) => {
  t.same(
    fields(
      validateLabelSelector("spec.selector", {
        matchExpressions: [
          { key: "a", operator: "In" },
          { key: "a", operator: "Exists", values: ["x"] },
          { key: "a", operator: "Is" },
        ],
      }),
    ),
    [
      "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      'spec.selector.matchExpressions[2].operator: Invalid value: "Is": not a valid selector operator',
    ],
  );
  t.same(fields(validateWriteOptions({ dryRun: ["Some"], fieldValidation: "Maybe", fieldManager: "a\u0001" })), [
    'fieldManager: Invalid value: "a\\u0001": invalid character U+0001 (at position 1)',
    'dryRun: Unsupported value: ["Some"]: supported values: "All"',
    'fieldValidation: Unsupported value: "Maybe": supported values: "", "Ignore", "Strict", "Warn"',
  ]);
});
