import t from "tap";
import { type FoundOwner, planDependent } from "#controlplane/controllers/garbage-collector/plan.js";
import { makePod, ownedBy } from "#test/fixtures/objects.js";

const owner = (name: string, state: FoundOwner["state"]): FoundOwner => ({
  reference: ownedBy("ReplicaSet", name),
  state,
});

t.test("what becomes of an object, by the state of its owners", async (t) => {
  const pod = makePod("a");
  t.equal(planDependent(pod, [], false), undefined);
  t.equal(planDependent(pod, [owner("x", "present")], false), undefined);
  t.same(planDependent(pod, [owner("x", "absent")], false), { type: "delete", propagation: "Background" });
  t.same(planDependent(pod, [owner("x", "absent"), owner("y", "present")], false), { type: "unlink", uids: ["uid-x"] });
  t.same(planDependent(pod, [owner("x", "waiting"), owner("y", "present")], false), {
    type: "unlink",
    uids: ["uid-x"],
  });
  t.same(planDependent(pod, [owner("x", "waiting")], false), { type: "delete", propagation: "Background" });
  t.same(planDependent(pod, [owner("x", "waiting")], true), { type: "delete", propagation: "Foreground" });
  t.equal(planDependent(makePod("b", { deleting: true }), [owner("x", "absent")], false), undefined);
});
