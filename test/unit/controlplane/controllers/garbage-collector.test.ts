import t from "tap";
import { type FoundOwner, planDependent } from "#controlplane/controllers/garbage-collector/plan.js";
import { makePod, ownedBy } from "#test/fixtures/objects.js";

const owner = (name: string, state: FoundOwner["state"]): FoundOwner => ({
  reference: ownedBy("ReplicaSet", name),
  state,
});

t.test("what becomes of an object, by the state of its owners", async (t) => {
  const pod = makePod("a");
  const none = { any: false, waiting: false };
  const some = { any: true, waiting: false };
  const circle = { any: true, waiting: true };
  t.equal(planDependent(pod, [], none), undefined);
  t.equal(planDependent(pod, [owner("x", "present")], none), undefined);
  t.same(planDependent(pod, [owner("x", "absent")], none), { type: "delete", propagation: "Background" });
  t.same(planDependent(pod, [owner("x", "absent"), owner("y", "present")], none), { type: "unlink", uids: ["uid-x"] });
  t.same(planDependent(pod, [owner("x", "waiting"), owner("y", "present")], none), {
    type: "unlink",
    uids: ["uid-x"],
  });
  t.same(planDependent(pod, [owner("x", "waiting")], none), { type: "delete", propagation: "Background" });
  t.same(planDependent(pod, [owner("x", "waiting")], some), { type: "delete", propagation: "Foreground" });
  t.same(planDependent(pod, [owner("x", "waiting")], circle), { type: "unblock" });
  const free = { ...owner("x", "waiting"), reference: { ...ownedBy("ReplicaSet", "x"), blockOwnerDeletion: false } };
  t.same(planDependent(pod, [free], circle), { type: "delete", propagation: "Foreground" });
  t.equal(planDependent(makePod("b", { deleting: true }), [owner("x", "absent")], none), undefined);
});
