/** What a budget allows, and what an eviction costs. */
import t from "tap";
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from "#api/generated/types.js";
import { StatusError } from "#api/status-error.js";
import { budgetStatus, expectation, failedStatus, type Scale } from "#controlplane/controllers/disruption/budget.js";
import { budgetToSpend, spend } from "#resources/pod/eviction.js";
import { makeBudget, makePod, type PodShape } from "#test/fixtures/objects.js";

const NOW = Date.parse("2026-01-01T00:10:00Z");
const labels = { app: "web" };
const web = (name: string, shape: PodShape = {}) => makePod(name, { labels, node: "n1", ready: true, ...shape });
const scale = (uid: string, replicas: number): Scale => ({ uid, replicas });

/** "healthy/desired of expected: allowed" */
function says(spec: PodDisruptionBudget["spec"], pods: Pod[], scales: Scale[] = []): string {
  const budget = makeBudget("b", spec);
  const { status } = budgetStatus({ budget, pods, now: NOW }, expectation(budget, pods, scales));
  return `${status.currentHealthy}/${status.desiredHealthy} of ${status.expectedPods}: ${status.disruptionsAllowed}`;
}

t.test("how many may go", async (t) => {
  const three = [web("a"), web("b"), web("c")];
  t.equal(says({ minAvailable: 2 }, three), "3/2 of 3: 1");
  t.equal(says({ minAvailable: 4 }, three), "3/4 of 3: 0");
  t.equal(says({ minAvailable: 0 }, []), "0/0 of 0: 0", "of none, none");
  t.equal(says({}, three), "3/0 of 3: 3");
  t.equal(says({ minAvailable: "50%" }, three, [scale("rs", 3), scale("rs", 3)]), "3/2 of 3: 1", "a part counts whole");
  t.equal(
    says({ maxUnavailable: 1 }, three, [scale("rs", 5)]),
    "3/4 of 5: 0",
    "Pods that are still to come are missed",
  );
  t.equal(says({ maxUnavailable: "30%" }, three, [scale("rs", 3), scale("other", 4)]), "3/4 of 7: 0");
  t.equal(says({ maxUnavailable: 9 }, three, [scale("rs", 3)]), "3/0 of 3: 3");
  t.equal(
    says({ minAvailable: 1 }, [web("a"), web("b", { ready: false }), web("c", { deleting: true })]),
    "1/1 of 3: 0",
  );
});

t.test("an eviction is counted until its Pod is seen to go, for two minutes at most", async (t) => {
  const since = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
  const disruptedPods = { a: since(10), b: since(200), gone: since(1), going: since(1) };
  const budget = makeBudget("b", { minAvailable: 1 }, { disruptedPods });
  const pods = [web("a"), web("b"), web("c"), web("going", { deleting: true })];
  const outcome = budgetStatus({ budget, pods, now: NOW }, expectation(budget, pods, []));
  t.same(outcome.status.disruptedPods, { a: disruptedPods.a });
  t.equal(outcome.status.currentHealthy, 2, "b, which stayed, and c");
  t.same(outcome.overdue, [pods[1]]);
  t.equal(outcome.wait, 110_000);
});

t.test("its condition changes its time with its status", async (t) => {
  const budget = makeBudget("b", { minAvailable: 1 });
  const first = budgetStatus({ budget, pods: [web("a"), web("b")], now: NOW }, expectation(budget, [web("a")], []));
  const [sufficient] = first.status.conditions ?? [];
  t.match(sufficient, { type: "DisruptionAllowed", status: "True", reason: "SufficientPods", observedGeneration: 1 });
  t.equal(sufficient?.lastTransitionTime, "2026-01-01T00:10:00Z");
  const second = { ...budget, status: first.status };
  const later = NOW + 60_000;
  const same = budgetStatus(
    { budget: second, pods: [web("a"), web("b")], now: later },
    expectation(second, [web("a")], []),
  );
  t.same(same.status.conditions, first.status.conditions);
  const failed = failedStatus(second, "no size", later);
  t.match(failed, { disruptionsAllowed: 0, currentHealthy: 2 });
  t.match(failed.conditions, [{ status: "False", reason: "SyncFailed", message: "no size" }]);
  t.equal(failed.conditions?.[0]?.lastTransitionTime, "2026-01-01T00:11:00Z");
});

/** The name of the budget that pays, "free", or the refusal. */
function evict(pod: Pod, ...budgets: PodDisruptionBudget[]): string {
  try {
    return budgetToSpend(pod, budgets)?.metadata.name ?? "free";
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return `${error.code} ${error.details?.causes?.[0]?.message ?? error.message}`;
  }
}

t.test("who pays for an eviction", async (t) => {
  const with_ = (status: Partial<PodDisruptionBudgetStatus>, spec: PodDisruptionBudget["spec"] = {}) =>
    makeBudget("b", spec, status);
  const rich = with_({ disruptionsAllowed: 1 });
  const poor = with_({ disruptionsAllowed: 0, desiredHealthy: 2, currentHealthy: 2 });
  const needs = "429 The disruption budget b needs 2 healthy pods and has 2 currently";
  t.equal(evict(web("a")), "free");
  t.equal(evict(web("a", { labels: { app: "other" } }), poor), "free");
  t.equal(evict(web("a"), rich), "b");
  t.equal(evict(web("a"), poor), needs);
  t.equal(
    evict(web("a"), rich, poor),
    "500 This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
  );
  t.equal(
    evict(web("a"), with_({ disruptionsAllowed: 1, observedGeneration: 0 })),
    "429 The disruption budget b is still being processed by the server.",
  );
  for (const shape of [{ phase: "Pending" }, { phase: "Succeeded" }, { phase: "Failed" }, { deleting: true }])
    t.equal(evict(web("a", shape), poor), "free", JSON.stringify(shape));
  const unready = web("a", { ready: false });
  t.equal(evict(unready, poor), "free", "enough others are healthy");
  t.equal(evict(unready, with_({ desiredHealthy: 2, currentHealthy: 1 })), needs.replace("has 2", "has 1"));
  const always = with_({ desiredHealthy: 2, currentHealthy: 1 }, { unhealthyPodEvictionPolicy: "AlwaysAllow" });
  t.equal(evict(unready, always), "free");
  t.equal(evict(web("a"), always), needs.replace("has 2", "has 1"), "what is ready is kept all the same");
});

t.test("what is spent", async (t) => {
  const budget = makeBudget("b", {}, { disruptionsAllowed: 2 });
  spend(budget, web("a"), NOW);
  t.match(budget.status, { disruptionsAllowed: 1, disruptedPods: { a: "2026-01-01T00:10:00Z" } });
  t.equal(budget.status?.conditions, undefined);
  spend(budget, web("b"), NOW);
  t.match(budget.status, { disruptionsAllowed: 0, conditions: [{ status: "False", reason: "InsufficientPods" }] });
});
