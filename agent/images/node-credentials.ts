/** Credentials that the node has for all its Pods, in Docker's own files. */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Logger } from "pino";
import { ifPresent } from "../host/if-present.js";
import { BrokenDockerConfig, namesCredentialHelpers, parseDockerConfig, type RegistryEntry } from "./docker-config.js";

export interface ConfigSurroundings {
  /** The agent's own folder, in the place of a kubelet's /var/lib/kubelet. */
  dataDir: string;
  workingDir: string;
  home?: string;
  /** DOCKER_CONFIG: the folder that Docker's client takes in the place of `~/.docker`. */
  dockerConfig?: string;
}

/**
 * Where a kubelet looks, in its order, and before the home folder where Docker's client was told to keep its file.
 * https://kubernetes.io/docs/concepts/containers/images/#configuring-nodes-to-authenticate-to-a-private-registry
 */
export function dockerConfigPlaces({ dataDir, workingDir, home, dockerConfig }: ConfigSurroundings): string[] {
  const folders = [dataDir, workingDir];
  const dotDocker = [dockerConfig, home && join(home, ".docker"), "/.docker"];
  const legacy = [...folders, home, "/"];
  const named = (list: readonly (string | undefined)[], name: string) =>
    list.flatMap((folder) => (folder ? [join(folder, name)] : []));
  return [...new Set([...named([...folders, ...dotDocker], "config.json"), ...named(legacy, ".dockercfg")])];
}

export class NodeCredentials {
  readonly #told = new Set<string>();

  constructor(
    private readonly places: readonly string[],
    private readonly logger: Logger,
  ) {}

  /**
   * What the first of the files that holds credentials says. Read anew each time: a login on the node counts from the
   * next pull on. A file that cannot be read or understood is told once, by its path, and passed over.
   */
  async entries(): Promise<RegistryEntry[]> {
    for (const path of this.places) {
      const entries = await this.#read(path);
      if (entries.length > 0) return entries;
    }
    return [];
  }

  async #read(path: string): Promise<RegistryEntry[]> {
    try {
      const text = await ifPresent(readFile(path, "utf8"));
      if (text === undefined) return [];
      const form = basename(path) === ".dockercfg" ? ".dockercfg" : "config.json";
      const entries = parseDockerConfig(text, form);
      if (form === "config.json" && namesCredentialHelpers(text))
        this.#tell(path, "its credsStore and credHelpers are not used: only what stands in auths");
      return entries;
    } catch (error) {
      const broken = error instanceof BrokenDockerConfig;
      const { code = "" } = error as NodeJS.ErrnoException;
      this.#tell(path, broken ? (error as Error).message : `it cannot be read (${code})`);
      return [];
    }
  }

  #tell(path: string, what: string): void {
    if (this.#told.has(`${path} ${what}`)) return;
    this.#told.add(`${path} ${what}`);
    this.logger.warn({ path }, `credentials for registries: ${what}`);
  }
}
