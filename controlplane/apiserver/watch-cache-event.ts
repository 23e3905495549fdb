/** What happened to one object, as watchers of any selection need to see it. */
import type { WatchEvent } from "#api/object.js";
import type { Selection } from "./selection.js";
import type { StoredObject } from "./stored-object.js";

export type EventType = WatchEvent<never>["type"];

/** An event as one selection sees it. */
export interface SelectedEvent {
  type: EventType;
  object: StoredObject;
}

export class CacheEvent {
  private gone: StoredObject | undefined;

  constructor(
    readonly revision: number,
    /** Absent when the object was deleted. */
    readonly current: StoredObject | undefined,
    /** Absent when the object was created. */
    readonly previous: StoredObject | undefined,
  ) {}

  /** Bytes kept alive by this event alone, roughly. */
  get size(): number {
    return (this.previous ?? this.current)?.bytes.length ?? 0;
  }

  /**
   * An object that comes to match is ADDED for this selection, one that ceases to is DELETED, in its last matching
   * state at this event's revision.
   */
  for(selection: Selection): SelectedEvent | undefined {
    const matched = this.previous !== undefined && selection.matches(this.previous);
    const matches = this.current !== undefined && selection.matches(this.current);
    if (matches) return { type: matched ? "MODIFIED" : "ADDED", object: this.current! };
    if (!matched) return undefined;
    this.gone ??= this.previous!.at(this.revision);
    return { type: "DELETED", object: this.gone };
  }
}
