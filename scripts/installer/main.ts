/** The second half of ./scripts/install: looks whether Berth can be on this machine, and puts it there. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { CommanderError } from "commander";
import { createToken } from "#controlplane/commands/token-create.js";
import { step } from "#scripts/progress.js";
import { run } from "#scripts/run.js";
import { check, settingsOf } from "./check.js";
import { type Firewall, findFirewall, type OpenPort, portsOf } from "./firewall.js";
import { readOptions, writeOptions } from "./options.js";
import { DATA, JOIN_ENVIRONMENT, KUBECONFIG, OPENED_PORTS, type Part, TREE } from "./paths.js";
import { nodeReady, serverReady } from "./ready.js";
import { findServices, type Services } from "./services.js";
import { copyTree } from "./tree.js";
import { parseWish, type Wish } from "./wish.js";

const OWN_TOKEN_SECONDS = 3600;
const TOKEN_SECONDS = 86_400;
/** Usually; connections to them are forwarded to Pods, so that no firewall for the host itself asks. */
const INGRESS_PORTS = "80/tcp, 443/tcp";

async function install(wish: Wish): Promise<void> {
  const { role, options, server } = wish;
  const settings = await settingsOf(wish);
  const services = findServices();
  mkdirSync(DATA, { recursive: true, mode: 0o700 });
  await step(
    `program in ${TREE}`,
    () => copyTree(role === "server"),
    (copied) => (copied ? "" : "is this version already"),
  );
  const parts = (["server", "agent"] as const).filter((part) => options[part]);
  for (const part of parts) writeOptions(part, options[part]!);
  await services.register(parts);
  if (options.server) await step("berth server", async () => serverReady(await services.restart("server")));
  if (options.agent) await startNode(wish, services);
  const [apiPort, vxlanPort] = [Number(new URL(server).port || 443), settings.vxlan?.port ?? 8472];
  const { kubeletPort } = wish;
  const ports = portsOf({ role, apiPort, kubeletPort, vxlanPort, nodePortRange: settings.nodePortRange });
  const firewall = await findFirewall(ports, settings.podCIDRs);
  if (firewall && wish.openPorts) await step(`ports opened in ${firewall.name}`, () => openPorts(firewall));
  await report(wish, services, ports, firewall);
}

async function startNode({ server, token, role }: Wish, services: Services): Promise<void> {
  const join = role === "server" ? await createToken(KUBECONFIG, OWN_TOKEN_SECONDS, Date.now()) : token;
  if (join) writeFileSync(JOIN_ENVIRONMENT, `BERTH_TOKEN=${join}\n`, { mode: 0o600 });
  const since = Date.now();
  await step(
    "node Ready:",
    async () => nodeReady(server, since, await services.restart("agent")),
    (name) => name,
  );
  rmSync(JOIN_ENVIRONMENT, { force: true });
}

async function openPorts({ open, close }: Firewall): Promise<void> {
  writeFileSync(OPENED_PORTS, close.map((command) => `${command.join(" ")}\n`).join(""), { mode: 0o600 });
  for (const [program, ...args] of open) await run(program!, args);
}

async function report(wish: Wish, services: Services, ports: readonly OpenPort[], firewall?: Firewall): Promise<void> {
  const { role, server, serverFlags, options, openPorts } = wish;
  const lines: string[] = [];
  if (role === "server") {
    const token = await createToken(KUBECONFIG, TOKEN_SECONDS, Date.now());
    lines.push(
      `kubeconfig  ${KUBECONFIG}`,
      `            export KUBECONFIG=${KUBECONFIG} && kubectl get nodes`,
      "",
      "Every other machine joins with this, in a clone of this repository (the token is good for 24 hours):",
      `  ./scripts/install agent --server ${server} --token ${token}`,
      "",
    );
  }
  lines.push("Ports others must reach on this machine:");
  for (const { port, protocol, why } of ports) lines.push(`  ${`${port}/${protocol}`.padEnd(15)} ${why}`);
  if (serverFlags?.ingress !== false && options.agent)
    lines.push(`  ${INGRESS_PORTS.padEnd(15)} Ingresses, where there are any`);
  if (firewall && !openPorts) {
    lines.push("", `${firewall.name} is active and must be told (or: this command again, with --open-ports):`);
    for (const command of firewall.open) lines.push(`  ${command.join(" ")}`);
  }
  const logs = (Object.keys(options) as Part[]).map((part) => services.logCommand(part));
  lines.push("", `log         ${logs.join("; ")}`, `take it off ${TREE}/scripts/install uninstall`);
  if (services.notice) lines.push("", services.notice);
  process.stdout.write(`\n${lines.join("\n")}\n`);
}

const UNFINISHED = "Once that is mended, run this again; or take off what is there: ./scripts/install uninstall";

const [phase, role, ...args] = process.argv.slice(2);
try {
  const wish = await parseWish(role as Part, args, readOptions, process.env.BERTH_TOKEN);
  await (phase === "check" ? check(wish) : install(wish));
} catch (error) {
  // Commander has told its errors.
  if (!(error instanceof CommanderError)) process.stderr.write(`  ${(error as Error).message}\n`);
  if (phase === "install") process.stderr.write(`${UNFINISHED}\n`);
  process.exitCode = 1;
}
