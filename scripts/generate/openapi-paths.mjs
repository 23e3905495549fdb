/** paths: what can be done with each resource, derived from the kinds. kubectl looks here for what the server supports. */
import { isWritable } from "../../dist/controlplane/resources/kind.js";

const texts = {
  allowWatchBookmarks: ["boolean", "Asks for BOOKMARK events in a watch: they tell how far it has come."],
  continue: ["string", "Goes on with a list where the answer that had this token ended."],
  dryRun: ["string", "All: do everything but keep the outcome."],
  fieldManager: ["string", "The name under which managedFields records this change."],
  fieldSelector: ["string", "Restricts the list to objects whose fields match."],
  fieldValidation: ["string", "What to do about unknown and repeated fields: Ignore, Warn or Strict."],
  force: ["boolean", "Only for server-side apply: takes fields from their owners."],
  gracePeriodSeconds: ["integer", "Seconds an object has to end by itself. 0 removes it at once."],
  labelSelector: ["string", "Restricts the list to objects whose labels match."],
  limit: ["integer", "At most so many objects; the rest follows with continue."],
  name: ["string", "The name of the object."],
  namespace: ["string", "The namespace of the object."],
  orphanDependents: ["boolean", "Deprecated in favour of propagationPolicy."],
  pretty: ["string", "'true': the answer is indented."],
  propagationPolicy: ["string", "What happens to dependents: Orphan, Background or Foreground."],
  resourceVersion: ["string", "Which state the answer may come from, or where a watch begins."],
  resourceVersionMatch: ["string", "How resourceVersion binds a list: Exact or NotOlderThan."],
  sendInitialEvents: ["boolean", "A watch begins with what exists, and a BOOKMARK after it."],
  timeoutSeconds: ["integer", "Ends a list or watch after so many seconds."],
  watch: ["boolean", "Goes on telling changes."],
};

function parameter(name) {
  const [type, description] = texts[name];
  const path = name === "name" || name === "namespace";
  const schema = { type, uniqueItems: true };
  return path ? { name, in: "path", description, required: true, schema } : { name, in: "query", description, schema };
}

const listQuery = [
  "allowWatchBookmarks",
  "continue",
  "fieldSelector",
  "labelSelector",
  "limit",
  "resourceVersion",
  "resourceVersionMatch",
  "sendInitialEvents",
  "timeoutSeconds",
  "watch",
];
const deleteQuery = ["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"];
const writeQuery = ["dryRun", "fieldManager", "fieldValidation"];

/** action → method, query, success codes beside 200. */
const actions = {
  get: { method: "get", query: [], codes: [], words: "read the specified" },
  list: { method: "get", query: listQuery, codes: [], words: "list or watch objects of kind" },
  post: { method: "post", query: writeQuery, codes: [201, 202], words: "create" },
  put: { method: "put", query: writeQuery, codes: [201], words: "replace the specified" },
  patch: { method: "patch", query: [...writeQuery, "force"], codes: [201], words: "partially update the specified" },
  delete: { method: "delete", query: deleteQuery, codes: [202], words: "delete" },
  deletecollection: {
    method: "delete",
    query: [...deleteQuery, ...listQuery.filter((name) => !/watch|Bookmarks|Initial/i.test(name))],
    codes: [],
    words: "delete collection of",
  },
};

const bodyTypes = ["application/json", "application/yaml"];
const patchTypes = [
  "application/apply-patch+yaml",
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];

const content = (types, schema) => Object.fromEntries(types.map((type) => [type, { schema }]));
const capital = (text) => text[0].toUpperCase() + text.slice(1);

export class PathWriter {
  paths = {};

  /** @param writer a SchemaWriter @param group @param version of the document */
  constructor(writer, group, version) {
    this.writer = writer;
    this.group = group;
    this.version = version;
    this.base = group ? `/apis/${group}/${version}` : `/api/${version}`;
    const short = group ? group.replace(/\.(authorization\.)?k8s\.io$/, "") : "core";
    this.tag = `${short.replaceAll(".", "_")}_${version}`;
  }

