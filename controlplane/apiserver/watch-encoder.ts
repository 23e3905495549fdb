/** Turns a batch of selected events into what a watcher's sink takes: one buffer of frames, or objects for a direct one. */
import { freezeJson } from "#api/json-value.js";
import type { KubeObject, WatchEvent } from "#api/object.js";
import { groupVersion } from "#api/resource.js";
import type { StatusError } from "#api/status-error.js";
import { objectBytes, type RenderOptions } from "./render.js";
import type { StreamSink } from "./request.js";
import type { StoredObject } from "./stored-object.js";
import { table } from "./table.js";
import type { SelectedEvent } from "./watch-cache-event.js";

export interface WatchEncoder {
  /** Equal for encoders that produce the same: their watchers share the work. */
  readonly id: string;
  events(events: readonly SelectedEvent[]): Delivery;
  bookmark(revision: number, initialEventsEnd: boolean): Delivery;
  error(error: StatusError): Delivery;
}

export interface Delivery {
  /** False when the sink is over its bound. */
  to(sink: StreamSink): boolean;
}

export function watchEncoder(options: Omit<RenderOptions, "now">, now: () => number): WatchEncoder {
  return options.direct ? new ObjectEncoder(options) : new FrameEncoder(options, now);
}

export const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

function bookmarkObject({ kind }: Pick<RenderOptions, "kind">, revision: number, initialEventsEnd: boolean): object {
  const annotations = initialEventsEnd ? { [INITIAL_EVENTS_END]: "true" } : undefined;
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, annotations };
  return { kind: kind.kind, apiVersion: groupVersion(kind), metadata };
}

const FRAME_HEADS = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
};
const FRAME_END = Buffer.from("}\n");

class FrameEncoder implements WatchEncoder {
  readonly id: string;

  constructor(
    private readonly options: Omit<RenderOptions, "now">,
    private readonly now: () => number,
  ) {
    const { view, includeObject } = options.representation;
    this.id = `${view} ${includeObject}`;
  }

  events(events: readonly SelectedEvent[]): Delivery {
    const parts: Buffer[] = [];
    const options = { ...this.options, now: this.now() };
    for (const { type, object } of events) parts.push(FRAME_HEADS[type], objectBytes(object, options), FRAME_END);
    return frames(Buffer.concat(parts));
  }

  bookmark(revision: number, initialEventsEnd: boolean): Delivery {
    const { kind, representation } = this.options;
    const { view } = representation;
    let object = bookmarkObject(this.options, revision, initialEventsEnd);
    if (view === "metadata") object = { ...object, kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" };
    if (view === "table") {
      const metadata = { resourceVersion: String(revision) };
      object = table([], metadata, { kind, includeObject: "None", now: 0 });
    }
    return frames(Buffer.from(`${JSON.stringify({ type: "BOOKMARK", object })}\n`));
  }

  error(error: StatusError): Delivery {
    return frames(Buffer.from(`${JSON.stringify({ type: "ERROR", object: error.toStatus() })}\n`));
  }
}

const frames = (chunk: Buffer): Delivery => ({ to: (sink) => sink.write(chunk) });

class ObjectEncoder implements WatchEncoder {
  readonly id = "objects";

  constructor(private readonly options: Omit<RenderOptions, "now">) {}

  events(events: readonly SelectedEvent[]): Delivery {
    const shared = (object: StoredObject) => object.shared;
    return objects(events.map(({ type, object }) => ({ type, object: shared(object) })));
  }

  bookmark(revision: number, initialEventsEnd: boolean): Delivery {
    const object = bookmarkObject(this.options, revision, initialEventsEnd);
    freezeJson(object);
    return objects([{ type: "BOOKMARK", object: object as KubeObject }]);
  }

  error(error: StatusError): Delivery {
    return objects([{ type: "ERROR", object: error.toStatus() } as unknown as WatchEvent<KubeObject>]);
  }
}

const objects = (events: readonly WatchEvent<KubeObject>[]): Delivery => ({
  to: (sink) => sink.writeEvents?.(events) ?? true,
});
