import t from "tap";
import { configFor, parseConfList } from "#agent/network/conflist.js";
import { CniError } from "#cni/lib/error.js";

const list = (more: object) =>
  JSON.stringify({ cniVersion: "1.0.0", name: "n", plugins: [{ type: "bridge" }], ...more });

t.test("what is wrong with a list is said", async (t) => {
  const refused = (text: string, code: number, message: RegExp) => {
    try {
      parseConfList(text);
      t.fail(`${text} was taken`);
    } catch (error) {
      t.match(error, { code, message });
      t.ok(error instanceof CniError);
    }
  };
  refused("{", 6, /error parsing configuration list/);
  refused("[]", 6, /not a JSON object/);
  refused(list({ name: "" }), 7, /missing network name/);
  refused(list({ name: "a/b" }), 7, /invalid network name "a\/b"/);
  refused(list({ plugins: [] }), 7, /no plugins in list/);
  refused(list({ plugins: [{}] }), 7, /plugin 0 has no type/);
  refused(list({ cniVersion: "2.0.0" }), 1, /incompatible CNI versions/);
});

t.test("the newest version that a list offers and we speak is used", async (t) => {
  t.equal(parseConfList(list({ cniVersions: ["0.4.0", "1.1.0", "3.0.0"] })).cniVersion, "1.1.0");
  t.equal(parseConfList(list({ cniVersion: "3.0.0", cniVersions: ["0.4.0"] })).cniVersion, "0.4.0");
  const single = parseConfList(JSON.stringify({ cniVersion: "0.4.0", name: "one", type: "loopback" }));
  t.match(single, { name: "one", plugins: [{ type: "loopback" }] });
});

t.test("a plugin gets its part, the capabilities it asked for and the result so far", async (t) => {
  const plugins = [{ type: "a" }, { type: "b", capabilities: { portMappings: true, mac: false } }];
  const parsed = parseConfList(list({ plugins }));
  const granted = { portMappings: [{ hostPort: 1, containerPort: 2 }], mac: "x" };
  const result = { ips: [{ address: "10.0.0.2/24", interface: 0 }] };
  t.same(configFor(parsed, parsed.plugins[0]!, granted, undefined), { type: "a", name: "n", cniVersion: "1.0.0" });
  t.same(configFor(parsed, parsed.plugins[1]!, granted, result), {
    type: "b",
    name: "n",
    cniVersion: "1.0.0",
    runtimeConfig: { portMappings: granted.portMappings },
    prevResult: { cniVersion: "1.0.0", ips: result.ips, dns: {} },
  });
});
