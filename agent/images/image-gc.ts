/**
 * Collects images when the engine's disk is nearly full: of those that this agent pulled and no container uses, the ones
 * that were not used for longest go first, until there is room again.
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-lifecycle
 */
import type { Logger } from "pino";
import type { Clock } from "#client/clock.js";
import { type ImageInfo, type Runtime, RuntimeError } from "../runtime/runtime.js";
import type { FileSystemUsage } from "../stats/disk-usage.js";
import type { ImageRecord, ImageRecords } from "./image-records.js";
import { canonicalReference, repositoryOf } from "./image-reference.js";

export interface ImageGcPolicy {
  /** Percent of the disk in use from which images are collected; 100 is never. */
  highThreshold: number;
  /** Percent of the disk in use at which collecting ends. */
  lowThreshold: number;
  /** Milliseconds; younger images are left alone. */
  minimumAge: number;
}

export const DEFAULT_IMAGE_GC: ImageGcPolicy = { highThreshold: 85, lowThreshold: 80, minimumAge: 120_000 };

/** What counts of the file system. */
export type DiskSpace = Pick<FileSystemUsage, "capacity" | "available">;

export interface ImageGcOptions {
  runtime: Pick<Runtime, "listImages" | "imagesInUse" | "removeImage">;
  records: ImageRecords;
  policy?: ImageGcPolicy;
  /** The file system that holds the images. */
  disk(): Promise<DiskSpace>;
  /** Ids of images that Pods are about to use. */
  wanted(): ReadonlySet<string>;
  /** Records an Event about the Node. */
  say(type: "Warning", reason: string, message: string): void;
  clock: Clock;
  logger: Logger;
  /** Milliseconds between two looks. */
  period?: number;
}

const PERIOD_MS = 5 * 60_000;
const CONFLICT = 409;

export class ImageGarbageCollector {
  readonly #policy: ImageGcPolicy;
  #failedBefore = false;
  #cancel: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(private readonly options: ImageGcOptions) {
    this.#policy = options.policy ?? DEFAULT_IMAGE_GC;
  }

  start(): void {
    const { clock, period = PERIOD_MS } = this.options;
    this.#cancel = clock.after(period, () => {
      this.#running = this.#look().finally(() => {
        if (!this.#stopped) this.start();
      });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  /** A failure is told as an Event when it is not the first in a row: an engine that restarts is no reason. */
  async #look(): Promise<void> {
    const { logger, say } = this.options;
    try {
      await this.collect();
      this.#failedBefore = false;
    } catch (error) {
      logger.warn({ err: error }, "image garbage collection failed");
      if (this.#failedBefore) say("Warning", "ImageGCFailed", (error as Error).message);
      this.#failedBefore = true;
    }
  }

  /** Takes note of what is in use, and makes room if there is too little. @throws Error when it could not make enough */
  async collect(): Promise<void> {
    try {
      await this.#makeRoom(await this.#unused());
    } finally {
      // Last: the disk may be full.
      this.options.records.save();
    }
  }

  /** Removes whatever may go, however full the disk is: the node needs the room now. @throws Error with what could not be removed */
  async removeUnused(): Promise<void> {
    const { failures } = await this.#free(await this.#unused(), Number.POSITIVE_INFINITY);
    if (failures.length > 0) throw new Error(failures.join("; "));
  }

  async #makeRoom(unused: readonly ImageInfo[]): Promise<void> {
    const { say, logger } = this.options;
    const { capacity, available } = await this.#disk();
    const { highThreshold, lowThreshold } = this.#policy;
    const usage = 100 - Math.floor((available * 100) / capacity);
    if (highThreshold >= 100 || usage < highThreshold) return;
    const target = Math.ceil((capacity * (100 - lowThreshold)) / 100);
    const wish = target - available;
    logger.info({ usage, highThreshold, bytes: wish }, "the image file system is filling up");
    const { left, failures } = await this.#free(unused, target);
    const freed = Math.max(0, left - available);
    if (failures.length > 0) {
      const all = failures.join("; ");
      throw new Error(
        `wanted to free ${wish} bytes, but freed ${freed} bytes space with errors in image deletion: ${all}`,
      );
    }
    if (left >= target) return;
    const message = `Failed to garbage collect required amount of images. Attempted to free ${wish} bytes, but only found ${freed} bytes eligible to free.`;
    say("Warning", "FreeDiskSpaceFailed", message);
    throw new Error(message);
  }

  async #disk(): Promise<DiskSpace> {
    const space = await this.options.disk();
    if (space.capacity > 0) return space;
    const message = `invalid capacity ${space.capacity} on image filesystem`;
    this.options.say("Warning", "InvalidDiskCapacity", message);
    throw new Error(message);
  }

  async #unused(): Promise<ImageInfo[]> {
    const { runtime, records, wanted, clock } = this.options;
    const now = clock.now();
    const images = await runtime.listImages();
    const used = new Set([...(await runtime.imagesInUse()), ...wanted()]);
    records.keepOnly(new Set(images.map(({ id }) => id)), now);
    for (const id of used) records.used(id, now);
    return collectable(images, used, records, now - this.#policy.minimumAge);
  }

  /** Layers are shared: what the removal of an image brings is only known afterwards. */
  async #free(images: readonly ImageInfo[], target: number): Promise<{ left: number; failures: string[] }> {
    const { disk } = this.options;
    const failures: string[] = [];
    let left = (await disk()).available;
    for (const image of images) {
      if (left >= target) break;
      if (this.options.wanted().has(image.id)) continue;
      await this.#remove(image).catch((error: Error) => failures.push(error.message));
      left = (await disk()).available;
    }
    return { left, failures };
  }

  /** By its names: the engine refuses to remove by id what has several. */
  async #remove(image: ImageInfo): Promise<void> {
    const { runtime, logger } = this.options;
    const names = [...image.tags, ...image.digests];
    logger.info({ image: image.id, names, bytes: image.size }, "removing an image that is not used");
    try {
      for (const name of names.length > 0 ? names : [image.id]) await runtime.removeImage(name);
    } catch (error) {
      // Somebody made a container of it, or an image upon it, in the meantime: it is used after all.
      if (!(error instanceof RuntimeError) || error.code !== CONFLICT) throw error;
      logger.info({ image: image.id, err: error }, "the image is used");
    }
  }
}

/**
 * What may go, longest unused first: pulled by this agent and old enough, with no name that another gave it, in no use.
 * @param bornBefore milliseconds since the epoch
 */
export function collectable(
  images: readonly ImageInfo[],
  used: ReadonlySet<string>,
  records: Pick<ImageRecords, "get">,
  bornBefore: number,
): ImageInfo[] {
  return images
    .flatMap((image) => {
      const record = records.get(image.id);
      return record && !used.has(image.id) ? [{ image, record }] : [];
    })
    .filter(({ image, record }) => hasOnlyNamesOf(record, image))
    .filter(({ record }) => record.pulledAt <= bornBefore)
    .sort((a, b) => a.record.lastUsed - b.record.lastUsed || a.record.pulledAt - b.record.pulledAt)
    .map(({ image }) => image);
}

/** A digest comes with the pull of a tag. */
function hasOnlyNamesOf({ names }: ImageRecord, { tags, digests }: ImageInfo): boolean {
  const repositories = new Set(names.map(repositoryOf));
  return (
    tags.every((tag) => names.includes(canonicalReference(tag))) &&
    digests.every((digest) => repositories.has(repositoryOf(digest)))
  );
}
