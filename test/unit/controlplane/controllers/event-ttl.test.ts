import t from "tap";
import type { CoreV1Event } from "#api/generated/types.js";
import { planSweep } from "#controlplane/controllers/event-ttl.js";
import { meta } from "#test/fixtures/objects.js";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const event = (name: string, lastTimestamp?: string): CoreV1Event => ({
  metadata: meta(name, { creationTimestamp: "2026-01-01T10:00:00Z" }),
  involvedObject: {},
  lastTimestamp,
});

t.test("Events go an hour after they were last seen", async (t) => {
  const all = [event("old"), event("repeated", "2026-01-01T11:30:00Z"), event("due", "2026-01-01T11:00:00Z")];
  const { expired, next } = planSweep(all, NOW);
  t.same(
    expired.map(({ metadata }) => metadata.name),
    ["old", "due"],
  );
  t.equal(next, 1_800_000);
  t.equal(planSweep([event("soon", "2026-01-01T11:00:01Z")], NOW).next, 60_000, "not one sweep for each Event");
  t.same(planSweep([], NOW), { expired: [], next: undefined });
});
