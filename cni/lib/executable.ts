/** A plugin as a program, and other plugins as programs. */
import { accessSync, constants, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tryCommand } from "./command.js";
import { CniCode, CniError, type CniErrorBody } from "./error.js";
import { type Delegate, invokePlugin, type Plugin } from "./plugin.js";
import { CURRENT_VERSION } from "./version.js";

/** @returns the path of the first executable of that name, or undefined */
export function findPlugin(type: string, directories: readonly string[]): string | undefined {
  if (type === "" || type.includes("/")) return undefined;
  return directories
    .filter(Boolean)
    .map((directory) => join(directory, type))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") return false;
        throw error;
      }
    });
}

/**
 * Runs a plugin binary.
 * @returns its result, or undefined when it prints none
 * @throws CniError the plugin's own, or `failed` with what it wrote to stderr
 */
export async function execPlugin(
  path: string,
  env: Record<string, string>,
  stdin: string,
  timeoutMillis?: number,
): Promise<object | undefined> {
  const { code, stdout, stderr } = await tryCommand(path, [], { input: stdin, env, timeoutMillis });
  let answer: object | undefined;
  try {
    answer = stdout.trim() ? (JSON.parse(stdout) as object) : undefined;
  } catch {
    throw new CniError(CniCode.failed, `${path} printed no JSON (exit code ${code})`, `${stdout}${stderr}`.trim());
  }
  if (code === 0) return answer;
  const body = answer as Partial<CniErrorBody> | undefined;
  if (body?.msg) throw new CniError(body.code ?? CniCode.failed, body.msg, body.details);
  throw new CniError(CniCode.failed, `${path} failed with exit code ${code}`, stderr.trim());
}

/** Looks for delegates in CNI_PATH, as every plugin binary does. */
const delegateByPath: Delegate = (type, env, stdin) => {
  const path = findPlugin(type, (env["CNI_PATH"] ?? "").split(":"));
  if (!path) throw new CniError(CniCode.failed, `failed to find plugin "${type}" in path [${env["CNI_PATH"] ?? ""}]`);
  return execPlugin(path, { PATH: process.env["PATH"] ?? "", ...env }, stdin);
};

/** Only our own variables reach a delegate. */
function cniVariables(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith("CNI_")));
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Serves one call when the module is the program that was started; does nothing when it was imported. */
export async function runAsExecutable(plugin: Plugin, moduleUrl: string): Promise<void> {
  const started = process.argv[1];
  if (!started || realpathSync(started) !== fileURLToPath(moduleUrl)) return;
  if (!process.env["CNI_COMMAND"]) {
    process.stderr.write(`CNI plugin ${plugin.type}, to be run by a container runtime; see cni/README.md\n`);
  }
  let version = CURRENT_VERSION;
  try {
    const stdin = process.env["CNI_COMMAND"] === "VERSION" ? "" : await readStdin();
    version = stdin.match(/"cniVersion"\s*:\s*"([\d.]+)"/)?.[1] ?? version;
    const answer = await invokePlugin(plugin, cniVariables(process.env), stdin, delegateByPath);
    if (answer) process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify(CniError.from(error).toBody(version), null, 2)}\n`);
    process.exitCode = 1;
  }
}
