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
import { defaultLabRoot, type LabNode } from "#scripts/lab/state.js";
import { labUp } from "#scripts/lab/up.js";
import { LabSession, ownLabName } from "../lab-session.js";
import { differences, leftovers, staleLabelFiles, unreadyContainers } from "./differences.js";
import { nodeTruth } from "./node-truth.js";
import { IMAGES, planRandom } from "./random-plan.js";
import { carryOutPlan } from "./random-pods.js";

const LANES = 10;
/** Until everything is settled, ms: a container's second back-off is 20 s. */
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

/** Polls until nothing is found any more. @returns what is still found when the patience is over */
async function untilNone(find: () => Promise<string[]>): Promise<string[]> {
  for (const deadline = performance.now() + PATIENCE; ; await sleep(250)) {
    const found = await find();
    if (found.length === 0 || performance.now() > deadline) return found;
  }
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
    t.comment([`BERTH_TEST_SEED=${seed}`, ...done, await session.docker(node, ["ps", "-a"])].join("\n"));
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
