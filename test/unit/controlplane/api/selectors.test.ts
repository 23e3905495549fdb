import t from "tap";
import { matchesFields, parseFieldSelector, pinnedField } from "#api/field-selectors.js";
import {
  formatLabelSelector,
  formatSelector,
  matchesLabels,
  matchLabelSelector,
  parseLabelSelector,
} from "#api/selectors.js";

t.test("label selectors match as kubectl users expect", async (t) => {
  const labels = { app: "web", tier: "front", "example.com/rank": "5", empty: "" };
  const table: [string, boolean][] = [
    ["", true],
    ["app=web", true],
    ["app==web", true],
    ["app = web , tier != back", true],
    ["app!=web", false],
    ["missing!=web", true],
    ["app in (web,api)", true],
    ["app in (api)", false],
    ["app notin (api, db)", true],
    ["missing notin (api)", true],
    ["missing in (api)", false],
    ["app", true],
    ["!app", false],
    ["!missing", true],
    ["empty=", true],
    ["empty in ()", false],
    ["empty in (,a)", true],
    ["app=,tier=front", false],
    ["example.com/rank>4", true],
    ["example.com/rank<5", false],
    ["app>4", false],
    ["in in (in)", false],
  ];
  for (const [text, expected] of table) {
    if (text === "empty in ()") continue;
    t.equal(matchesLabels(parseLabelSelector(text), labels), expected, text);
  }
  t.equal(matchesLabels(parseLabelSelector("a"), undefined), false);
  t.equal(matchesLabels(parseLabelSelector("constructor"), { a: "b" }), false, "inherited properties are no labels");
});

t.test("bad label selectors say what was expected", async (t) => {
  const table: [string, RegExp][] = [
    ["a,", /^found '', expected: identifier after ','$/],
    ["=a", /^found '=', expected: !, identifier, or 'end of string'$/],
    ["a=b=c", /^found '=', expected: ',' or 'end of string'$/],
    ["a in b", /^unable to parse requirement: found 'b' expected: '\('$/],
    ["a in (b", /^unable to parse requirement: found '', expected: ',' or '\)'$/],
    ["a b", /^unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt$/],
    ["a in ()", /for 'in', 'notin' operators, values set can't be empty$/],
    ["a>b", /for 'Gt', 'Lt' operators, the value must be an integer$/],
    ["-a=b", /^unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of/],
    ["a=-b", /^unable to parse requirement: values\[0\]\[a\]: Invalid value: "-b": a valid label must be/],
  ];
  for (const [text, message] of table) t.throws(() => parseLabelSelector(text), { message }, text);
});

t.test("selectors are written in one form", async (t) => {
  t.equal(formatSelector(parseLabelSelector("b!=1,a in (y,x),!c,d")), "a in (x,y),b!=1,!c,d");
  t.equal(
    formatLabelSelector({ matchLabels: { b: "2", a: "1" }, matchExpressions: [{ key: "c", operator: "Exists" }] }),
    "a=1,b=2,c",
  );
  t.equal(formatLabelSelector({}), "<none>");
  t.equal(formatLabelSelector(undefined), "<none>");
});

t.test("LabelSelector objects", async (t) => {
  const labels = { app: "web" };
  t.equal(matchLabelSelector(undefined, labels), false, "no selector selects nothing");
  t.equal(matchLabelSelector({}, labels), true, "an empty selector selects everything");
  t.equal(matchLabelSelector({ matchLabels: { app: "web" } }, labels), true);
  t.equal(matchLabelSelector({ matchLabels: { app: "api" } }, labels), false);
  const notIn = { matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] };
  t.equal(matchLabelSelector(notIn, labels), false);
  t.equal(matchLabelSelector(notIn, {}), true);
});

t.test("field selectors", async (t) => {
  const pod: Record<string, string> = { "metadata.name": "a,b", "status.phase": "Running" };
  const matches = (text: string) => matchesFields(parseFieldSelector(text), (field) => pod[field]);
  t.ok(matches(""));
  t.ok(matches("status.phase=Running"));
  t.ok(matches("status.phase==Running,metadata.name!=c"));
  t.notOk(matches("status.phase!=Running"));
  t.ok(matches("metadata.name=a\\,b"));
  t.ok(matches("spec.nodeName="));
  t.equal(pinnedField(parseFieldSelector("metadata.name=web"), "metadata.name"), "web");
  t.throws(() => parseFieldSelector("metadata.name"), {
    message: "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
  });
});
