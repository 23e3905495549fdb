import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import t from "tap";
import { BrokenDockerConfig, parseDockerConfig } from "#agent/images/docker-config.js";
import { parseImageReference } from "#agent/images/image-reference.js";
import { dockerConfigPlaces, NodeCredentials } from "#agent/images/node-credentials.js";
import { credentialsFor, entriesOfSecret } from "#agent/images/registry-credentials.js";
import type { Secret } from "#api/generated/types.js";

const auth = (text: string) => Buffer.from(text).toString("base64");
const entries = (auths: object) => parseDockerConfig(JSON.stringify({ auths }), "config.json");
const users = (image: string, auths: object) =>
  credentialsFor(parseImageReference(image), entries(auths)).map(({ username }) => username);
const fits = (pattern: string, image: string) => users(image, { [pattern]: { username: "u" } }).length === 1;

t.test("a credential is written in one piece or in two", async (t) => {
  t.same(entries({ "reg.io": { auth: auth("me:pa:ss") } }), [
    { pattern: "reg.io", auth: { username: "me", password: "pa:ss", serverAddress: "reg.io" } },
  ]);
  t.match(entries({ "reg.io": { username: "me", password: "x" } }), [{ auth: { username: "me", password: "x" } }]);
  t.same(entries({ "reg.io": {} }), [], "kept elsewhere");
  t.match(parseDockerConfig(JSON.stringify({ "reg.io": { auth: auth("a:b") } }), ".dockercfg"), [
    { pattern: "reg.io", auth: { username: "a", password: "b" } },
  ]);
});

t.test("patterns: host, port, path and wildcards", async (t) => {
  const table: [string, string, boolean][] = [
    ["reg.io", "reg.io/a", true],
    ["reg.io", "reg.io:5000/a", false],
    ["reg.io:5000", "reg.io:5000/a", true],
    ["reg.io:5000", "reg.io/a", false],
    ["https://reg.io:5000/v2/", "reg.io:5000/a/b", true],
    ["*.kubernetes.io", "abc.kubernetes.io/a", true],
    ["*.kubernetes.io", "kubernetes.io/a", false],
    ["*.kubernetes.io", "abc.def.kubernetes.io/a", false],
    ["*.*.kubernetes.io", "abc.def.kubernetes.io/a", true],
    ["prefix.*.io", "prefix.kubernetes.io/a", true],
    ["*-good.kubernetes.io", "prefix-good.kubernetes.io/a", true],
    ["*-good.kubernetes.io", "prefix-bad.kubernetes.io/a", false],
    ["reg?.io", "reg1.io/a", true],
    ["reg[1-3].io", "reg2.io/a", true],
    ["reg[1-3].io", "reg4.io/a", false],
    ["{a,b}.io", "a.io/x", false],
    ["!a.io", "b.io/x", false],
    ["*.io:5000", "reg.io:5000/a", true],
    ["*.io:5000", "reg.io:5001/a", false],
    ["reg.io/images", "reg.io/images/sub/app", true],
    ["reg.io/images", "reg.io/other/images", false],
    ["*.io/team", "reg.io/team/app:1", true],
    ["https://index.docker.io/v1/", "nginx", true],
    ["docker.io", "library/nginx", true],
    ["index.docker.io/team", "other/nginx", false],
    ["https://index.docker.io/v1/", "reg.io/nginx", false],
  ];
  for (const [pattern, image, expected] of table) t.equal(fits(pattern, image), expected, `${pattern} for ${image}`);
});

t.test("the most specific comes first, each once", async (t) => {
  const auths = {
    "*.io": { username: "any" },
    "reg.io/team/app": { username: "app" },
    "reg.io/team": { username: "team" },
    "reg.io": { username: "any" },
  };
  t.same(users("reg.io/team/app", auths), ["app", "team", "any"]);
  t.same(users("reg.io/other", auths), ["any"]);
});

t.test("what a Secret holds, and what is wrong with it, without its content", async (t) => {
  const secret = (type: string, key: string, text: string): Secret => ({
    metadata: { name: "pull", uid: "", resourceVersion: "", creationTimestamp: "" },
    type,
    data: { [key]: Buffer.from(text).toString("base64") },
  });
  const config = JSON.stringify({ auths: { "reg.io": { auth: auth("me:pw") } } });
  t.match(entriesOfSecret(secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", config)), [
    { pattern: "reg.io", auth: { username: "me" } },
  ]);
  const legacy = JSON.stringify({ "reg.io": { auth: auth("me:pw") } });
  t.match(entriesOfSecret(secret("kubernetes.io/dockercfg", ".dockercfg", legacy)), [{ pattern: "reg.io" }]);
  for (const broken of ["hunter2 is the password", '"hunter2"', '{"auths":["hunter2"]}', '{"auths":{"r":"hunter2"}}']) {
    try {
      entriesOfSecret(secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", broken));
      t.fail(broken);
    } catch (error) {
      t.ok(error instanceof BrokenDockerConfig);
      t.match((error as Error).message, /^pull: \.dockerconfigjson: /);
      t.notMatch((error as Error).message, /hunter2/);
    }
  }
  t.throws(() => entriesOfSecret(secret("Opaque", ".dockerconfigjson", config)), /pull: type Opaque is none/);
});

t.test("the node's own files: where they are looked for, in which order, and what is told of them", async (t) => {
  const folder = t.testdir({ data: {}, work: {}, docker: {}, home: { ".docker": {} } });
  const at = (...path: string[]) => join(folder, ...path);
  const places = dockerConfigPlaces({
    dataDir: at("data"),
    workingDir: at("work"),
    home: at("home"),
    dockerConfig: at("docker"),
  });
  t.same(places, [
    at("data/config.json"),
    at("work/config.json"),
    at("docker/config.json"),
    at("home/.docker/config.json"),
    "/.docker/config.json",
    at("data/.dockercfg"),
    at("work/.dockercfg"),
    at("home/.dockercfg"),
    "/.dockercfg",
  ]);
  const told: string[] = [];
  const logger = pino({ base: null }, { write: (line) => void told.push(line) });
  const own = places.filter((path) => path.startsWith(folder));
  const credentials = new NodeCredentials(own, logger);
  t.same(await credentials.entries(), []);
  writeFileSync(at("home/.dockercfg"), JSON.stringify({ "reg.io": { auth: auth("old:pw") } }));
  t.match(await credentials.entries(), [{ auth: { username: "old" } }]);
  const helped = { credsStore: "desktop", auths: { "reg.io": { auth: auth("home:pw") } } };
  writeFileSync(at("home/.docker/config.json"), JSON.stringify(helped));
  t.match(await credentials.entries(), [{ auth: { username: "home" } }], "read anew each time");
  writeFileSync(at("work/config.json"), "hunter2 {");
  mkdirSync(at("data/config.json"));
  t.match(await credentials.entries(), [{ auth: { username: "home" } }]);
  await credentials.entries();
  t.equal(told.length, 3, "each once");
  t.match(told.join(), /credsStore and credHelpers are not used/);
  t.match(told.join(), /work\/config.json.*it is not valid JSON/);
  t.match(told.join(), /data\/config.json.*cannot be read \(EISDIR\)/);
  t.notMatch(told.join(), /hunter2|aG9tZTpwdw/);
});
