import type { ImageInspectInfo } from "dockerode";
import { type ImageInfo, type RegistryAuth, RuntimeError } from "../runtime.js";
import { call, callOrUndefined, callUnless, type Engine } from "./engine.js";

const PULL_PATIENCE = 600_000;

/**
 * Fetches an image. @param image a full reference with tag or digest
 * @throws RuntimeError with the registry's or the engine's words, also when it fails halfway
 */
export async function pullImage(engine: Engine, image: string, auth?: RegistryAuth): Promise<ImageInfo> {
  const authconfig = auth && {
    username: auth.username,
    password: auth.password,
    serveraddress: auth.serverAddress,
  };
  // The engine begins to answer when the registry has.
  const progress = await call(() => engine.docker.pull(image, { authconfig }), PULL_PATIENCE);
  await new Promise<void>((resolve, reject) => {
    engine.docker.modem.followProgress(progress, (error: Error | null, output: { error?: string }[]) => {
      const failure = error?.message ?? output?.find((line) => line.error)?.error;
      if (failure) reject(new RuntimeError(failure));
      else resolve();
    });
  });
  const info = await inspectImage(engine, image);
  if (!info) throw new RuntimeError(`image ${image} is not there after its pull`);
  return info;
}

export async function inspectImage(engine: Engine, image: string): Promise<ImageInfo | undefined> {
  const found = await callOrUndefined(() => engine.docker.getImage(image).inspect());
  return found && infoOf(found);
}

export async function listImages(engine: Engine): Promise<ImageInfo[]> {
  const found = await call(() => engine.docker.listImages());
  return found.map((item) => ({
    id: item.Id,
    tags: named(item.RepoTags),
    digests: named(item.RepoDigests),
    size: item.Size,
    user: "",
  }));
}

export async function removeImage(engine: Engine, image: string): Promise<void> {
  await callUnless([404], () => engine.docker.getImage(image).remove());
}

export async function imagesInUse(engine: Engine): Promise<ReadonlySet<string>> {
  const containers = await call(() => engine.docker.listContainers({ all: true }));
  return new Set(containers.map(({ ImageID }) => ImageID));
}

function infoOf(found: ImageInspectInfo): ImageInfo {
  return {
    id: found.Id,
    tags: named(found.RepoTags),
    digests: named(found.RepoDigests),
    size: found.Size,
    user: found.Config?.User ?? "",
  };
}

/** Without the engine's placeholder for images that have no name. */
function named(references: readonly string[] | undefined | null): string[] {
  return (references ?? []).filter((reference) => !reference.startsWith("<none>"));
}
