/**
 * 200 operations on Pods, drawn at random, while the agent, the engine and both are killed at random moments: at the end
 * everything is as the API and the spec say, and nothing is left of what is gone. All of it follows from a seed, which is
 * printed: BERTH_TEST_SEED=<number> does the same again (what meets what still depends on the machine's speed).
 * BERTH_TEST_OPERATIONS changes their number.
 */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import t from "tap";
import { pods } from "#api/refs.js";
import { readKubeconfig } from "#client/kubeconfig.js";
import { RestClient } from "#client/rest.js";
import { labDown } from "#scripts/lab/down.js";
import { logFile } from "#scripts/lab/processes.js";
import { defaultLabRoot, type LabNode } from "#scripts/lab/state.js";
import { labUp } from "#scripts/lab/up.js";
import { run } from "#scripts/run.js";
import { LabSession, ownLabName } from "../lab-session.js";
import { differences, leftovers, staleLabelFiles, unreadyContainers } from "./differences.js";
import { nodeTruth } from "./node-truth.js";
import { IMAGES, planRandom } from "./random-plan.js";
import { carryOutPlan } from "./random-pods.js";

const LANES = 10;
/** In which something must have become better, ms: a container's second back-off is 20 s. A busy machine may need it again and again. */
const PATIENCE = 60_000;
const seed = Number(process.env.BERTH_TEST_SEED ?? randomInt(2 ** 31));
const operations = Number(process.env.BERTH_TEST_OPERATIONS ?? 200);
t.comment(`BERTH_TEST_SEED=${seed}`);

const options = { name: ownLabName("rnd"), root: defaultLabRoot(), nodes: 1, images: ["busybox"], apiPort: 0 };
const lab = await labUp({ ...options, timers: "kubernetes" });
t.teardown(() => labDown(lab));
const [node] = lab.workers as [LabNode];
const client = new RestClient({ ...readKubeconfig(lab.kubeconfig), userAgent: "berth-test/1" });
const namespace = "default";
const list = async () => (await client.list(pods, { namespace })).items;

const began = performance.now();
const done: string[] = [];
const log = (line: string) => done.push(`${((performance.now() - began) / 1000).toFixed(2)} ${line}`);

/** Polls until nothing is found any more. @returns what is still found once nothing has changed for as long as the patience is */
async function untilNone(find: () => Promise<string[]>): Promise<string[]> {
  let before: string[] = [];
  for (let changed = performance.now(); ; await sleep(250)) {
    const found = await find();
    if (found.length === 0 || performance.now() > changed + PATIENCE) return found;
    if (found.length !== before.length) changed = performance.now();
    before = found;
  }
}

/** For a person: what engine, node, Pods and programs say of it. */
function circumstances(session: LabSession): Promise<string[]> {
  return Promise.all([
    session.docker(node, ["ps", "-a"]),
    session.kubectl(["get", "pods", "-o", "wide"]),
    session.kubectl(["describe", "nodes"]),
    session
      .kubectl(["get", "events", "--sort-by=.lastTimestamp"])
      .then((text) => text.split("\n").slice(-60).join("\n")),
    run("tail", ["-n", "40", logFile(lab, node, "agent")]),
    run("tail", ["-n", "40", logFile(lab, lab.server, "server")]),
  ]);
}

t.test(`${operations} operations, seed ${seed}`, async (t) => {
  const session = new LabSession(lab);
  await client.get({ ...pods, plural: "serviceaccounts", kind: "ServiceAccount" }, "default", namespace);
  const docker = new Docker({ socketPath: lab.dockerSocket(node) });
  await docker.getImage(IMAGES[0]).tag({ repo: "busybox", tag: "other" });
  const plan = planRandom(seed, operations, LANES);
  const planned = new Map(plan.survivors.map((pod) => [pod.name, pod]));
  await carryOutPlan({ lab, node, client, namespace, log }, plan);
  log("all done, settling");
  const wrong = await untilNone(async () => {
    const [found, truth] = [await list(), await nodeTruth(lab, node)];
    const unready = await unreadyContainers(lab, node, planned, truth);
    return [...differences(found, planned, truth, unready), ...staleLabelFiles(lab, node, found)];
  });
  log("settled");
  if (!t.same(wrong, [], "every Pod is as it should be, and nothing else is there"))
    t.comment([`BERTH_TEST_SEED=${seed}`, ...done, ...(await circumstances(session))].join("\n"));
  await client.deleteCollection(pods, { namespace }, { gracePeriodSeconds: 1 });
  const left = await untilNone(async () => {
    const found = await list();
    return [
      ...found.map(({ metadata }) => `${metadata.name} is in the API`),
      ...leftovers(found, await nodeTruth(lab, node)),
    ];
  });
  log("emptied");
  t.same(left, [], "and nothing at all is left of them");
  t.comment(process.env.BERTH_TEST_LOG ? done.join("\n") : `${done.at(-1)}; seed ${seed}`);
});
