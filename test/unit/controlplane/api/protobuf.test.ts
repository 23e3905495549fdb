import t from "tap";
import { decodeProtobuf } from "#api/protobuf/decode-protobuf.js";

// A tiny encoder: [field number, value]; arrays are messages.
type Part = [number, number | string | Part[]];

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}

function encode(parts: Part[]): Buffer {
  return Buffer.concat(
    parts.map(([number, value]) => {
      if (typeof value === "number") return Buffer.from([...varint(number * 8), ...varint(value)]);
      const bytes = typeof value === "string" ? Buffer.from(value) : encode(value);
      return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
    }),
  );
}

const body = (apiVersion: string, kind: string, object: Part[]) =>
  Buffer.concat([
    Buffer.from("k8s\0"),
    encode([
      [
        1,
        [
          [1, apiVersion],
          [2, kind],
        ],
      ],
      [2, object],
      [3, ""],
      [4, ""],
    ]),
  ]);

// As Go writes it: what is no pointer is there even when it is empty.
const metadata: Part = [
  1,
  [
    [1, "web"],
    [2, ""],
    [3, "a"],
    [5, ""],
    [7, 0],
    [8, []],
    [
      11,
      [
        [1, "app"],
        [2, "web"],
      ],
    ],
    [
      11,
      [
        [1, "__proto__"],
        [2, "x"],
      ],
    ],
  ],
];

t.test("reads a Deployment as its JSON form", async (t) => {
  const container: Part[] = [
    [1, "c"],
    [2, "nginx"],
    [5, ""],
    [
      6,
      [
        [1, ""],
        [2, 0],
        [3, 80],
        [4, "TCP"],
        [5, ""],
      ],
    ],
    [
      7,
      [
        [1, "E"],
        [2, ""],
        [
          3,
          [
            [
              4,
              [
                [1, [[1, "s"]]],
                [2, "key"],
                [3, 0],
              ],
            ],
          ],
        ],
      ],
    ],
    [
      8,
      [
        [
          1,
          [
            [1, "cpu"],
            [2, [[1, "100m"]]],
          ],
        ],
      ],
    ],
    [
      10,
      [
        [
          1,
          [
            [
              2,
              [
                [1, "/"],
                [
                  2,
                  [
                    [1, 1],
                    [2, 0],
                    [3, "http"],
                  ],
                ],
              ],
            ],
          ],
        ],
        [2, 0],
        [4, 5],
      ],
    ],
    [16, 0],
  ];
  const podSpec: Part[] = [
    [
      1,
      [
        [1, "v"],
        [2, [[2, [[1, ""]]]]],
      ],
    ],
    [2, container],
    [3, "Always"],
    [4, 0],
    [11, 0],
  ];
  const spec: Part[] = [
    [1, 0],
    [
      2,
      [
        [
          1,
          [
            [1, "app"],
            [2, "web"],
          ],
        ],
      ],
    ],
    [3, [[2, podSpec]]],
    [
      4,
      [
        [1, "RollingUpdate"],
        [
          2,
          [
            [
              1,
              [
                [1, 0],
                [2, 2],
                [3, ""],
              ],
            ],
          ],
        ],
      ],
    ],
    [5, 0],
    [7, 0],
  ];
  const object = decodeProtobuf(body("apps/v1", "Deployment", [metadata, [2, spec], [3, []]]));
  t.same(JSON.parse(JSON.stringify(object)), {
    kind: "Deployment",
    apiVersion: "apps/v1",
    metadata: { name: "web", namespace: "a", labels: JSON.parse('{"app":"web","__proto__":"x"}') },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "web" } },
      template: {
        spec: {
          volumes: [{ name: "v", emptyDir: {} }],
          containers: [
            {
              name: "c",
              image: "nginx",
              ports: [{ containerPort: 80, protocol: "TCP" }],
              env: [{ name: "E", valueFrom: { secretKeyRef: { name: "s", key: "key", optional: false } } }],
              resources: { limits: { cpu: "100m" } },
              livenessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 5 },
            },
          ],
          restartPolicy: "Always",
          terminationGracePeriodSeconds: 0,
        },
      },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 2 } },
    },
    status: {},
  });
});

t.test("secrets, options of calls, times", async (t) => {
  const secret = decodeProtobuf(
    body("v1", "Secret", [
      [1, [[1, "s"]]],
      [
        2,
        [
          [1, "k"],
          [2, "\u0001v"],
        ],
      ],
      [3, "Opaque"],
    ]),
  );
  t.same(secret["data"], { k: Buffer.from("\u0001v").toString("base64") });
  const options = decodeProtobuf(
    body("apps/v1", "DeleteOptions", [
      [1, 0],
      [4, "Background"],
    ]),
  );
  t.match(options, { gracePeriodSeconds: 0, propagationPolicy: "Background" });
  const lease = decodeProtobuf(
    body("coordination.k8s.io/v1", "Lease", [
      [1, [[1, "l"]]],
      [
        2,
        [
          [1, "me"],
          [
            4,
            [
              [1, 1700000000],
              [2, 123456000],
            ],
          ],
        ],
      ],
    ]),
  );
  t.same(lease["spec"], { holderIdentity: "me", renewTime: "2023-11-14T22:13:20.123456Z" });
});

t.test("what cannot be read is refused, not guessed", async (t) => {
  const refused = (bytes: Buffer, words: RegExp) =>
    t.throws(() => decodeProtobuf(bytes), { code: 400, message: words });
  const good = body("v1", "Namespace", [[1, [[1, "n"]]]]);
  refused(Buffer.from("{}"), /does not begin/);
  refused(good.subarray(0, good.length - 9), /unexpected end/);
  refused(body("v1", "Nothing", []), /no kind "Nothing" is registered for version "v1"/);
  refused(body("v1", "Namespace", [[77, "x"]]), /Namespace: field number 77/);
});

t.test("what a newer client says with nothing in it is passed over", async (t) => {
  const status = (value: number | string): Part => [
    3,
    [
      [1, "Pending"],
      [90, value],
    ],
  ];
  for (const empty of [0, ""])
    t.match(decodeProtobuf(body("v1", "Pod", [metadata, status(empty)])), { status: { phase: "Pending" } });
  for (const value of [1, "x"])
    t.throws(
      () => decodeProtobuf(body("v1", "Pod", [metadata, status(value)])),
      /PodStatus: field number 90 is not known/,
    );
});
