/** From the bytes of a request to an object of the kind it must be, with the API server's answers to everything else. */
import { type DocumentOptions, type ParseOptions, parseDocument, type SchemaOptions } from "yaml";
import { decodeObject } from "./decode.js";
import { DecodeError } from "./decode-error.js";
import { invalid } from "./field-error.js";
import { formatGo } from "./go-format.js";
import { duplicateKeys, scanJson } from "./json-scan.js";
import type { KubeObject } from "./object.js";
import type { ParsedPatch } from "./patch.js";
import { groupVersion } from "./resource.js";
import { typeSchemas } from "./schema.js";
import { badRequest, invalidObject, unsupportedMediaType } from "./status-error.js";

/** What a body must be. */
export interface BodyTarget {
  /** Name in generated/types.ts. */
  readonly schema: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** For kinds that every group version has (DeleteOptions): apiVersion is not compared. */
  readonly anyVersion?: boolean;
}

export type FieldValidation = "Ignore" | "Warn" | "Strict";

export interface DecodedBody<T> {
  object: T;
  /** Texts for Warning headers: `unknown field "spec.foo"`. Empty unless fieldValidation is Warn. */
  warnings: string[];
}

type Json = Record<string, unknown>;

export interface ParsedBody {
  value: unknown;
  /** What a strict reader finds, in its order, the unknown fields of the object among it. */
  complaints(unknownFields: readonly string[]): string[];
}

const MAX_COMPLAINTS = 100;

function parseJson(text: string, body: Buffer, kind: string, wantsDuplicates: boolean): ParsedBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unrecognized(kind, `json parse error: ${scanJson(text).error ?? "invalid JSON"}`, body);
  }
  const duplicates = wantsDuplicates ? duplicateKeys(text, value) : [];
  return { value, complaints: (unknown) => inOrder(text, duplicates, unknown) };
}

/** A field that stands twice is told where it comes again, an unknown one where it comes first. */
function inOrder(text: string, duplicates: readonly string[], unknown: readonly string[]): string[] {
  if (duplicates.length === 0) return unknown.map(unknownField);
  const { keys } = scanJson(text);
  const told = [
    ...unknown.map((path) => ({ at: keys.indexOf(path), text: unknownField(path) })),
    ...[...new Set(duplicates)].map((path) => {
      const at = keys.indexOf(path, keys.indexOf(path) + 1);
      return { at, text: `duplicate field ${JSON.stringify(path)}` };
    }),
  ];
  return told.sort((a, b) => a.at - b.at).map(({ text }) => text);
}

/** YAML as kubectl reads it: 1.1 without times of day and dates, which stay text. */
const yamlOptions: ParseOptions & DocumentOptions & SchemaOptions = {
  version: "1.1",
  logLevel: "silent",
  customTags: (tags) =>
    tags.filter(
      (tag) =>
        typeof tag === "string" || !(("format" in tag && tag.format === "TIME") || tag.tag.endsWith(":timestamp")),
    ),
};

function parseYaml(text: string, body: Buffer, kind: string): ParsedBody {
  const document = parseDocument(text, yamlOptions);
  const repeated: string[] = [];
  for (const error of document.errors) {
    const line = `line ${error.linePos?.[0].line ?? 0}`;
    if (error.code !== "DUPLICATE_KEY") {
      const why = (error.message.split("\n")[0] as string).replace(/ at line \d+, column \d+:?$/, "");
      throw unrecognized(kind, `yaml: ${line}: ${why}`, body);
    }
    const key = /^\s*([^\s:]+)/.exec(text.slice(error.pos[0]))?.[1] ?? "";
    repeated.push(`yaml: ${line}: key ${JSON.stringify(key)} already set in map`);
  }
  return {
    value: document.toJS({ maxAliasCount: 100 }),
    complaints: (unknown) => [...repeated, ...unknown.map(unknownField)],
  };
}

