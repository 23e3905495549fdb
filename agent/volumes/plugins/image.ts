import { createHash } from "node:crypto";
import { mkdir, readdir, readlink, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ifPresent } from "../../host/if-present.js";
import { makeFolders } from "../../host/make-folders.js";
import { exclusive } from "../exclusive.js";
import type { TearDownContext, VolumePlugin } from "../plugin.js";

/**
 * The file system of an image, to be read only. It is unpacked once for all Pods of the node and goes with the last one
 * that uses it; a Pod keeps what its first start found, though the image's name may mean another one by then.
 * https://kubernetes.io/docs/tasks/configure-pod-container/image-volumes/
 */
export const image: VolumePlugin = {
  name: "image",
  directoryName: "kubernetes.io~image",

  async setUp(volume, context) {
    const { directory, nodeDirectory } = context;
    const known = await ifPresent(readlink(directory));
    const id = known === undefined ? await context.image(volume.name, volume.image ?? {}) : undefined;
    const home = known ?? join(nodeDirectory, (id ?? "").replace(":", "-"));
    await exclusive(home, async () => {
      // First the link, by which a volume that is only half made is found and taken away.
      if (known === undefined) await link(home, directory);
      await makeFolders(join(home, "users"));
      await writeFile(userFile(home, directory), "");
      await unpackOnce(home, async (into) => context.unpackImage(id ?? idOf(home), into));
    });
    return { path: join(home, "files"), readOnly: true };
  },

  async tearDown(_volumeName, { directory }: TearDownContext) {
    const home = await ifPresent(readlink(directory));
    if (home === undefined) return;
    await exclusive(home, async () => {
      await rm(userFile(home, directory), { force: true });
      const users = (await ifPresent(readdir(join(home, "users")))) ?? [];
      if (users.length === 0) await rm(home, { recursive: true, force: true });
      await unlink(directory);
    });
  },
};

const idOf = (home: string) => (home.split("/").at(-1) ?? "").replace("-", ":");

/** Says that a Pod's volume uses the image. */
const userFile = (home: string, directory: string) =>
  join(home, "users", createHash("sha256").update(directory).digest("hex"));

async function link(home: string, directory: string): Promise<void> {
  await makeFolders(dirname(directory));
  await symlink(home, directory);
}

/** They are there completely or not at all. */
async function unpackOnce(home: string, unpack: (into: string) => Promise<void>): Promise<void> {
  if ((await readdir(home)).includes("files")) return;
  const draft = join(home, "draft");
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft);
  await unpack(draft);
  await rename(draft, join(home, "files"));
}
