import type { Clock } from "#client/clock.js";
import { type ImageInfo, type RegistryAuth, type Runtime, RuntimeError } from "../runtime/runtime.js";

export interface FinishedPull {
  image: ImageInfo;
  /** Milliseconds of the pull itself, and with the time it waited for its turn. */
  pulling: number;
  waiting: number;
  /** The engine did not have it under this name before. */
  isNew: boolean;
  /** With which it worked; absent: without any. */
  auth?: RegistryAuth;
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

  /** Tries the credentials in order, or none when there are none. @throws RuntimeError with what was said to each */
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
      const before = await this.runtime.inspectImage(image);
      const { info, auth } = await this.#tryEach(image, credentials);
      const ended = this.clock.monotonic();
      return { image: info, pulling: ended - began, waiting: ended - asked, isNew: info.id !== before?.id, auth };
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }

  async #tryEach(
    image: string,
    credentials: readonly RegistryAuth[],
  ): Promise<{ info: ImageInfo; auth?: RegistryAuth }> {
    const failures: RuntimeError[] = [];
    for (const auth of credentials.length > 0 ? credentials : [undefined]) {
      try {
        return { info: await this.runtime.pullImage(image, auth), auth };
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error;
        failures.push(error);
      }
    }
    const messages = [...new Set(failures.map(({ message }) => message))];
    throw new RuntimeError(messages.length === 1 ? messages.join() : `[${messages.join(", ")}]`, failures.at(-1)?.code);
  }
}
