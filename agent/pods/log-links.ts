/**
 * Links to the engine's log files where log collectors of Kubernetes look for them:
 * `/var/log/pods/<namespace>_<pod>_<uid>/<container>/<attempt>.log` leads to the engine's file, and
 * `/var/log/containers/<pod>_<namespace>_<container>-<id>.log` to that link. The engine rotates below the same name, so they
 * stay good. Nothing is ever read through them: a Pod that mounts /var/log and puts a link of its own there sends nobody
 * anywhere, and no link of it is followed out of that folder when ours are made or removed.
 * https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-location-node
 */
import { readdir, readlink, rm, rmdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent } from "../host/if-present.js";
import type { ContainerState } from "../runtime/runtime.js";
import { handlePath, openInside } from "../volumes/open-inside.js";

/** Where log collectors look. */
export const LOG_FOLDER = "/var/log";

const PODS = "pods";
const CONTAINERS = "containers";

export class LogLinks {
  /** @param root "/var/log" */
  constructor(private readonly root: string) {}

  /** Whatever else has taken the links' places goes. */
  async add(container: ContainerState): Promise<void> {
    const { logPath } = container;
    if (!logPath) return;
    const folder = join(PODS, folderName(container), container.name);
    const file = `${container.attempt}.log`;
    await this.#in(folder, (path) => linkTo(logPath, join(path, file)));
    await this.#in(CONTAINERS, (path) => linkTo(join(this.root, folder, file), join(path, fileName(container))));
  }

  async remove(container: ContainerState): Promise<void> {
    const folder = join(PODS, folderName(container), container.name);
    await this.#in(folder, (path) => rm(join(path, `${container.attempt}.log`), { recursive: true, force: true }));
    await this.#in(CONTAINERS, (path) => rm(join(path, fileName(container)), { recursive: true, force: true }));
  }

  /** Removes everything of a Pod, also links whose containers are not known any more. */
  async removePod(uid: string): Promise<void> {
    for (const folder of await this.#list(PODS)) {
      if (!folder.endsWith(`_${uid}`)) continue;
      const [namespace, pod] = folder.split("_");
      const target = join(this.root, PODS, folder, "/");
      for (const name of await this.#list(CONTAINERS)) {
        if (!name.startsWith(`${pod}_${namespace}_`)) continue;
        await this.#in(CONTAINERS, (path) => removeLinkInto(target, join(path, name)));
      }
      await this.#in(PODS, (path) => rm(join(path, folder), { recursive: true, force: true }));
    }
  }

  /** Removes the two folders if nothing is left in them. */
  async removeEmptyFolders(): Promise<void> {
    for (const folder of [PODS, CONTAINERS])
      if ((await ifPresent(readdir(join(this.root, folder))))?.length === 0) await rmdir(join(this.root, folder));
  }

  async #list(folder: string): Promise<string[]> {
    return (await ifPresent(readdir(join(this.root, folder)))) ?? [];
  }

  /** Does something in a folder below the root, which is made if it is not there. */
  async #in(folder: string, act: (path: string) => Promise<void>): Promise<void> {
    const handle = await openInside(this.root, folder);
    try {
      await act(handlePath(handle));
    } finally {
      await handle.close();
    }
  }
}

const folderName = ({ pod }: ContainerState) => `${pod.namespace}_${pod.name}_${pod.uid}`;

const fileName = ({ pod, name, id }: ContainerState) => `${pod.name}_${pod.namespace}_${name}-${id}.log`;

async function linkTo(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if ((await linkTarget(path)) === target) return;
    await rm(path, { recursive: true, force: true });
    await symlink(target, path);
  }
}

/** Undefined for what is not there, or no link. */
async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await ifPresent(readlink(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EINVAL") return undefined;
    throw error;
  }
}

async function removeLinkInto(folder: string, path: string): Promise<void> {
  const target = await linkTarget(path);
  if (target?.startsWith(folder)) await rm(path, { force: true });
}
