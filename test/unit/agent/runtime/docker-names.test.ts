import t from "tap";
import { cgroupParent } from "#agent/runtime/docker/cgroup-parent.js";
import { chooseApiVersion, compareApiVersions } from "#agent/runtime/docker/engine.js";
import { isOomScoreRefusal, mayLowerOomScore } from "#agent/runtime/docker/host-config.js";
import { containerName, parseContainerName, sandboxName } from "#agent/runtime/docker/naming.js";
import { missingCapabilities } from "#agent/runtime/docker/privileged.js";

const pod = { name: "web-0", namespace: "default", uid: "11-22" };

t.test("names are deterministic and parse back", async (t) => {
  t.equal(containerName(pod, "nginx", 2), "k8s_nginx_web-0_default_11-22_2");
  t.equal(sandboxName(pod, 0), "k8s_POD_web-0_default_11-22_0");
  t.same(parseContainerName("/k8s_nginx_web-0_default_11-22_2"), { container: "nginx", pod, attempt: 2 });
  t.equal(parseContainerName("/someone-elses_container"), undefined);
  t.equal(parseContainerName("/k8s_a_b_c_d_x"), undefined);
});

t.test("a systemd slice spells its ancestors", async (t) => {
  t.equal(cgroupParent("/kubepods/burstable/pod1-2", "cgroupfs"), "/kubepods/burstable/pod1-2");
  t.equal(cgroupParent("/kubepods/burstable/pod1-2", "systemd"), "kubepods-burstable-pod1_2.slice");
});

t.test("API versions are negotiated between what both know", async (t) => {
  t.ok(compareApiVersions("1.9", "1.41") < 0);
  t.equal(chooseApiVersion("1.41", "1.12"), "1.41");
  t.equal(chooseApiVersion("1.60", "1.44"), "1.51");
  t.throws(() => chooseApiVersion("1.40", "1.12"), /Berth needs 1.41/);
  t.throws(() => chooseApiVersion("1.70", "1.55"), /refuses API versions below 1.55/);
});

t.test("what the host allows for the OOM score", async (t) => {
  t.equal(mayLowerOomScore("CapEff:\t000001ffffffffff\n"), true);
  t.equal(mayLowerOomScore("CapEff:\t000001fffeffffff\n"), false);
  t.ok(isOomScoreRefusal("write /proc/self/oom_score_adj: permission denied: unknown"));
  t.notOk(isOomScoreRefusal("exec: permission denied"));
});

t.test("what a privileged container cannot have, since the host does not", async (t) => {
  t.same(missingCapabilities("CapEff:\t000001ffffffffff\n", 40), []);
  t.same(missingCapabilities("CapEff:\t000001fffeffffff\n", 40), ["SYS_RESOURCE"]);
  t.same(missingCapabilities("CapEff:\t000000ffffffffff\n", 40), ["CHECKPOINT_RESTORE"]);
  t.same(missingCapabilities("CapEff:\t000000ffffffffff\n", 39), [], "an older kernel knows no more");
});
