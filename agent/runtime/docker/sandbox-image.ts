/** The image of the sandbox container, made on the spot: it needs no registry. */
import { Readable } from "node:stream";
import type Docker from "dockerode";
import { RuntimeError } from "../runtime.js";
import { call, callOrUndefined, type Engine } from "./engine.js";
import { type PauseArchitecture, pauseProgram } from "./pause-program.js";
import { singleFileTar } from "./single-file-tar.js";

/** The tag rises when the program changes. */
export const DEFAULT_SANDBOX_IMAGE = "berth/pause:1";

/** Makes the default sandbox image when the engine has none; another image must be there already or is pulled. */
export async function ensureSandboxImage(engine: Pick<Engine, "docker" | "sandboxImage">): Promise<void> {
  const { docker, sandboxImage } = engine;
  if (await callOrUndefined(() => docker.getImage(sandboxImage).inspect())) return;
  if (sandboxImage !== DEFAULT_SANDBOX_IMAGE) return pullSandboxImage(docker, sandboxImage);
  const archive = singleFileTar("pause", pauseProgram(architecture()));
  const [repo, tag] = sandboxImage.split(":");
  const changes = ['ENTRYPOINT ["/pause"]', "LABEL io.berth.image=pause"];
  const options = { fromSrc: "-", repo, tag, changes, message: "Berth sandbox" };
  await call(async () => drain(docker, await docker.importImage(Readable.from([archive]), options)));
}

async function pullSandboxImage(docker: Docker, image: string): Promise<void> {
  await call(async () => drain(docker, await docker.pull(image)));
}

function architecture(): PauseArchitecture {
  const { arch } = process;
  if (arch !== "x64" && arch !== "arm64")
    throw new RuntimeError(`no sandbox program for ${arch}: name an image with --sandbox-image`);
  return arch;
}

/** The engine reports failures of these calls inside the progress stream. */
async function drain(docker: Docker, progress: NodeJS.ReadableStream): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error: Error | null, output: { error?: string }[]) => {
      const failure = error?.message ?? output?.find((line) => line.error)?.error;
      if (failure) reject(new RuntimeError(failure));
      else resolve();
    });
  });
}
