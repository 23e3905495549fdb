import { readdirSync } from "node:fs";
import t from "tap";
import { controllers } from "#controlplane/controllers/index.js";

const NOT_CONTROLLERS = ["controller", "harness", "index"];

t.test("every controller in the folder is in the list", async (t) => {
  const files = readdirSync("controlplane/controllers")
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.replace(/\.ts$/, ""))
    .filter((name) => !NOT_CONTROLLERS.includes(name));
  const names = controllers({ cluster: { podCIDRs: [] } }).map((controller) => controller.name);
  t.same([...names].sort(), files.sort());
});
