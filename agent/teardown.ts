import type { Logger } from "pino";

export interface Stoppable {
  stop(): Promise<void> | void;
}

/** What was started, to be stopped in the opposite order; a part that fails to stop does not keep the others. */
export class Teardown {
  readonly #parts: { name: string; part: Stoppable }[] = [];

  constructor(private readonly logger: Logger) {}

  add<T extends Stoppable>(name: string, part: T): T {
    this.#parts.push({ name, part });
    return part;
  }

  async run(): Promise<void> {
    for (const { name, part } of this.#parts.splice(0).reverse()) {
      try {
        await part.stop();
      } catch (error) {
        this.logger.error({ err: error }, `${name} did not stop cleanly`);
      }
    }
  }
}
