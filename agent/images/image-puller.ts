import type { Clock } from "#client/clock.js";
import { type ImageInfo, type RegistryAuth, type Runtime, RuntimeError } from "../runtime/runtime.js";

export interface FinishedPull {
  image: ImageInfo;
  /** Milliseconds of the pull itself, and with the time it waited for its turn. */
  pulling: number;
  waiting: number;
}

/** Pulls images, a few at a time; whoever wants an image that is being pulled with the same credentials shares the pull. */
export class ImagePuller {
  readonly #pulls = new Map<string, Promise<FinishedPull>>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(
    private readonly runtime: Runtime,
    private readonly clock: Clock,
    private readonly parallel: number,
  ) {}

  /** Tries the credentials in order, or none when there are none. @throws RuntimeError of the last try */
  pull(image: string, credentials: readonly RegistryAuth[]): Promise<FinishedPull> {
    const key = JSON.stringify([image, credentials]);
    const running = this.#pulls.get(key);
    if (running) return running;
    const pull = this.#pullInTurn(image, credentials).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    return pull;
  }

  async #pullInTurn(image: string, credentials: readonly RegistryAuth[]): Promise<FinishedPull> {
    const asked = this.clock.monotonic();
    if (this.#running >= this.parallel) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running++;
    const began = this.clock.monotonic();
    try {
      const info = await this.#tryEach(image, credentials);
      const ended = this.clock.monotonic();
      return { image: info, pulling: ended - began, waiting: ended - asked };
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }

  async #tryEach(image: string, credentials: readonly RegistryAuth[]): Promise<ImageInfo> {
    let failure: unknown = new RuntimeError(`no credentials for ${image}`);
    for (const auth of credentials.length > 0 ? credentials : [undefined]) {
      try {
        return await this.runtime.pullImage(image, auth);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}
