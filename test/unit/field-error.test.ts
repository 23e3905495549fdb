import t from "tap";
import { invalid, notSupported, required } from "#api/field-error.js";
import { invalidObject } from "#api/status-error.js";

t.test("an invalid object names every cause in Kubernetes' words", async (t) => {
  const subject = { group: "apps", plural: "deployments", kind: "Deployment" };
  const error = invalidObject(subject, "web", [
    required("spec.selector"),
    invalid("spec.replicas", -1, "must be greater than or equal to 0"),
  ]);
  t.equal(error.code, 422);
  t.equal(
    error.message,
    'Deployment.apps "web" is invalid: [spec.selector: Required value, spec.replicas: Invalid value: -1: must be greater than or equal to 0]',
  );
  t.same(error.toStatus().details?.causes, [
    { reason: "FieldValueRequired", message: "Required value", field: "spec.selector" },
    {
      reason: "FieldValueInvalid",
      message: "Invalid value: -1: must be greater than or equal to 0",
      field: "spec.replicas",
    },
  ]);
});

t.test("an unsupported value lists the supported ones", async (t) => {
  t.equal(notSupported("type", "x", ["A", "B"]).message, 'Unsupported value: "x": supported values: "A", "B"');
});
