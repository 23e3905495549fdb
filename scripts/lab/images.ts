import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "#scripts/run.js";
import type { Lab, LabNode } from "./state.js";

const makeImage = fileURLToPath(new URL("../../../scripts/images/make-image", import.meta.url));

/** The archive of one of the images we can make, made on first use and kept in the user's cache. */
export async function imageFile(name: string): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "berth");
  const file = join(cache, `${name}.tar`);
  if (!existsSync(file)) await run(makeImage, [name, file]);
  return file;
}

export async function loadImage(lab: Lab, node: LabNode, file: string): Promise<void> {
  await run("docker", ["-H", `unix://${lab.dockerSocket(node)}`, "load", "--quiet", "--input", file]);
}
