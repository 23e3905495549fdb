/** Events as newer reporters write and read them. https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
import type { CoreV1Event, EventsV1Event } from "#api/generated/types.js";
import type { Draft, KubeObject } from "#api/object.js";
import { events, eventsV1 } from "#api/refs.js";
import { groupVersion } from "#api/resource.js";
import type { Column, Kind } from "../kind.js";
import { event } from "./index.js";

const stored = (object: EventsV1Event): CoreV1Event => {
  const { note, regarding, related, reportingController, reportingInstance, apiVersion: _, ...rest } = object;
  const { deprecatedCount, deprecatedFirstTimestamp, deprecatedLastTimestamp, deprecatedSource, ...same } = rest;
  return {
    ...same,
    apiVersion: groupVersion(events),
    kind: events.kind,
    message: note,
    involvedObject: regarding ?? {},
    related,
    reportingComponent: reportingController ?? "",
    reportingInstance: reportingInstance ?? "",
    count: deprecatedCount,
    firstTimestamp: deprecatedFirstTimestamp,
    lastTimestamp: deprecatedLastTimestamp,
    source: deprecatedSource,
  };
};

function shown(source: KubeObject): Omit<Draft<EventsV1Event>, "apiVersion" | "kind"> {
  const { apiVersion: _, kind: _kind, message, involvedObject, reportingComponent, ...rest } = source as CoreV1Event;
  const { count, firstTimestamp, lastTimestamp, source: from, series, ...same } = rest;
  return {
    ...same,
    eventTime: same.eventTime as string,
    series: series as EventsV1Event["series"],
    note: message,
    regarding: involvedObject,
    reportingController: reportingComponent || undefined,
    deprecatedCount: count,
    deprecatedFirstTimestamp: firstTimestamp,
    deprecatedLastTimestamp: lastTimestamp,
    deprecatedSource: from,
  };
}

const asStored = (column: Column<CoreV1Event>): Column<EventsV1Event> => ({
  ...column,
  value: (object, now) => column.value(stored(object), now),
});

export const eventsEvent: Kind<EventsV1Event> = {
  ...eventsV1,
  singular: "event",
  shortNames: ["ev"],
  schema: "EventsV1Event",
  nameRule: "dns-subdomain",
  view: { of: events, project: shown, accept: stored as (object: EventsV1Event) => KubeObject },
  columns: (event.columns ?? []).map(asStored),
  selectableFields({ regarding = {}, reason = "", reportingController = "", type = "" }) {
    const { kind = "", namespace = "", name = "", uid = "", apiVersion = "", fieldPath = "" } = regarding;
    return {
      "regarding.kind": kind,
      "regarding.namespace": namespace,
      "regarding.name": name,
      "regarding.uid": uid,
      "regarding.apiVersion": apiVersion,
      "regarding.fieldPath": fieldPath,
      reason,
      reportingController,
      type,
    };
  },
};
