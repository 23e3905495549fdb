import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { defaultPullPolicy } from "#resources/pod/image-tag.js";
import { pod as kind } from "#resources/pod/index.js";

t.test("a minimal pod gets Kubernetes' defaults", async (t) => {
  const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "web", image: "nginx" }] } } as Pod;
  kind.defaults?.(pod);
  t.same(pod.spec, {
    containers: [
      {
        name: "web",
        image: "nginx",
        imagePullPolicy: "Always",
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
        resources: {},
      },
    ],
    dnsPolicy: "ClusterFirst",
    restartPolicy: "Always",
    schedulerName: "default-scheduler",
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    enableServiceLinks: true,
  });
});

t.test("ports, probes, env, resources and volumes are filled", async (t) => {
  const pod = {
    metadata: { name: "p" },
    spec: {
      hostNetwork: true,
      serviceAccount: "robot",
      containers: [
        {
          name: "web",
          image: "nginx:1.27",
          ports: [{ containerPort: 80 }],
          livenessProbe: { httpGet: { port: 80 } },
          env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
          resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m" } },
        },
      ],
      volumes: [
        { name: "a" },
        { name: "b", hostPath: { path: "/x" } },
        { name: "c", configMap: { name: "c" } },
        { name: "d", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } },
      ],
    },
  } as unknown as Pod;
  kind.defaults?.(pod);
  const [web] = pod.spec.containers;
  t.same(web?.ports, [{ containerPort: 80, protocol: "TCP", hostPort: 80 }]);
  t.same(web?.livenessProbe, {
    httpGet: { port: 80, path: "/", scheme: "HTTP" },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  t.equal(web?.env?.[0]?.valueFrom?.fieldRef?.apiVersion, "v1");
  t.same(web?.resources?.requests, { cpu: "500m", memory: "1Gi" });
  t.equal(pod.spec.serviceAccountName, "robot");
  t.same(pod.spec.volumes, [
    { name: "a", emptyDir: {} },
    { name: "b", hostPath: { path: "/x", type: "" } },
    { name: "c", configMap: { name: "c", defaultMode: 420 } },
    {
      name: "d",
      projected: { sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 3600 } }], defaultMode: 420 },
    },
  ]);
});

t.test("the pull policy follows the tag", async (t) => {
  for (const image of ["nginx", "nginx:latest", "registry:5000/team/app"])
    t.equal(defaultPullPolicy(image), "Always", image);
  for (const image of ["nginx:1.27", "registry:5000/app:v1", "nginx@sha256:00", "nginx:latest@sha256:00", ""])
    t.equal(defaultPullPolicy(image), "IfNotPresent", image);
});

t.test("a new pod is pending and has its quality of service", async (t) => {
  const classOf = (...resources: object[]) => {
    const containers = resources.map((r, i) => ({ name: `c${i}`, image: "x", resources: r }));
    const pod = { metadata: { name: "p" }, spec: { containers }, status: { phase: "Running" } } as unknown as Pod;
    kind.defaults?.(pod);
    kind.prepareForCreate?.(pod);
    t.equal(pod.status?.phase, "Pending");
    return pod.status?.qosClass;
  };
  t.equal(classOf({}), "BestEffort");
  t.equal(classOf({ requests: { cpu: "0" } }), "BestEffort");
  t.equal(classOf({ requests: { cpu: "1" } }), "Burstable");
  t.equal(classOf({ limits: { cpu: "1", memory: "1Gi" } }), "Guaranteed");
  t.equal(classOf({ limits: { cpu: "1", memory: "1Gi" } }, {}), "Burstable");
  t.equal(classOf({ limits: { cpu: "1000m", memory: "1Gi" }, requests: { cpu: "1" } }), "Guaranteed");
});
