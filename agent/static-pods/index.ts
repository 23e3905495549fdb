/** The node's own Pods: from files, with or without an API, and shown there by mirrors. */
import type { Pod } from "#api/generated/types.js";
import type { Client } from "#client/client.js";
import { type FolderOptions, ManifestFolder } from "./manifest-folder.js";
import { MirrorPods } from "./mirror-pods.js";

export class StaticPods {
  readonly mirrors: MirrorPods;
  readonly #folder: ManifestFolder;

  constructor(options: FolderOptions & { client: Client }) {
    this.#folder = new ManifestFolder(options);
    this.mirrors = new MirrorPods(options);
  }

  list(): Pod[] {
    return this.#folder.list();
  }

  /** Reads the folder, and calls from then on when something in it is different. */
  async start(onChange: () => void): Promise<void> {
    await this.#folder.read();
    this.#folder.follow(onChange);
  }

  /** The Pod in the API that stands for this one: itself, or its mirror, if there is one. */
  inApi(pod: Pod): Pod | undefined {
    const { uid } = pod.metadata;
    return this.list().some(({ metadata }) => metadata.uid === uid) ? this.mirrors.of(uid) : pod;
  }

  stop(): void {
    this.#folder.stop();
    this.mirrors.stop();
  }
}
