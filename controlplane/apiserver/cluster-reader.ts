import type { KubeObject } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";

/** Reads from the API server's own cache, for its own decisions: current, synchronous, deep-frozen objects. */
export interface ClusterReader {
  get<O extends KubeObject>(ref: ResourceRef<O>, name: string, namespace?: string): O | undefined;
  list<O extends KubeObject>(ref: ResourceRef<O>, namespace?: string): readonly O[];
}
