/** components.schemas: the types as OpenAPI v3 describes them, in the form kubectl explain and kubectl apply read. */

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
const reference = (fullName) => ({ $ref: `#/components/schemas/${fullName}` });

const QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";

/** Types that are no model: they have a JSON form of their own. */
const special = {
  [QUANTITY]: {
    description:
      "A fixed-point number, written as a string: digits with an optional fraction and a suffix (m, k, M, G, Ki, Mi, Gi, ...) or an exponent. 100m is a tenth, 1Ki is 1024.",
    oneOf: [{ type: "string" }, { type: "number" }],
  },
  [INT_OR_STRING]: {
    description: "A number, or a string such as a name or a percentage.",
    format: "int-or-string",
    oneOf: [{ type: "integer" }, { type: "string" }],
  },
  [`${META}.Time`]: { description: "A time in RFC 3339, to the second.", format: "date-time", type: "string" },
  [`${META}.MicroTime`]: {
    description: "A time in RFC 3339, to the microsecond.",
    format: "date-time",
    type: "string",
  },
  [`${META}.FieldsV1`]: {
    description:
      "A set of fields as nested objects: f:<field>, k:<keys of a list element> and v:<value of a set element>, with '.' for the object itself.",
    type: "object",
  },
  [`${META}.Patch`]: { description: "A change of an object, in the form its content type names.", type: "object" },
};

const scalars = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  bytes: { type: "string", format: "byte" },
  any: { type: "object" },
};

const specialNames = {
  quantity: QUANTITY,
  intOrString: INT_OR_STRING,
  time: `${META}.Time`,
  microTime: `${META}.MicroTime`,
};

const zeroes = { string: "", boolean: false, int32: 0, int64: 0 };

export class SchemaWriter {
  schemas = {};

  /** @param types what describe() returns @param groups every served "group/version", for kinds that belong to all */
  constructor(types, roots, groupVersions) {
    this.types = types;
    this.roots = roots;
    this.groupVersions = groupVersions;
  }

  /** Adds a type and all it refers to. @returns its $ref */
  use(typeName) {
    const type = this.types.get(typeName);
    if (!type) throw new Error(`OpenAPI: no type ${typeName}`);
    if (!this.schemas[type.fullName]) {
      this.schemas[type.fullName] = {};
      this.schemas[type.fullName] = this.object(typeName, type);
    }
    return reference(type.fullName);
  }

  useSpecial(fullName) {
    this.schemas[fullName] = special[fullName];
    return reference(fullName);
  }

  patch() {
    return this.useSpecial(`${META}.Patch`);
  }

  /** The list of a kind, which no model describes: `PodList`. @returns its $ref */
  useList(typeName, { group, version, kind }) {
    const { fullName } = this.types.get(typeName);
    const name = `${fullName}List`;
    const kindFields = this.types.get(typeName).fields.filter((f) => f.name === "apiVersion" || f.name === "kind");
    this.schemas[name] = {
      description: `${kind}List is a list of ${kind} objects.`,
      properties: {
        apiVersion: { description: kindFields[0].description, type: "string" },
        items: { description: `The ${kind} objects.`, items: { ...this.use(typeName) }, type: "array" },
        kind: { description: kindFields[1].description, type: "string" },
        metadata: { allOf: [this.use("ListMeta")], default: {}, description: "Standard list metadata." },
      },
      required: ["items"],
      type: "object",
      "x-kubernetes-group-version-kind": [{ group, kind: `${kind}List`, version }],
    };
    return reference(name);
  }

  object(typeName, type) {
    const required = type.fields.filter((field) => field.required).map((field) => field.name);
    const schema = { description: type.description };
    if (type.fields.length > 0) {
      schema.properties = Object.fromEntries(type.fields.map((f) => [f.name, this.field(typeName, f)]));
    }
    if (required.length > 0) schema.required = required;
    schema.type = "object";
    if (type.isKind) schema["x-kubernetes-group-version-kind"] = this.kindsOf(typeName, type);
    if (type.atomic) schema["x-kubernetes-map-type"] = "atomic";
    return schema;
  }

  kindsOf(typeName, type) {
    const of = (groupVersion) => {
      const [version, group = ""] = groupVersion.split("/").reverse();
      return { group, kind: type.goName, version };
    };
    const home = this.roots[type.model];
    return typeName === "DeleteOptions" ? this.groupVersions.map(of) : [of(home)];
  }

  /** The schema of one value: inline for scalars, by reference for everything else. */
  value(owner, field) {
    if (owner === "ManagedFieldsEntry" && field.name === "fieldsV1") return this.useSpecial(`${META}.FieldsV1`);
    if (specialNames[field.type]) return this.useSpecial(specialNames[field.type]);
    const scalar = scalars[field.type];
    if (!scalar) return this.use(field.type);
    return field.enum ? { ...scalar, enum: field.enum } : scalar;
  }

  /** A value with something beside it: a reference must then be wrapped. */
  with(value, more) {
    const extra = Object.entries(more).filter(([, each]) => each !== undefined);
    if (extra.length === 0) return value;
    return { ...(value.$ref ? { allOf: [value] } : value), ...Object.fromEntries(extra) };
  }

  field(owner, field) {
    const value = this.value(owner, field);
    const isStruct = Boolean(value.$ref) && !specialNames[field.type];
    // The models have lost what was said about fields of object types; what their type says is better than nothing.
    const description = field.description || this.types.get(field.type)?.description || undefined;
    if (field.shape === "one") {
      const zero = isStruct ? (field.present ? {} : undefined) : field.required ? zeroes[field.type] : undefined;
      return this.with(value, {
        default: field.default ?? zero,
        description,
        "x-kubernetes-patch-strategy": field.strategy?.join(","),
      });
    }
    const inner = this.with(value, { default: isStruct ? {} : zeroes[field.type] });
    if (field.shape === "list") return this.list(field, inner, description);
    const additionalProperties =
      field.shape === "map" ? inner : { items: inner, type: "array", "x-kubernetes-list-type": "atomic" };
    return this.with(
      { additionalProperties, type: "object" },
      { description, "x-kubernetes-map-type": field.atomicMap ? "atomic" : undefined },
    );
  }

  list(field, items, description) {
    return this.with(
      { items, type: "array" },
      {
        description,
        "x-kubernetes-list-map-keys": field.listType === "map" ? field.keys : undefined,
        "x-kubernetes-list-type": field.listType,
        "x-kubernetes-patch-merge-key": field.mergeKey,
        "x-kubernetes-patch-strategy": field.strategy?.join(","),
      },
    );
  }
}
