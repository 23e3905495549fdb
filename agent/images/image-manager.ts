/**
 * Sees to it that a container's image is there before the container is made. Level-triggered: a Pod worker asks again
 * at each pass and is woken when the answer may have changed, so that no worker waits for a pull.
 */
import type { Clock } from "#client/clock.js";
import { formatDuration } from "../host/duration.js";
import type { ImageInfo, RegistryAuth, Runtime } from "../runtime/runtime.js";
import { type FinishedPull, ImagePuller } from "./image-puller.js";
import type { ImageRecords } from "./image-records.js";
import { engineReference, InvalidImageName, parseImageReference } from "./image-reference.js";

export type ImageState =
  | { state: "ready"; image: ImageInfo; reference: string }
  | { state: "pulling" }
  /** @param retryAt when to ask again, milliseconds since the epoch */
  | { state: "failed"; reason: ImageFailure; message: string; retryAt?: number };

export type ImageFailure =
  | "ErrImagePull"
  | "ImagePullBackOff"
  | "ErrImageNeverPull"
  | "InvalidImageName"
  | "ImageInspectError";

export interface ImageRequest {
  podUid: string;
  /** One start of one container: what was pulled for it is not pulled again. */
  startKey: string;
  image: string;
  policy: "Always" | "IfNotPresent" | "Never";
  credentials(): Promise<readonly RegistryAuth[]>;
  /** Called when the answer may have changed. */
  wake(): void;
  /** Records an Event about the container. */
  say(type: "Normal" | "Warning", reason: string, message: string): void;
}

export interface ImageManagerOptions {
  runtime: Runtime;
  clock: Clock;
  /** Remembers what was pulled; absent: nothing does. */
  records?: ImageRecords;
  /** Whether a Pod must have a credential for an image that another Pod's credential brought here; default true. */
  verifyCredentials?: boolean;
  /** Pulls at a time, default 3; with 1 they go one after the other. */
  parallelPulls?: number;
  /** Delay after the first failed pull and the longest one, milliseconds. */
  backoff?: { initial: number; max: number };
}

/** Per Pod and image: how its pulls went. */
interface Attempts {
  pull?: Promise<void>;
  /** The start it was pulled for. */
  pulledFor: Map<string, ImageInfo>;
  /** Id of the image that the Pod was found to have access to: its restarts need no server to tell. */
  allowed?: string;
  delay: number;
  failedAt: number;
  error?: string;
  /** ErrImagePull is shown until then, ImagePullBackOff afterwards. */
  backOffFrom: number;
  saidBackOff: boolean;
}

const PRESENT_MS = 2_000;

export class ImageManager {
  readonly #puller: ImagePuller;
  readonly #attempts = new Map<string, Map<string, Attempts>>();
  readonly #present = new Map<string, { image: ImageInfo; at: number }>();
  readonly #digests = new Map<string, string>();
  readonly #backoff: { initial: number; max: number };

  constructor(private readonly options: ImageManagerOptions) {
    this.#puller = new ImagePuller(options.runtime, options.clock, options.parallelPulls ?? 3);
    this.#backoff = options.backoff ?? { initial: 10_000, max: 300_000 };
  }

  async ensure(request: ImageRequest): Promise<ImageState> {
    let reference: string;
    try {
      reference = engineReference(request.image);
    } catch (error) {
      if (!(error instanceof InvalidImageName)) throw error;
      return { state: "failed", reason: "InvalidImageName", message: error.message };
    }
    const attempts = this.#attemptsOf(request.podUid, reference);
    const pulled = attempts.pulledFor.get(request.startKey);
    if (pulled) return { state: "ready", image: pulled, reference };
    if (attempts.pull) return { state: "pulling" };
    const present = await this.#inspect(reference);
    const isFree = present !== undefined && (await this.#mayUse(present, request, attempts));
    if (present && isFree && !mustPull(request.policy, reference, present)) {
      attempts.pulledFor.set(request.startKey, present);
      attempts.allowed = present.id;
      this.options.records?.used(present.id, this.options.clock.now());
      request.say(
        "Normal",
        "Pulled",
        `Container image "${request.image}" already present on machine and can be accessed by the pod`,
      );
      return { state: "ready", image: present, reference };
    }
    if (request.policy === "Never") return neverPulled(request.image, present !== undefined);
    return this.#backOff(request, attempts) ?? this.#startPull(request, reference, attempts);
  }

  /** The engine refused to make a container of the image: it is gone, look again. */
  invalidate(podUid: string): void {
    this.#present.clear();
    for (const attempts of this.#attempts.get(podUid)?.values() ?? []) attempts.pulledFor.clear();
  }

  /** Ids of images that were promised to containers which have yet to be made. */
  wanted(): ReadonlySet<string> {
    const promised = [...this.#attempts.values()].flatMap((ofPod) => [...ofPod.values()]);
    return new Set(promised.flatMap(({ pulledFor }) => [...pulledFor.values()].map(({ id }) => id)));
  }

  /** What a registry calls the image, "nginx@sha256:...", if it came from one and was used here. */
  digestOf(imageId: string): string | undefined {
    return this.#digests.get(imageId);
  }

  /** The container was started: what was pulled for that start need not be remembered. */
  forgetStart(podUid: string, startKey: string): void {
    for (const attempts of this.#attempts.get(podUid)?.values() ?? []) attempts.pulledFor.delete(startKey);
  }

  forgetPod(podUid: string): void {
    this.#attempts.delete(podUid);
  }

  #attemptsOf(podUid: string, reference: string): Attempts {
    const ofPod = this.#attempts.get(podUid) ?? new Map<string, Attempts>();
    this.#attempts.set(podUid, ofPod);
    const found = ofPod.get(reference);
    if (found) return found;
    const fresh = { pulledFor: new Map(), delay: 0, failedAt: 0, backOffFrom: 0, saidBackOff: false };
    ofPod.set(reference, fresh);
    return fresh;
  }

  /**
   * An image that was pulled with a credential is for those who have one that is good for it; others have to ask the registry.
   * https://kubernetes.io/docs/concepts/containers/images/#ensureimagepullcredentialverification
   */
  async #mayUse({ id }: ImageInfo, request: ImageRequest, { allowed }: Attempts): Promise<boolean> {
    const { records, verifyCredentials = true } = this.options;
    if (!verifyCredentials || allowed === id || !records?.isGuarded(id)) return true;
    return (await request.credentials()).some((auth) => records.opens(id, auth));
  }

  async #inspect(reference: string): Promise<ImageInfo | undefined> {
    const now = this.options.clock.monotonic();
    const known = this.#present.get(reference);
    if (known && now - known.at < PRESENT_MS) return known.image;
    const image = await this.options.runtime.inspectImage(reference);
    if (image) this.#remember(reference, image);
    else this.#present.delete(reference);
    return image;
  }

  #remember(reference: string, image: ImageInfo): void {
    this.#present.set(reference, { image, at: this.options.clock.monotonic() });
    const digest = digestIn(reference, image);
    if (digest) this.#digests.set(image.id, digest);
  }

