/** What rules allow, and who gives away more than he has. */
import t from "tap";
import type { PolicyRule } from "#api/generated/types.js";
import { allowsPath, allowsResource, describeRule, rulesOf, uncovered, type Wish } from "#api/rbac.js";
import { readerOf } from "#test/fixtures/object-reader.js";

const rule = (verbs: string, groups: string, resources: string, names = ""): PolicyRule => ({
  verbs: verbs.split(" "),
  apiGroups: groups.split(" "),
  resources: resources.split(" "),
  ...(names ? { resourceNames: names.split(" ") } : {}),
});
const wish = (verb: string, resource: string, name?: string, group = ""): Wish => {
  const [plural = "", subresource] = resource.split("/");
  return { verb, group, plural, subresource, name };
};

t.test("resources", async (t) => {
  const cases: readonly [PolicyRule, Wish, boolean][] = [
    [rule("get", "", "pods"), wish("get", "pods", "a"), true],
    [rule("get", "", "pods"), wish("list", "pods"), false],
    [rule("*", "", "pods"), wish("list", "pods"), true],
    [rule("get", "", "pods"), wish("get", "pods/log", "a"), false],
    [rule("get", "", "pods/log"), wish("get", "pods/log", "a"), true],
    [rule("get", "", "pods/log"), wish("get", "pods", "a"), false],
    [rule("get", "", "*/scale"), wish("get", "pods/scale", "a"), true],
    [rule("get", "", "*/scale"), wish("get", "pods", "a"), false],
    [rule("get", "", "*"), wish("get", "pods/log", "a"), true],
    [rule("get", "apps", "deployments"), wish("get", "deployments", "a"), false],
    [rule("get", "* apps", "deployments"), wish("get", "deployments", "a", "extensions"), true],
    [rule("get", "", "pods", "a b"), wish("get", "pods", "b"), true],
    [rule("get list", "", "pods", "a b"), wish("list", "pods"), false],
  ];
  for (const [rule, wish, allowed] of cases)
    t.equal(allowsResource(rule, wish), allowed, `${JSON.stringify(rule)} ${JSON.stringify(wish)}`);
});

t.test("paths", async (t) => {
  const paths = { verbs: ["get"], nonResourceURLs: ["/healthz", "/apis/*"] };
  for (const [verb, path, allowed] of [
    ["get", "/healthz", true],
    ["get", "/healthz/etcd", false],
    ["get", "/apis/apps", true],
    ["post", "/healthz", false],
  ] as const)
    t.equal(allowsPath(paths, verb, path), allowed, `${verb} ${path}`);
  t.ok(allowsPath({ verbs: ["*"], nonResourceURLs: ["*"] }, "post", "/x"));
});

t.test("who has which rules where", async (t) => {
  const subject = (kind: string, name: string, namespace?: string) => ({ kind, name, namespace });
  const bind = (name: string, roleKind: string, roleName: string, subjects: object[], namespace?: string) => ({
    kind: namespace ? "RoleBinding" : "ClusterRoleBinding",
    metadata: { name, namespace },
    roleRef: { kind: roleKind, name: roleName },
    subjects,
  });
  const reader = readerOf(
    { kind: "ClusterRole", metadata: { name: "view" }, rules: [rule("get", "", "pods")] },
    { kind: "Role", metadata: { name: "edit", namespace: "a" }, rules: [rule("update", "", "pods")] },
    bind("everywhere", "ClusterRole", "view", [subject("Group", "readers")]),
    bind("here", "ClusterRole", "view", [subject("User", "jane")], "a"),
    bind("own", "Role", "edit", [subject("ServiceAccount", "robot")], "a"),
    bind("far", "Role", "edit", [subject("ServiceAccount", "robot", "b")], "a"),
    bind("dangling", "ClusterRole", "gone", [subject("User", "jane")]),
  );
  const verbs = (name: string, namespace?: string, groups: string[] = []) =>
    [...rulesOf({ name, groups }, namespace, reader)].flatMap(({ rule }) => rule.verbs).join();
  t.equal(verbs("jane", "a"), "get");
  t.equal(verbs("jane", "b"), "");
  t.equal(verbs("jane"), "");
  t.equal(verbs("joe", undefined, ["readers"]), "get");
  t.equal(verbs("system:serviceaccount:a:robot", "a"), "update");
  t.equal(verbs("system:serviceaccount:b:robot", "a"), "update");
  t.equal(verbs("system:serviceaccount:b:robot", "b"), "");
});

t.test("what somebody has not", async (t) => {
  const owned = [rule("get list", "", "pods"), rule("*", "apps", "*"), rule("get", "", "secrets", "one")];
  const missing = (...wanted: PolicyRule[]) => uncovered(owned, wanted).map(describeRule);
  t.same(missing(rule("get list", "", "pods"), rule("delete", "apps", "deployments/scale")), []);
  t.same(missing(rule("get watch", "", "pods")), ['{APIGroups:[""], Resources:["pods"], Verbs:["watch"]}']);
  t.same(missing(rule("get", "", "secrets", "one")), []);
  t.same(missing(rule("get", "", "secrets")).length, 1, "all of them is more than one");
  t.same(missing(rule("*", "", "pods")).length, 1);
  t.same(missing({ verbs: ["get"], nonResourceURLs: ["/x"] }), ['{NonResourceURLs:["/x"], Verbs:["get"]}']);
});
