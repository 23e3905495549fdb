/** What a Pod asks of the host it runs on: users, security modules, operating system, devices. */
import t from "tap";
import type { Container, Pod } from "#api/generated/types.js";
import { pod as kind } from "#resources/pod/index.js";

const web: Container = { name: "web", image: "nginx:1.27" };
const own = (fields: object) => ({ containers: [{ ...web, ...fields }] });
const pod = (fields: object) => ({ containers: [web], ...fields });
const secured = (securityContext: object) => own({ securityContext });

function refusals(spec: object): string[] {
  const made = structuredClone({ metadata: { name: "p", namespace: "default" }, spec }) as Pod;
  kind.defaults?.(made);
  return (kind.validate?.(made) ?? []).map(({ field, message }) => `${field.replace("spec.", "")}: ${message}`);
}

const CONTAINER = "containers[0].securityContext";
const TERM = "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]";
const SPREAD = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" };

const cases: Record<string, [object, string[]]> = {
  "an AppArmor profile of the node": [
    secured({ appArmorProfile: { type: "Localhost", localhostProfile: "k8s-web" } }),
    [],
  ],
  "an AppArmor profile without its name": [
    secured({ appArmorProfile: { type: "Localhost" } }),
    [`${CONTAINER}.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost`],
  ],
  "an AppArmor profile of no type": [
    pod({ securityContext: { appArmorProfile: { type: "Custom" } } }),
    [
      'securityContext.appArmorProfile.type: Unsupported value: "Custom": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
    ],
  ],
  "a seccomp profile outside of its folder": [
    secured({ seccompProfile: { type: "Localhost", localhostProfile: "../../etc/passwd" } }),
    [`${CONTAINER}.seccompProfile.localhostProfile: Invalid value: "../../etc/passwd": must not contain '..'`],
  ],
  "an open /proc with the host's users": [
    secured({ procMount: "Unmasked" }),
    [`${CONTAINER}.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``],
  ],
  "an open /proc with users of its own": [{ ...secured({ procMount: "Unmasked" }), hostUsers: false }, []],
  "users of its own and the host's processes": [
    pod({ hostUsers: false, hostPID: true }),
    ["securityContext.HostPID: Forbidden: when `pod.Spec.HostUsers` is false"],
  ],
  "groups by an unknown policy": [
    pod({ securityContext: { supplementalGroupsPolicy: "Some" } }),
    ['securityContext.supplementalGroupsPolicy: Unsupported value: "Some": supported values: "Merge", "Strict"'],
  ],
  "a stop signal without an operating system": [
    own({ lifecycle: { stopSignal: "SIGUSR1" } }),
    ["containers[0].lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`"],
  ],
  "a stop signal of Linux": [{ ...own({ lifecycle: { stopSignal: "SIGRTMIN+3" } }), os: { name: "linux" } }, []],
  "a stop signal of neither system": [
    { ...own({ lifecycle: { stopSignal: "SIGUSR1" } }), os: { name: "windows" } },
    ['containers[0].lifecycle.stopSignal: Unsupported value: "SIGUSR1": supported values: "SIGKILL", "SIGTERM"'],
  ],
  "Linux' settings for Windows": [
    { ...secured({ runAsUser: 1 }), os: { name: "windows" }, hostPID: true },
    [
      "hostPID: Forbidden: cannot be set for a windows pod",
      `${CONTAINER}.runAsUser: Forbidden: cannot be set for a windows pod`,
    ],
  ],
  "huge pages alone": [
    own({ resources: { limits: { "hugepages-2Mi": "4Mi" } } }),
    ["containers[0].resources: Forbidden: HugePages require cpu or memory"],
  ],
  "a claim the pod does not name": [
    own({ resources: { claims: [{ name: "gpu" }] } }),
    [
      'containers[0].resources.claims[0].name: Invalid value: "gpu": must be one of the names in pod.spec.resourceClaims',
    ],
  ],
  "a claim from nowhere": [
    pod({ resourceClaims: [{ name: "gpu" }] }),
    [
      'resourceClaims[0]: Invalid value: {"name":"gpu"}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
    ],
  ],
  "a claim that is used": [
    { ...own({ resources: { claims: [{ name: "gpu" }] } }), resourceClaims: [{ name: "gpu", resourceClaimName: "g" }] },
    [],
  ],
  "a device that is no volume": [
    own({ volumeDevices: [{ name: "disk", devicePath: "/dev/xvda" }] }),
    ['containers[0].volumeDevices[0].name: Not found: "disk"'],
  ],
  "a device of files": [
    { ...own({ volumeDevices: [{ name: "v", devicePath: "/dev/../x" }] }), volumes: [{ name: "v", emptyDir: {} }] },
    [
      'containers[0].volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
      "containers[0].volumeDevices[0].devicePath: Invalid value: \"/dev/../x\": can not contain backsteps ('..')",
    ],
  ],
  "a resize policy of nothing": [
    own({ resizePolicy: [{ resourceName: "storage", restartPolicy: "Always" }] }),
    [
      'containers[0].resizePolicy[0].resourceName: Unsupported value: "storage": supported values: "cpu", "memory"',
      'containers[0].resizePolicy[0].restartPolicy: Unsupported value: "Always": supported values: "NotRequired", "RestartContainer"',
    ],
  ],
  "domains that need not be there": [
    pod({ topologySpreadConstraints: [{ ...SPREAD, minDomains: 2 }] }),
    [
      "topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
    ],
  ],
  "a variable from a file that is nowhere, or not the Pod's to write": [
    {
      ...own({
        env: [
          { name: "A", valueFrom: { fileKeyRef: { volumeName: "none", path: "a.env", key: "A" } } },
          { name: "B", valueFrom: { fileKeyRef: { volumeName: "host", path: "../a.env", key: "" } } },
          { name: "C", valueFrom: { fileKeyRef: { volumeName: "work", path: "a.env", key: "C" } } },
        ],
      }),
      volumes: [
        { name: "host", hostPath: { path: "/etc" } },
        { name: "work", emptyDir: {} },
      ],
    },
    [
      'containers[0].env[0].valueFrom.fileKeyRef.volumeName: Not found: "none"',
      "containers[0].env[1].valueFrom.fileKeyRef.key: Required value",
      'containers[0].env[1].valueFrom.fileKeyRef.volumeName: Invalid value: "host": referenced volume must be of type emptyDir',
      "containers[0].env[1].valueFrom.fileKeyRef.path: Invalid value: \"../a.env\": must not contain '..'",
    ],
  ],
  "keys of no selector, or wanted and unwanted": [
    pod({
      topologySpreadConstraints: [{ ...SPREAD, labelSelector: undefined, matchLabelKeys: ["a"] }],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: "zone", labelSelector: {}, matchLabelKeys: ["b"], mismatchLabelKeys: ["b"] },
          ],
        },
      },
    }),
    [
      `${TERM}.matchLabelKeys[0]: Invalid value: "b": exists in both matchLabelKeys and mismatchLabelKeys`,
      "topologySpreadConstraints[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
    ],
  ],
  "another name on the host's network": [
    pod({ hostnameOverride: "web", hostNetwork: true }),
    ["hostnameOverride: Forbidden: may not be specified when hostNetwork is true"],
  ],
};

for (const [name, [spec, expected]] of Object.entries(cases))
  t.test(name, async (t) => t.same(refusals(spec), expected));
