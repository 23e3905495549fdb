import t from "tap";
import { firewalld, portsOf, ufw } from "#scripts/installer/firewall.js";

const choice = { apiPort: 6443, kubeletPort: 10250, vxlanPort: 8472, nodePortRange: [30000, 32767] as const };
const named = (ports: ReturnType<typeof portsOf>) => ports.map(({ port, protocol }) => `${port}/${protocol}`);
const lines = (commands: readonly string[][]) => commands.map((command) => command.join(" "));

t.test("which ports others must reach", async (t) => {
  const node = ["10250/tcp", "8472/udp", "30000-32767/tcp", "30000-32767/udp"];
  t.same(named(portsOf({ ...choice, role: "server" })), ["6443/tcp", ...node]);
  t.same(named(portsOf({ ...choice, role: "agent" })), node);
  t.same(named(portsOf({ ...choice, role: "server", kubeletPort: 0 })), ["6443/tcp"]);
});

t.test("ufw is told in its words, and can be told the opposite", async (t) => {
  const { open, close } = ufw(portsOf({ ...choice, role: "server" }));
  for (const command of [
    "ufw allow 6443/tcp",
    "ufw allow 30000:32767/udp",
    "ufw allow in on berth0",
    "ufw route allow out on berth0",
  ])
    t.ok(lines(open).includes(command), command);
  t.same(
    lines(close),
    lines(open).map((command) => command.replace(" allow", " delete allow")),
  );
});

t.test("firewalld is told in its words, and can be told the opposite", async (t) => {
  const { open, close } = firewalld(portsOf({ ...choice, role: "agent" }), ["10.244.0.0/16"]);
  for (const command of [
    "firewall-cmd --permanent --add-port=8472/udp",
    "firewall-cmd --permanent --zone=trusted --add-interface=berth0",
    "firewall-cmd --permanent --zone=trusted --add-source=10.244.0.0/16",
  ])
    t.ok(lines(open).includes(command), command);
  t.equal(lines(open).at(-1), "firewall-cmd --reload");
  t.same(
    lines(close),
    lines(open).map((command) => command.replace("--add-", "--remove-")),
  );
});
