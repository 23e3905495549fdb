import t from "tap";
import { containerResources, oomScoreAdj, unclaimedMemory } from "#agent/pods/container-resources.js";
import { limitFiles, podLimits, sliceProperties } from "#agent/pods/pod-cgroup-limits.js";
import type { Pod, ResourceRequirements } from "#api/generated/types.js";
import { qosClassOf } from "#api/pod-qos.js";
import { podRequests, scoredRequests } from "#api/pod-resources.js";
import { defaultPod } from "#resources/pod/defaults.js";
import { validatePodResources } from "#resources/pod/pod-level-resources.js";

const GI = 1024 ** 3;
const MI = 1024 ** 2;

function podOf(resources: ResourceRequirements, ...containers: ResourceRequirements[]): Pod {
  const named = containers.map((own, i) => ({ name: `c${i}`, image: "i", resources: own }));
  const pod = { metadata: { name: "p" }, spec: { resources, containers: named } } as unknown as Pod;
  defaultPod(pod);
  return pod;
}

t.test("requests of the Pod are filled from its containers, then from its limits", async (t) => {
  const cases: [ResourceRequirements, ResourceRequirements[], Record<string, string> | undefined][] = [
    [{ requests: { cpu: "1" } }, [{ requests: { memory: "1Gi" } }], { cpu: "1" }],
    [{ limits: { cpu: "2", memory: "2Gi" } }, [{}], { cpu: "2", memory: "2Gi" }],
    [
      { limits: { cpu: "2", memory: "2Gi" } },
      [{ requests: { cpu: "100m" } }, { requests: { cpu: "150m" } }],
      { cpu: "250m", memory: "2Gi" },
    ],
    [{ limits: { cpu: "2" }, requests: { cpu: "1" } }, [{ limits: { memory: "1Gi" } }], { cpu: "1", memory: "1Gi" }],
  ];
  for (const [whole, own, requests] of cases) t.same(podOf(whole, ...own).spec.resources?.requests, requests);
  t.same(podOf({ requests: { "hugepages-2Mi": "4Mi", cpu: "1" } }, {}).spec.resources?.limits, {
    "hugepages-2Mi": "4Mi",
  });
});

t.test("what the Pod asks for as a whole goes before what its containers do", async (t) => {
  const pod = podOf(
    { requests: { cpu: "1", memory: "1Gi" } },
    { requests: { cpu: "100m", "ephemeral-storage": "1Mi" } },
  );
  pod.spec.overhead = { cpu: "50m" };
  t.same(
    new Map(podRequests(pod)),
    new Map([
      ["cpu", 1050],
      ["memory", GI],
      ["ephemeral-storage", MI],
    ]),
  );
  t.equal(scoredRequests(pod).get("memory"), GI);
  t.equal(qosClassOf(pod), "Burstable");
  t.equal(qosClassOf(podOf({ limits: { cpu: "1", memory: "1Gi" } }, {})), "Guaranteed");
  t.equal(qosClassOf(podOf({ requests: { "hugepages-2Mi": "2Mi" } }, { requests: { cpu: "1" } })), "BestEffort");
  t.equal(qosClassOf(podOf({}, { requests: { cpu: "1" } })), "Burstable");
});

t.test("rules", async (t) => {
  const cases: [ResourceRequirements, ResourceRequirements[], string[]][] = [
    [{ requests: { cpu: "1" } }, [{ requests: { cpu: "500m" } }], []],
    [
      { requests: { cpu: "1", memory: "1Mi" } },
      [{ requests: { cpu: "600m" } }, { requests: { cpu: "600m" } }],
      [
        'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 1200m',
      ],
    ],
    [
      { limits: { memory: "1Gi" } },
      [{ limits: { memory: "2Gi" }, requests: { memory: "1Mi" } }],
      [
        'spec.containers[0].resources.limits[memory]: Invalid value: "2Gi": must be less than or equal to pod limits of 1Gi',
      ],
    ],
    [
      { requests: { cpu: "2" }, limits: { cpu: "1" } },
      [{}],
      ['spec.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ],
    [
      { limits: { "example.com/foo": "1" } },
      [{}],
      [
        'spec.resources.limits[example.com/foo]: Unsupported value: "example.com/foo": supported values: "cpu", "hugepages-", "memory"',
      ],
    ],
    [
      { claims: [{ name: "x" }] } as ResourceRequirements,
      [{}],
      ["spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level"],
    ],
  ];
  for (const [whole, own, expected] of cases) {
    const errors = validatePodResources("spec", podOf(whole, ...own).spec);
    t.same(
      errors.map(({ field, message }) => `${field}: ${message}`),
      expected,
    );
  }
});

t.test("its containers share it: each may use all of it, and the cgroup of all bounds them together", async (t) => {
  const pod = podOf(
    { requests: { memory: "512Mi" }, limits: { cpu: "500m", memory: "1Gi" } },
    {},
    { limits: { memory: "64Mi" } },
  );
  const [free, bounded] = pod.spec.containers;
  t.match(containerResources(free!, pod.spec.resources), { cpuQuota: 50_000, memoryLimit: GI, cpuShares: 2 });
  t.match(containerResources(bounded!, pod.spec.resources), { cpuQuota: 50_000, memoryLimit: 64 * MI });
  t.equal(unclaimedMemory(pod), (512 - 64) * (MI / 2));
  t.equal(oomScoreAdj("Burstable", free!, GI, unclaimedMemory(pod)), 781);
  const limits = podLimits(pod, 100);
  t.same(limits, { cpuShares: 512, cpuQuota: 50_000, cpuPeriod: 100_000, memory: GI, pids: 100 });
  const files = (version: 1 | 2) =>
    limitFiles(version, limits).map(({ controller, file, value }) => [controller, file, value].join(" "));
  t.same(files(1), [
    "cpu cpu.shares 512",
    "cpu cpu.cfs_period_us 100000",
    "cpu cpu.cfs_quota_us 50000",
    `memory memory.limit_in_bytes ${GI}`,
    "pids pids.max 100",
  ]);
  t.same(files(2), ["cpu cpu.weight 20", "cpu cpu.max 50000 100000", `memory memory.max ${GI}`, "pids pids.max 100"]);
  t.same(sliceProperties(limits), ["CPUWeight=20", "CPUQuota=50%", `MemoryMax=${GI}`, "TasksMax=100"]);
  t.same(podLimits(podOf({} as ResourceRequirements, {}), undefined).memory, undefined);
});
