/** The OpenAPI v2 document as openapi.v2.Document in protobuf, the form kubectl asks for. */
import { readFileSync } from "node:fs";
import protobuf from "protobufjs";

const { root } = protobuf.parse(readFileSync(new URL("openapi-v2.proto", import.meta.url), "utf8"));
const Document = root.lookupType("Document");

/** A value without a fixed type travels as YAML, which JSON is. */
const any = (value) => ({ yaml: `${JSON.stringify(value)}\n` });

/** A map travels as a list of names and values. */
const named = (map, convert) => Object.entries(map).map(([name, value]) => ({ name, value: convert(value) }));

const extensions = (of) => named(Object.fromEntries(Object.entries(of).filter(([key]) => key.startsWith("x-"))), any);

function schema(of) {
  const { $ref, format, description, required, type, items, properties, additionalProperties } = of;
  return {
    ...{ ref: $ref, format, description, required },
    default: of.default === undefined ? undefined : any(of.default),
    enum: of.enum?.map(any),
    type: type && { value: [type] },
    items: items && { schema: [schema(items)] },
    properties: properties && { additionalProperties: named(properties, schema) },
    additionalProperties: additionalProperties && { schema: schema(additionalProperties) },
    vendorExtension: extensions(of),
  };
}

function parameter(of) {
  if (of.in === "body") return { parameter: { body: { ...of, schema: schema(of.schema) } } };
  return { parameter: { nonBody: of.in === "path" ? { path: of } : { query: of } } };
}

const response = (of) => ({ response: { ...of, schema: of.schema && { schema: schema(of.schema) } } });

const operation = (of) => ({
  ...of,
  parameters: of.parameters.map(parameter),
  responses: { responseCode: named(of.responses, response) },
  vendorExtension: extensions(of),
});

function path({ parameters, ...operations }) {
  const converted = Object.entries(operations).map(([method, each]) => [method, operation(each)]);
  return { parameters: parameters.map(parameter), ...Object.fromEntries(converted) };
}

/** @param swagger what swaggerOf() returns */
export function binaryOf(swagger) {
  return Document.encode({
    swagger: swagger.swagger,
    info: swagger.info,
    paths: { path: named(swagger.paths, path) },
    definitions: { additionalProperties: named(swagger.definitions, schema) },
    security: swagger.security.map((each) => ({ additionalProperties: named(each, (value) => ({ value })) })),
    securityDefinitions: { additionalProperties: named(swagger.securityDefinitions, (apiKey) => ({ apiKey })) },
  }).finish();
}