  put(path, action, { gvk, body, answer, scope, part = "" }) {
    const { method, query, codes, words } = actions[action];
    const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const item = this.paths[path] ?? { parameters: [...parameters, "pretty"].map(parameter) };
    const response = (description) => ({ description, content: content(bodyTypes, answer) });
    const operation = {
      tags: [this.tag],
      description: `${words} ${part ? `${part} of the specified ` : ""}${gvk.kind}`,
      operationId: `${action}${capital(this.tag.replace("_", ""))}${scope}${gvk.kind}${capital(part || " ").trim()}`,
      parameters: query.map(parameter),
      responses: { 200: response("OK"), 401: { description: "Unauthorized" } },
      "x-kubernetes-action": action,
      "x-kubernetes-group-version-kind": { group: gvk.group, version: gvk.version, kind: gvk.kind },
    };
    for (const code of codes) operation.responses[code] = response(code === 201 ? "Created" : "Accepted");
    if (action === "patch")
      operation.requestBody = { content: content(patchTypes, this.writer.patch()), required: true };
    else if (body) operation.requestBody = { content: content(bodyTypes, body), required: method !== "delete" };
    this.paths[path] = { ...item, [method]: operation };
  }

  /** GET, PUT, PATCH of a whole object or of its status or scale. */
  object(path, about) {
    this.put(path, "get", { ...about, body: undefined });
    this.put(path, "put", about);
    this.put(path, "patch", about);
  }

  kind(kind) {
    const { group, version, plural, namespaced, schema } = kind;
    const gvk = { group, version, kind: kind.kind };
    const self = this.writer.use(schema);
    const list = this.writer.useList(schema, gvk);
    const options = this.writer.use("DeleteOptions");
    const status = this.writer.use("Status");
    const collection = `${this.base}/${namespaced ? "namespaces/{namespace}/" : ""}${plural}`;
    const scope = namespaced ? "Namespaced" : "";
    if (namespaced) this.put(`${this.base}/${plural}`, "list", { gvk, answer: list, scope: "AllNamespaces" });
    this.put(collection, "list", { gvk, answer: list, scope });
    if (!isWritable(kind)) return this.put(`${collection}/{name}`, "get", { gvk, answer: self, scope });
    this.put(collection, "post", { gvk, body: self, answer: self, scope });
    this.put(collection, "deletecollection", { gvk, body: options, answer: status, scope });
    const one = `${collection}/{name}`;
    this.object(one, { gvk, body: self, answer: self, scope });
    this.put(one, "delete", { gvk, body: options, answer: kind.gracePeriod ? self : status, scope });
    this.subresources(kind, one, { gvk, self, scope });
  }

  subresources(kind, one, { gvk, self, scope }) {
    const { status, parts = {}, scale, actions: own = {} } = kind.subresources ?? {};
    if (status) this.object(`${one}/status`, { gvk, body: self, answer: self, scope, part: "status" });
    for (const part of Object.keys(parts))
      this.object(`${one}/${part}`, { gvk, body: self, answer: self, scope, part });
    if (scale) {
      const body = this.writer.use("Scale");
      const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" };
      this.object(`${one}/scale`, { gvk: scaleKind, body, answer: body, scope: `${scope}${kind.kind}`, part: "scale" });
    }
    for (const [name, action] of Object.entries(own)) {
      const body = this.writer.use(action.bodySchema);
      const bodyKind = { group: action.bodyGroup, version: action.bodyVersion, kind: action.bodyKind };
      const verb = action.method === "PUT" ? "put" : "post";
      this.put(`${one}/${name}`, verb, { gvk: bodyKind, body, answer: body, scope: `${scope}${gvk.kind}`, part: name });
    }
  }

  /** A resource that can only be created and is stored nowhere. */
  virtual({ group, version, plural, kind }, schema) {
    const self = this.writer.use(schema);
    this.put(`${this.base}/${plural}`, "post", { gvk: { group, version, kind }, body: self, answer: self, scope: "" });
  }
}