  #backOff(request: ImageRequest, attempts: Attempts): ImageState | undefined {
    const now = this.options.clock.monotonic();
    const retryAt = attempts.failedAt + attempts.delay;
    if (attempts.delay === 0 || now >= retryAt) return undefined;
    if (now < attempts.backOffFrom) {
      const message = attempts.error ?? "";
      return { state: "failed", reason: "ErrImagePull", message, retryAt: this.#atTime(attempts.backOffFrom) };
    }
    const text = `Back-off pulling image "${request.image}"`;
    if (!attempts.saidBackOff) {
      attempts.saidBackOff = true;
      request.say("Normal", "BackOff", text);
      request.say("Warning", "Failed", "Error: ImagePullBackOff");
    }
    const message = attempts.error ? `${text}: ErrImagePull: ${attempts.error}` : text;
    return { state: "failed", reason: "ImagePullBackOff", message, retryAt: this.#atTime(retryAt) };
  }

  /** What the time of day will be then: milliseconds since the epoch. */
  #atTime(monotonic: number): number {
    const { clock } = this.options;
    return clock.now() + monotonic - clock.monotonic();
  }

  #startPull(request: ImageRequest, reference: string, attempts: Attempts): ImageState {
    request.say("Normal", "Pulling", `Pulling image "${request.image}"`);
    attempts.pull = this.#pull(request, reference, attempts).finally(() => {
      attempts.pull = undefined;
      request.wake();
    });
    return { state: "pulling" };
  }

  async #pull(request: ImageRequest, reference: string, attempts: Attempts): Promise<void> {
    try {
      const finished = await this.#puller.pull(reference, await request.credentials());
      this.#record(reference, finished);
      attempts.pulledFor.set(request.startKey, finished.image);
      attempts.allowed = finished.image.id;
      this.#remember(reference, finished.image);
      attempts.delay = 0;
      request.say("Normal", "Pulled", pulledMessage(request.image, finished));
    } catch (error) {
      const message = (error as Error).message;
      attempts.failedAt = this.options.clock.monotonic();
      attempts.delay = Math.min(this.#backoff.max, attempts.delay * 2 || this.#backoff.initial);
      attempts.backOffFrom = attempts.failedAt + Math.min(5_000, attempts.delay / 2);
      attempts.error = message;
      attempts.saidBackOff = false;
      request.say("Warning", "Failed", `Failed to pull image "${request.image}": ${message}`);
      request.say("Warning", "Failed", "Error: ErrImagePull");
    }
  }

  /** What was there before the agent pulled it is somebody else's. */
  #record(reference: string, { image, isNew, auth }: FinishedPull): void {
    const { records, clock } = this.options;
    if (isNew || records?.get(image.id)) records?.pulled(image.id, reference, auth, clock.now());
  }
}

/**
 * "Always" asks the registry the image came from. One that was built, loaded or imported on this host (it has no digest
 * of that repository) came from none, and is used as it is: what `docker build` made runs as a Pod at once.
 */
function mustPull(policy: ImageRequest["policy"], reference: string, present: ImageInfo): boolean {
  return policy === "Always" && digestIn(reference, present) !== undefined;
}

/** The image's digest in the repository that the reference names. */
function digestIn(reference: string, { digests }: ImageInfo): string | undefined {
  const { domain, path } = parseImageReference(reference);
  return digests.find((digest) => {
    const other = parseImageReference(digest);
    return other.domain === domain && other.path === path;
  });
}

function neverPulled(image: string, isPresent: boolean): ImageState {
  const message = isPresent
    ? `Container image "${image}" is present with pull policy of Never but does not have the proper credentials that were used to pull the image`
    : `Container image "${image}" is not present with pull policy of Never`;
  return { state: "failed", reason: "ErrImageNeverPull", message };
}

function pulledMessage(image: string, { pulling, waiting, image: info }: FinishedPull): string {
  const time = `${formatDuration(pulling)} (${formatDuration(waiting)} including waiting)`;
  return `Successfully pulled image "${image}" in ${time}. Image size: ${info.size} bytes.`;
}
