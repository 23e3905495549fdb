import { join } from "node:path";
import t from "tap";
import { formatOptions, parseOptions } from "#scripts/installer/options.js";
import type { Part } from "#scripts/installer/paths.js";
import { parseWish } from "#scripts/installer/wish.js";

const nothing = () => undefined;
const SERVER = "https://192.0.2.1:6443";
const TOKEN = "berth.0.a.b";

t.test("a server is a control plane and a node, each with its own options", async (t) => {
  const args = ["--advertise-address", "192.0.2.1", "--cluster-cidr", "10.42.0.0/16", "--", "--labels", "disk=ssd"];
  const wish = await parseWish("server", args, nothing);
  t.same(wish.options.server, ["--no-agent", "--advertise-address", "192.0.2.1", "--cluster-cidr", "10.42.0.0/16"]);
  t.same(wish.options.agent, ["--server", SERVER, "--labels", "disk=ssd"]);
  t.equal(wish.server, SERVER);
  t.equal(wish.serverFlags?.clusterCidr, "10.42.0.0/16");
  t.equal(wish.kubeletPort, 10250);
  t.notOk(wish.openPorts);
});

t.test("its address is written down, so that it is the same after a reboot", async (t) => {
  const { options } = await parseWish("server", ["--open-ports"], nothing);
  t.match(options.server?.join(" "), /^--no-agent --advertise-address [\d.]+$/);
  t.match(options.agent?.join(" "), /^--server https:\/\/[\d.]+:6443$/);
});

t.test("a server may do without a node", async (t) => {
  const wish = await parseWish("server", ["--no-agent", "--advertise-address", "192.0.2.1"], nothing);
  t.same(wish.options, { server: ["--no-agent", "--advertise-address", "192.0.2.1"] });
  t.equal(wish.kubeletPort, 0);
});

t.test("an agent's token is not among the options that are written down", async (t) => {
  for (const token of [["--token", TOKEN], [`--token=${TOKEN}`]]) {
    const wish = await parseWish("agent", ["--server", SERVER, ...token, "--node-name", "worker-1"], nothing);
    t.equal(wish.token, TOKEN);
    t.same(wish.options, { agent: ["--server", SERVER, "--node-name", "worker-1"] });
  }
});

t.test("a token in a file or the environment is shown to nobody, and is not written down either", async (t) => {
  const file = join(t.testdir({ token: `${TOKEN}\n` }), "token");
  for (const option of [["--token-file", file], [`--token-file=${file}`]]) {
    const wish = await parseWish("agent", ["--server", SERVER, ...option, "--node-name", "worker-1"], nothing);
    t.equal(wish.token, TOKEN);
    t.same(wish.options, { agent: ["--server", SERVER, "--node-name", "worker-1"] });
  }
  t.equal((await parseWish("agent", ["--server", SERVER], nothing, TOKEN)).token, TOKEN);
  const none = ["--server", SERVER, "--token-file", `${file}s`];
  await t.rejects(parseWish("agent", none, nothing), /--token-file .*tokens: there is no token in it/);
});

t.test("without options it is as it was, --open-ports aside", async (t) => {
  const known = (part: Part) =>
    part === "server"
      ? ["--no-agent", "--advertise-address", "192.0.2.1", "--port", "7443"]
      : ["--server", "https://192.0.2.1:7443"];
  const again = await parseWish("server", ["--open-ports"], known);
  t.same(again.options, { server: known("server"), agent: known("agent") });
  t.equal(again.server, "https://192.0.2.1:7443");
  t.ok(again.openPorts);
  t.same((await parseWish("agent", [], known)).options, { agent: known("agent") });
});

t.test("what cannot be is refused", async (t) => {
  const refused = (role: Part, ...args: string[]) => parseWish(role, args, nothing);
  await t.rejects(refused("server", "--data-dir", "/srv"), /--data-dir: an installed Berth has the machine to itself/);
  await t.rejects(refused("server", "--", "--cgroup-root=/a"), /--cgroup-root=\/a: an installed Berth/);
  t.throws(() => formatOptions("agent", ["--labels", "a=b c"]), /"a=b c": use letters/);
  t.throws(() => formatOptions("agent", ["$(reboot)"]), /use letters/);
});

t.test("options are read as they were written", async (t) => {
  const options = ["--server", SERVER, "--labels", "disk=ssd,zone=a"];
  t.same(parseOptions(formatOptions("agent", options)), options);
});
