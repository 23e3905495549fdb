import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { mergeMatchLabelKeys } from "#resources/pod/match-label-keys.js";
import { makePod } from "#test/fixtures/objects.js";

t.test("keys become the Pod's own values, in every selector that there is", async (t) => {
  const app = { matchLabels: { app: "web" } };
  const keys = { matchLabelKeys: ["revision", "absent"] };
  const near = { topologyKey: "zone", labelSelector: structuredClone(app), ...keys, mismatchLabelKeys: ["tenant"] };
  const far = { topologyKey: "zone", labelSelector: { ...structuredClone(app), matchExpressions: [] }, ...keys };
  const spread = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway", labelSelector: {}, ...keys };
  const pod: Pod = makePod("web", {
    labels: { revision: "7", tenant: "blue" },
    spec: {
      affinity: {
        podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [near] },
        podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: far }] },
      },
      topologySpreadConstraints: [spread, { ...spread, labelSelector: undefined }],
    },
  });
  mergeMatchLabelKeys(pod);
  const own = { key: "revision", operator: "In", values: ["7"] };
  t.same(near.labelSelector, {
    ...app,
    matchExpressions: [own, { key: "tenant", operator: "NotIn", values: ["blue"] }],
  });
  t.same(far.labelSelector, { ...app, matchExpressions: [own] });
  t.same(spread.labelSelector, { matchExpressions: [own] });
  t.equal(pod.spec.topologySpreadConstraints?.[1]?.labelSelector, undefined);
});
