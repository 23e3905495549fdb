/** The second half of ./scripts/quickstart: a cluster on this host, nginx on it, and its page through a Service. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import axios from "axios";
import type { Node, Service } from "#api/generated/types.js";
import { BERTH } from "#scripts/berth-command.js";
import { imageFile } from "#scripts/lab/images.js";
import { findKubectl } from "#scripts/lab/kubectl.js";
import { step } from "#scripts/progress.js";
import { run, runAny } from "#scripts/run.js";
import { KUBECONFIG, reset, serverPid, startServer, stopServer, until } from "./server.js";

const MANIFEST = fileURLToPath(new URL("../../../scripts/first-run/nginx.yaml", import.meta.url));
const PULL_TIMEOUT_MS = 120_000;

async function kubectl(args: readonly string[]): Promise<string> {
  return run(await findKubectl(), args, { env: { ...process.env, KUBECONFIG } });
}

async function readyNode(): Promise<Node | undefined> {
  const { code, stdout } = await runAny(await findKubectl(), ["get", "nodes", "-o", "json"], {
    env: { ...process.env, KUBECONFIG },
  });
  if (code !== 0) return undefined;
  const nodes = JSON.parse(stdout).items as Node[];
  return nodes.find((n) => n.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True"));
}

/** nginx:latest in the engine: there already, pulled, or made from Debian's packages where no registry answers. */
async function ensureImage(): Promise<string> {
  if ((await runAny("docker", ["image", "inspect", "nginx:latest"])).code === 0) return "is there";
  const pull = await runAny("docker", ["pull", "--quiet", "nginx:latest"], { timeoutMs: PULL_TIMEOUT_MS }).catch(
    (error: Error) => ({ code: 1, stderr: error.message }),
  );
  if (pull.code === 0) return "pulled";
  await run("docker", ["load", "--quiet", "--input", await imageFile("nginx")]);
  return "made from Debian's packages (no registry answered)";
}

async function fetchPage(url: string): Promise<string> {
  const fetch = async () => {
    const answer = await axios
      .get(url, { timeout: 1000, proxy: false, validateStatus: () => true })
      .catch(() => undefined);
    return answer?.status === 200 && /<title>/i.test(answer.data) ? (answer.data as string) : undefined;
  };
  const page = await until(`a page from ${url}`, 10_000, fetch);
  return page.match(/<title>(.*?)<\/title>/i)?.[1] ?? "";
}

async function up(): Promise<void> {
  await step("berth server, its node Ready", async () => {
    if (serverPid() === undefined) startServer();
    await until("a Ready node", 60_000, async () => (existsSync(KUBECONFIG) ? readyNode() : undefined));
  });
  await step("image nginx:latest", ensureImage, (how) => how);
  await step("nginx deployed, 3 replicas ready", async () => {
    await kubectl(["apply", "-f", MANIFEST]);
    await kubectl(["rollout", "status", "deployment/web", "--timeout=120s"]);
  });
  const service = JSON.parse(await kubectl(["get", "service", "web", "-o", "json"])) as Service;
  const port = service.spec.ports?.[0];
  const address = (await readyNode())?.status?.addresses?.find((a) => a.type === "InternalIP")?.address;
  const clusterUrl = `http://${service.spec.clusterIP}:${port?.port}/`;
  const nodeUrl = `http://${address}:${port?.nodePort}/`;
  await step(
    `page through the ClusterIP, ${clusterUrl}`,
    () => fetchPage(clusterUrl),
    (title) => `"${title}"`,
  );
  await step(
    `page through the NodePort, ${nodeUrl}`,
    () => fetchPage(nodeUrl),
    (title) => `"${title}"`,
  );
  process.stdout.write(`
${await kubectl(["get", "nodes", "-o", "wide"])}
${await kubectl(["get", "pods", "-o", "wide"])}
URL         ${nodeUrl}
kubeconfig  ${KUBECONFIG}

Try next:
  export KUBECONFIG=${KUBECONFIG}
  kubectl scale deployment web --replicas=5 && kubectl get pods -w
  kubectl exec -it deploy/web -- sh
  ${BERTH} lab up --nodes 2        # several real nodes on this machine
Remove everything again: ./scripts/quickstart down
`);
}

async function down(): Promise<void> {
  await step("server stopped", stopServer);
  await step("containers, networks, rules and state removed", reset);
}

try {
  await (process.argv[2] === "down" ? down() : up());
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
