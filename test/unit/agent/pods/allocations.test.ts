import t from "tap";
import { Allocations } from "#agent/pods/allocations.js";
import { isAllowedSysctl } from "#agent/pods/pod-admission.js";
import type { Pod } from "#api/generated/types.js";
import { containerOf, podOf } from "#test/fixtures/pod-objects.js";

function asking(uid: string, cpu: string, granted?: string): Pod {
  const resources = { requests: { cpu } };
  const pod = podOf({ containers: [containerOf("main", { resources })] });
  const status = granted && {
    containerStatuses: [
      { name: "main", image: "", imageID: "", ready: true, restartCount: 0, resources: { requests: { cpu: granted } } },
    ],
  };
  return { ...pod, metadata: { ...pod.metadata, uid }, ...(status ? { status } : {}) };
}

const node = () => new Allocations({ milliCpu: 1000, memory: 1 << 30, pods: 3 });

t.test("room is given once", async (t) => {
  const allocations = node();
  t.equal(allocations.claim(asking("a", "600m")), undefined);
  t.same(allocations.claim(asking("b", "500m")), { resource: "cpu", requested: 500, used: 600, capacity: 1000 });
  let woken = 0;
  allocations.onRoom("b", () => woken++);
  allocations.release("a");
  allocations.release("a");
  t.equal(woken, 1);
  t.equal(allocations.claim(asking("b", "500m")), undefined);
});

t.test("as many Pods as may run", async (t) => {
  const allocations = node();
  for (const uid of ["a", "b", "c"]) t.equal(allocations.claim(asking(uid, "0")), undefined);
  t.match(allocations.claim(asking("d", "0")), { resource: "pods", used: 3, capacity: 3 });
});

t.test("what was granted before holds, and no more than that", async (t) => {
  const allocations = node();
  allocations.hold(asking("a", "5", "800m"));
  t.match(allocations.claim(asking("b", "300m")), { used: 800 });
  t.match(allocations.claim(asking("a", "5", "800m")), { requested: 5000 }, "its resize is still to be granted");
  t.equal(allocations.claim(asking("a", "400m", "800m")), undefined, "less is always granted");
});

t.test("sysctls: the safe ones, and those the node allows", async (t) => {
  t.ok(isAllowedSysctl("kernel.shm_rmid_forced", []));
  t.ok(isAllowedSysctl("net/ipv4/tcp_syncookies", []));
  t.notOk(isAllowedSysctl("kernel.msgmax", []));
  t.ok(isAllowedSysctl("kernel.msgmax", ["kernel.msg*"]));
  t.notOk(isAllowedSysctl("net.core.somaxconn", ["kernel.msg*"]));
});
