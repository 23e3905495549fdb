/** The `berth lab` commands. */
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { runInherited } from "#scripts/run.js";
import { labDown } from "./down.js";
import { addFaultCommands } from "./fault-command.js";
import { loadImage } from "./images.js";
import { kubectlInherited } from "./kubectl.js";
import { parseInits } from "./machine.js";
import { enterArgs } from "./namespaces.js";
import { addPowerCommands, asProcess } from "./power-command.js";
import { logFile } from "./processes.js";
import { defaultLabRoot, type Lab, type LabNode, type LabTimers, loadLab, requireLab } from "./state.js";
import { labStatus, renderStatus } from "./status.js";
import { labUp } from "./up.js";

const DEFAULT_NAME = "lab";
const INSTALL = fileURLToPath(new URL("../../../scripts/install", import.meta.url));

const examples = `
Examples:
  berth lab up --nodes 2                         two nodes, each with its own Docker engine and network
  berth lab up --nodes 3 --segments 2            two networks with a router between: pods reach each other by VXLAN
  berth lab up --vm --nodes 2                    two machines with nothing on them, for ./scripts/install
  berth lab kubectl get nodes -o wide            kubectl against the lab
  berth lab exec node-1 -- nft list ruleset      a program on a node
  berth lab docker node-1 ps                     docker on a node
  berth lab image all my-app.tar                 load an image (docker save) on every node
  berth lab kill node-1 agent                    kill -9 a part; without a part, pull the plug of the whole node
  berth lab start node-1                         what is off of it comes back; berth lab restart: the whole lab
  berth lab partition node-1 node-2              cut a link; berth lab loss node-1 --percent 20; berth lab heal
  berth lab down                                 remove every trace`;

/** A node with a Docker engine. */
function withEngine(lab: Lab, name: string): LabNode {
  const node = lab.node(name);
  if (node.role !== "server") return node;
  throw new Error(`${name} has no Docker engine: use ${lab.workers.map((worker) => worker.name).join(" or ")}`);
}

function asTimers(text: string): LabTimers {
  if (text === "quick" || text === "kubernetes") return text;
  throw new Error(`--timers ${text}: use quick or kubernetes`);
}

function addLifecycle(lab: Command, find: () => Promise<Lab>): void {
  lab
    .command("up")
    .description("make a lab, or bring it back to life")
    .option("--vm [init]", "machines with nothing on them but systemd or sysv, to install Berth on as on any other")
    .option("--nodes <n>", "number of nodes (default: 2, or what the lab has); a greater number adds some")
    .option("--segments <how>", "networks with a router between: a count, or groups as in node-1,node-2/node-3")
    .option("--api-port <port>", "port on 127.0.0.1 for the API; 0 picks a free one", "0")
    .option("--images <names>", "images to make and load, comma separated", "nginx,busybox")
    .option("--no-images", "load no images")
    .option("--timers <pace>", "quick: a dead node is missed in 4 s; kubernetes: as there", "quick")
    .action(async (options) => {
      const { name, dir } = lab.opts();
      const images = options.images ? options.images.split(",").filter(Boolean) : [];
      const up = await labUp({
        name,
        root: dir,
        nodes: options.nodes === undefined ? undefined : Number(options.nodes),
        apiPort: Number(options.apiPort),
        segments: options.segments,
        images,
        timers: asTimers(options.timers),
        vm: options.vm && parseInits(options.vm === true ? "" : options.vm),
      });
      process.stdout.write(renderStatus(await labStatus(up)));
      const which = [name === DEFAULT_NAME ? "" : ` --name ${name}`, dir === defaultLabRoot() ? "" : ` --dir ${dir}`];
      const attempt = up.blank ? `exec ${up.workers[0]!.name} -- ${INSTALL} server` : "kubectl get nodes";
      process.stdout.write(`try: npx berth lab${which.join("")} ${attempt}\n`);
    });
  lab
    .command("down")
    .description("remove every trace of the lab")
    .action(async () => {
      const { name, dir } = lab.opts();
      const found = await loadLab(dir, name);
      if (found) await labDown(found);
      else process.stdout.write(`no lab named ${name}: nothing to do\n`);
    });
  lab
    .command("status")
    .description("names, addresses, namespaces, sockets and process ids")
    .option("--json", "as JSON")
    .action(async (options) => {
      const status = await labStatus(await find());
      process.stdout.write(options.json ? `${JSON.stringify(status, null, 2)}\n` : renderStatus(status));
    });
}

function addNodeCommands(lab: Command, find: () => Promise<Lab>): void {
  lab
    .command("image <node> <file>")
    .description("load an image archive on one node, or on all")
    .action(async (name: string, file: string) => {
      const found = await find();
      const nodes = name === "all" ? found.workers : [withEngine(found, name)];
      await Promise.all(nodes.map((node) => loadImage(found, node, file)));
    });
  lab
    .command("logs <node> <process>")
    .description("print the log of a process of a node")
    .action(async (name: string, part: string) => {
      const found = await find();
      const node = found.node(name);
      process.exitCode = await runInherited("cat", [logFile(found, node, asProcess(node, part))]);
    });
}

function addPassThrough(lab: Command, find: () => Promise<Lab>): void {
  lab
    .command("kubectl [args...]")
    .description("run kubectl against the lab")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (args: string[]) => {
      process.exitCode = await kubectlInherited(await find(), args);
    });
  lab
    .command("exec <node> [command...]")
    .description("run a program on a node: in its network and mount namespace")
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (name: string, command: string[]) => {
      const found = await find();
      if (command[0] === "--") command.shift();
      if (command.length === 0) command.push(process.env.SHELL ?? "/bin/sh");
      process.exitCode = await runInherited("nsenter", [...enterArgs(found, found.node(name)), ...command]);
    });
  lab
    .command("docker <node> [args...]")
    .description("run docker against the engine of a node")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (name: string, args: string[]) => {
      const found = await find();
      const socket = `unix://${found.dockerSocket(withEngine(found, name))}`;
      process.exitCode = await runInherited("docker", ["-H", socket, ...args]);
    });
}

export function addLabCommand(program: Command): void {
  const lab = program
    .command("lab")
    .description("a cluster of several real nodes on this machine")
    .option("--name <name>", "name of the lab", DEFAULT_NAME)
    .option("--dir <folder>", "where labs keep their files", defaultLabRoot())
    .enablePositionalOptions()
    .addHelpText("after", examples);
  const find = () => requireLab(lab.opts().dir, lab.opts().name);
  addLifecycle(lab, find);
  addNodeCommands(lab, find);
  addPowerCommands(lab, find);
  addFaultCommands(lab, find);
  addPassThrough(lab, find);
}