function unrecognized(kind: string, why: string, body: Buffer) {
  const start = body.subarray(0, 30);
  const summary = start[0] === 0x7b ? start.toString() : start.toString("hex");
  const shown = body.length > 30 ? `${summary} ...` : summary;
  return badRequest(
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; ${why} (${shown})`,
  );
}

/** Media type without parameters. */
export const mediaType = (contentType = "application/json") =>
  (contentType.split(";")[0] as string).trim().toLowerCase();

function parseBody(body: Buffer, contentType: string | undefined, kind: string, wantsDuplicates: boolean): ParsedBody {
  const text = body.toString("utf8");
  switch (mediaType(contentType || undefined)) {
    case "application/json":
      return parseJson(text, body, kind, wantsDuplicates);
    case "application/yaml":
      return parseYaml(text, body, kind);
    default:
      throw unsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
      );
  }
}

/** YAML, of which JSON is the part that most clients send. @throws StatusError 400 */
export function parseYamlOrJson(body: Buffer, kind: string): ParsedBody {
  const text = body.toString("utf8");
  return text.startsWith("{") ? parseJson(text, body, kind, true) : parseYaml(text, body, kind);
}

const cannotHandle = (found: string, target: BodyTarget, why: string) =>
  badRequest(`${found} in version ${JSON.stringify(target.version)} cannot be handled as a ${target.kind}: ${why}`);

/** @throws StatusError 400 */
export function checkKind(value: Json, target: BodyTarget): void {
  const { kind, apiVersion } = value;
  const expected = groupVersion(target);
  if (typeof kind === "string" && kind !== "" && kind !== target.kind) {
    const version = typeof apiVersion === "string" && apiVersion ? apiVersion : expected;
    const why = typeSchemas().has(kind)
      ? `converting (v1.${kind}) to (${target.kind}): unknown conversion`
      : `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(version)}`;
    throw cannotHandle(kind, target, why);
  }
  if (typeof apiVersion === "string" && apiVersion !== "" && apiVersion !== expected && !target.anyVersion) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    );
  }
}

const unknownField = (path: string) => `unknown field ${JSON.stringify(path)}`;

/** Sets apiVersion and kind, first, whatever the client left out. */
export function stamp<T>(object: Json, target: BodyTarget): T {
  object["apiVersion"] = groupVersion(target);
  object["kind"] = target.kind;
  return object as T;
}

/**
 * @throws StatusError 400 for what is not JSON or YAML, has wrong types or another kind, and in Strict mode for unknown
 * and repeated fields; 415 for media types we do not read
 */
export function decodeBody<T extends object = KubeObject>(
  body: Buffer,
  contentType: string | undefined,
  target: BodyTarget,
  validation: FieldValidation = "Warn",
): DecodedBody<T> {
  const { value, complaints: complaintsOf } = parseBody(body, contentType, target.kind, validation !== "Ignore");
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unrecognized(target.kind, "json parse error: the body is not an object", body);
  }
  checkKind(value as Json, target);
  try {
    const { object, unknownFields } = decodeObject(target.schema, value);
    const complaints = validation === "Ignore" ? [] : complaintsOf(unknownFields);
    if (validation === "Strict" && complaints.length > 0) {
      throw new DecodeError(`strict decoding error: ${complaints.slice(0, MAX_COMPLAINTS).join(", ")}`);
    }
    return { object: stamp(object, target), warnings: validation === "Warn" ? complaints : [] };
  } catch (error) {
    throw error instanceof DecodeError ? cannotHandle(target.kind, target, error.message) : error;
  }
}

/**
 * The outcome of a patch, which may have the wrong types, as an object. `patched` becomes the caller's object. Errors
 * quote a strategic merge patch itself, of other patches the outcome, as the API server does.
 * @throws StatusError 422 about the field `patch`
 */
export function decodePatched<T extends object = KubeObject>(
  patched: unknown,
  target: BodyTarget,
  validation: FieldValidation = "Warn",
  parsed?: ParsedPatch,
): DecodedBody<T> {
  const strategic = parsed?.type === "application/strategic-merge-patch+json";
  const refuse = (why: string) => {
    const shown = strategic ? formatGo(parsed.patch) : JSON.stringify(patched);
    return invalidObject({ group: "", plural: "", kind: "" }, "", [invalid("patch", shown, why)]);
  };
  try {
    const { object, unknownFields } = decodeObject(target.schema, patched);
    const complaints = validation === "Ignore" ? [] : unknownFields.map(unknownField);
    if (validation === "Strict" && complaints.length > 0) {
      throw refuse(`strict decoding error: ${complaints.slice(0, MAX_COMPLAINTS).join(", ")}`);
    }
    return { object: stamp(object, target), warnings: complaints };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw refuse(strategic ? error.conversion : error.message);
  }
}
