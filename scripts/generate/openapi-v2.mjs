/** The OpenAPI v2 (Swagger) document out of the v3 documents: kubectl still asks for it, for the items of a List. */

const fromV3 = "#/components/schemas/";

/** Types with several JSON forms are strings in v2, which cannot say "one of". */
const asString = ({ description, format }) => ({
  ...(description && { description }),
  ...(format && { format }),
  type: "string",
});

const extensionsOf = (value) => Object.entries(value).filter(([key]) => key.startsWith("x-"));

function schemaOf(schema) {
  const reference = schema.$ref ?? schema.allOf?.[0].$ref;
  if (reference) {
    const { description } = schema;
    const $ref = reference.replace(fromV3, "#/definitions/");
    return { ...(description && { description }), $ref, ...Object.fromEntries(extensionsOf(schema)) };
  }
  if (schema.oneOf) return asString(schema);
  const { properties, items, additionalProperties, ...rest } = schema;
  if (properties) rest.properties = schemasOf(properties);
  if (items) rest.items = schemaOf(items);
  if (additionalProperties) rest.additionalProperties = schemaOf(additionalProperties);
  return rest;
}

const schemasOf = (schemas) =>
  Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, schemaOf(each)]));

const parameterOf = ({ schema, ...rest }) => ({ ...rest, ...schema });

const onlySchema = (content) => schemaOf(Object.values(content)[0].schema);

function operationOf({ parameters, requestBody, responses, ...rest }) {
  const own = parameters.map(parameterOf);
  if (requestBody) {
    const { content, required } = requestBody;
    own.push({ name: "body", in: "body", required, schema: onlySchema(content) });
  }
  const answers = Object.entries(responses).map(([code, { description, content }]) => {
    return [code, { description, ...(content && { schema: onlySchema(content) }) }];
  });
  return {
    ...rest,
    consumes: requestBody ? Object.keys(requestBody.content) : ["*/*"],
    produces: Object.keys(responses[200].content),
    parameters: own,
    responses: Object.fromEntries(answers),
  };
}

function pathOf({ parameters, ...operations }) {
  const converted = Object.entries(operations).map(([method, operation]) => [method, operationOf(operation)]);
  return { parameters: parameters.map(parameterOf), ...Object.fromEntries(converted) };
}

/** @param documents the v3 documents of all group versions */
export function swaggerOf(documents) {
  const paths = {};
  const definitions = {};
  for (const document of documents) {
    for (const [path, item] of Object.entries(document.paths)) paths[path] = pathOf(item);
    Object.assign(definitions, schemasOf(document.components.schemas));
  }
  const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    swagger: "2.0",
    info: documents[0].info,
    paths: sorted(paths),
    definitions: sorted(definitions),
    securityDefinitions: documents[0].components.securitySchemes,
    security: [{ BearerToken: [] }],
  };
}
