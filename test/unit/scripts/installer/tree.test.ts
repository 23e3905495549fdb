import t from "tap";
import { neededPackages } from "#scripts/installer/tree.js";

t.test("packages that only build and test are left behind", async (t) => {
  const packages = {
    "node_modules/axios": {},
    "node_modules/tap": { dev: true },
    "node_modules/either": { devOptional: true },
    "node_modules/axios/node_modules/inner": {},
  };
  t.same(neededPackages(JSON.stringify({ packages })), ["node_modules/axios", "node_modules/axios/node_modules/inner"]);
});
