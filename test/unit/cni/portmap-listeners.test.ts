import t from "tap";
import { parseListeners, refuseTaken } from "#cni/portmap/listeners.js";

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const TCP = `${head}   0: 0100007F:2808 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 00000000:280A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0B00590A:1F90 0C00590A:C350 01 00000000:00000000 00:00000000 00000000     0        0 3 1
`;
const TCP6 = `${head}   0: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 1 1
   1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 2 1
`;
const UDP = `${head}   0: 0B00590A:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2
`;

const listeners = [
  ...parseListeners(TCP, "tcp", 4),
  ...parseListeners(TCP6, "tcp", 6),
  ...parseListeners(UDP, "udp", 4),
];

t.test("sockets that listen, not those that are connected", async (t) => {
  t.same(listeners, [
    { protocol: "tcp", family: 4, port: 10248, address: "127.0.0.1" },
    { protocol: "tcp", family: 4, port: 10250, address: "" },
    { protocol: "tcp", family: 6, port: 53, address: "::1" },
    { protocol: "tcp", family: 6, port: 80, address: "" },
    { protocol: "udp", family: 4, port: 68, address: "10.89.0.11" },
  ]);
});

t.test("refused is what a second listener would be refused", async (t) => {
  const cases: [hostIP: string, hostPort: number, protocol: string, refused: boolean][] = [
    ["", 10250, "tcp", true],
    ["10.89.0.11", 10250, "tcp", true],
    ["", 10250, "udp", false],
    ["", 8080, "tcp", false],
    ["0.0.0.0", 10248, "tcp", true],
    ["10.89.0.11", 10248, "tcp", false],
    ["127.0.0.1", 10248, "tcp", true],
    ["", 80, "tcp", true],
    ["", 53, "tcp", false],
    ["::1", 53, "tcp", true],
    ["", 68, "udp", true],
  ];
  for (const [hostIP, hostPort, protocol, refused] of cases) {
    const conf = { snat: true, mappings: [{ hostIP, hostPort, containerPort: 80, protocol }] };
    const title = `${hostIP || "any"}:${hostPort}/${protocol}`;
    const message = `host port ${/^(|0\.0\.0\.0)$/.test(hostIP) ? "" : `${hostIP}:`}${hostPort}/${protocol} is in use by a process of the host`;
    if (refused) t.throws(() => refuseTaken(conf, listeners), { message }, title);
    else t.doesNotThrow(() => refuseTaken(conf, listeners), title);
  }
});
