import { decodeObject } from "../decode.js";
import { type BodyTarget, checkKind, type FieldValidation, parseYamlOrJson, stamp } from "../decode-body.js";
import { DecodeError } from "../decode-error.js";
import { cloneJson } from "../json-value.js";
import type { KubeObject } from "../object.js";
import { groupVersion } from "../resource.js";
import { badRequest, StatusError } from "../status-error.js";

type Json = Record<string, unknown>;

export interface AppliedBody {
  /** As the client wrote it: what it leaves out is not its wish. */
  readonly config: Json;
  /** As an object, with what it leaves out filled in. */
  readonly object: KubeObject;
  readonly warnings: string[];
}

/** @throws StatusError 400, and 500 for what does not fit the kind: that is upstream's code for it */
export function decodeApplied(body: Buffer, target: BodyTarget, validation: FieldValidation): AppliedBody {
  const { value, complaints } = parseYamlOrJson(body, target.kind);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badRequest("the body is not an object");
  const config = value as Json;
  for (const field of ["kind", "apiVersion"])
    if (!config[field]) throw badRequest(`Object '${field === "kind" ? "Kind" : "apiVersion"}' is missing`);
  checkKind(config, target);
  if ((config["metadata"] as Json | undefined)?.["managedFields"] !== undefined)
    throw badRequest("metadata.managedFields must be nil");
  const repeated = validation === "Ignore" ? [] : complaints([]);
  if (validation === "Strict" && repeated.length > 0) throw badRequest(`strict decoding error: ${repeated.join(", ")}`);
  try {
    const { object, unknownFields } = decodeObject(target.schema, cloneJson(config));
    const [unknown] = unknownFields;
    if (unknown) throw new DecodeError(`.${unknown}: field not declared in schema`);
    return { config, object: stamp(object, target), warnings: validation === "Warn" ? repeated : [] };
  } catch (error) {
    throw error instanceof DecodeError ? misfit(config, target, error.message) : error;
  }
}

/** @returns the error for a configuration that is no object of its kind */
export function misfit(config: Json, target: BodyTarget, why: string): StatusError {
  const { name = "", namespace = "" } = (config["metadata"] ?? {}) as { name?: string; namespace?: string };
  const which = `${namespace}/${name}; ${groupVersion(target)}, Kind=${target.kind}`;
  return new StatusError(500, "", `failed to create typed patch object (${which}): ${why}`);
}
