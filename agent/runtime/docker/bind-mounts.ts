import type { MountSettings } from "dockerode";
import { mountPoints } from "../../volumes/mount-points.js";
import { type ContainerMount, RuntimeError } from "../runtime.js";
import { compareApiVersions, type Engine } from "./engine.js";

/** From this API on (Docker 25) the engine knows whether what is mounted below a read-only mount is read-only too. */
const RECURSIVE_API = "1.44";

/** What the types of dockerode do not know yet. */
interface BindOptions {
  Propagation?: NonNullable<MountSettings["BindOptions"]>["Propagation"];
  ReadOnlyNonRecursive?: boolean;
  ReadOnlyForceRecursive?: boolean;
}

/**
 * The mounts of a container in the engine's words: "Mounts", whose paths may have any character in them, unlike "Binds".
 * @throws RuntimeError when one is to be read-only all through and this engine cannot do that
 */
export async function bindMounts(engine: Engine, mounts: readonly ContainerMount[]): Promise<MountSettings[]> {
  const { version = "" } = engine.docker.modem as { version?: string };
  const knowsRecursion = compareApiVersions(version.replace(/^v/, ""), RECURSIVE_API) >= 0;
  if (!knowsRecursion) await refuseRecursion(mounts);
  return mounts.map((mount) => bindMount(mount, knowsRecursion));
}

export function bindMount(mount: ContainerMount, knowsRecursion: boolean): MountSettings {
  const { hostPath, containerPath, readOnly, recursiveReadOnly = "Disabled", propagation = "private" } = mount;
  const options: BindOptions = {};
  // Not named it is private, except where the engine's own folder is below the source ("/"): there it must be "rslave".
  if (propagation !== "private") options.Propagation = propagation;
  if (readOnly && knowsRecursion) {
    options.ReadOnlyNonRecursive = recursiveReadOnly === "Disabled";
    options.ReadOnlyForceRecursive = recursiveReadOnly === "Enabled";
    if (recursiveReadOnly === "Enabled") options.Propagation = "rprivate"; // the engine insists
  }
  return {
    Type: "bind",
    Source: hostPath,
    Target: containerPath,
    ReadOnly: readOnly,
    BindOptions: options as MountSettings["BindOptions"],
  };
}

/** A mount in which nothing else is mounted is read-only all through with any engine. */
async function refuseRecursion(mounts: readonly ContainerMount[]): Promise<void> {
  const strict = mounts.filter(({ recursiveReadOnly }) => recursiveReadOnly === "Enabled");
  if (strict.length === 0) return;
  const points = await mountPoints();
  for (const { hostPath, containerPath } of strict) {
    const below = points.find((point) => point.startsWith(hostPath === "/" ? "/" : `${hostPath}/`));
    if (below)
      throw new RuntimeError(
        `volumeMount ${containerPath}: recursiveReadOnly is not supported by this engine (Docker 25 or newer is needed): ${below} is mounted in it`,
      );
  }
}
