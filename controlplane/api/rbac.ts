/**
 * Roles and who has them, as pure functions: the API server decides by them, and refuses that somebody gives away more than he has.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  RbacV1Subject,
  Role,
  RoleBinding,
  RoleRef,
} from "./generated/types.js";
import type { KubeObject } from "./object.js";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "./refs.js";
import type { ResourceRef } from "./resource.js";

export const RBAC_GROUP = "rbac.authorization.k8s.io";

export interface Subject {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What is asked for, in the words of a rule. */
export interface Wish {
  readonly verb: string;
  readonly group: string;
  readonly plural: string;
  readonly subresource?: string;
  readonly name?: string;
}

export interface RoleReader {
  get<O extends KubeObject>(ref: ResourceRef<O>, name: string, namespace?: string): O | undefined;
  list<O extends KubeObject>(ref: ResourceRef<O>, namespace?: string): readonly O[];
}

/** The rules somebody has, with the binding they come by, those of the whole cluster first. */
export function* rulesOf(
  subject: Subject,
  namespace: string | undefined,
  reader: RoleReader,
): Generator<{ rule: PolicyRule; binding: ClusterRoleBinding | RoleBinding }> {
  const bindings = [
    ...reader.list(clusterRoleBindings),
    ...(namespace === undefined ? [] : reader.list(roleBindings, namespace)),
  ];
  for (const binding of bindings) {
    const { subjects = [], roleRef, metadata } = binding;
    if (!subjects.some((each) => isMeant(each, subject, metadata.namespace))) continue;
    for (const rule of roleOf(roleRef, metadata.namespace, reader)?.rules ?? []) yield { rule, binding };
  }
}

/** The role a binding in that namespace (or in none) refers to. */
export function roleOf(
  { kind, name }: RoleRef,
  namespace: string | undefined,
  reader: RoleReader,
): Role | ClusterRole | undefined {
  return kind === "Role" ? reader.get(roles, name, namespace) : reader.get(clusterRoles, name);
}

function isMeant(
  { kind, name, namespace }: RbacV1Subject,
  who: Subject,
  bindingNamespace: string | undefined,
): boolean {
  if (kind === "User") return name === who.name;
  if (kind === "Group") return who.groups.includes(name);
  return who.name === `system:serviceaccount:${namespace || bindingNamespace}:${name}`;
}

const has = (list: readonly string[] | undefined, value: string) =>
  list?.some((each) => each === "*" || each === value) ?? false;

export function allowsResource(rule: PolicyRule, { verb, group, plural, subresource, name }: Wish): boolean {
  if (!has(rule.verbs, verb) || !has(rule.apiGroups, group)) return false;
  const asked = subresource ? `${plural}/${subresource}` : plural;
  const isNamed = rule.resources?.some(
    (each) => each === "*" || each === asked || (subresource !== undefined && each === `*/${subresource}`),
  );
  return Boolean(isNamed) && (!rule.resourceNames?.length || (name !== undefined && rule.resourceNames.includes(name)));
}

export const allowsPath = (rule: PolicyRule, verb: string, path: string): boolean =>
  has(rule.verbs, verb) && (rule.nonResourceURLs?.some((pattern) => matchesPath(pattern, path)) ?? false);

function matchesPath(pattern: string, path: string): boolean {
  if (pattern === "*" || pattern === path) return true;
  return pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1));
}

/** What of these rules is not among those that somebody has. */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(atoms).filter((atom) => !owned.some((rule) => covers(rule, atom)));
}

/** A rule as rules of one verb, group, resource and name each. */
function atoms({
  verbs = [],
  apiGroups = [],
  resources = [],
  resourceNames = [],
  nonResourceURLs = [],
}: PolicyRule): PolicyRule[] {
  const names = resourceNames.length > 0 ? resourceNames.map((name) => [name]) : [undefined];
  return verbs.flatMap((verb) => [
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        names.map((resourceNames) => ({
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          ...(resourceNames ? { resourceNames } : {}),
        })),
      ),
    ),
    ...nonResourceURLs.map((url) => ({ verbs: [verb], nonResourceURLs: [url] })),
  ]);
}

function covers(rule: PolicyRule, atom: PolicyRule): boolean {
  const [verb = ""] = atom.verbs;
  const [url] = atom.nonResourceURLs ?? [];
  if (url !== undefined) return allowsPath(rule, verb, url);
  const [resource = ""] = atom.resources ?? [];
  const [plural = "", subresource] = resource.split("/");
  const [name] = atom.resourceNames ?? [];
  return allowsResource(rule, { verb, group: atom.apiGroups?.[0] ?? "", plural, subresource, name });
}

/** A rule as the refusal names it: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`. */
export function describeRule({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: PolicyRule): string {
  const fields = {
    APIGroups: apiGroups,
    Resources: resources,
    ResourceNames: resourceNames,
    NonResourceURLs: nonResourceURLs,
    Verbs: verbs,
  };
  const list = (values: readonly string[]) => values.map((value) => JSON.stringify(value)).join(" ");
  const parts = Object.entries(fields).flatMap(([name, values]) =>
    values?.length ? [`${name}:[${list(values)}]`] : [],
  );
  return `{${parts.join(", ")}}`;
}
