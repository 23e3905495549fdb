import { endpointSlices } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import type { ControllerContext } from "../controller.js";
import type { OwnWrites } from "../ownership/own-writes.js";
import type { SlicesPlan } from "./plan.js";

/** Creations first: no endpoint is missing from all slices at any moment. */
export async function writeSlices(
  key: string,
  plan: SlicesPlan,
  writes: OwnWrites,
  { client }: ControllerContext,
): Promise<void> {
  for (const slice of plan.create) writes.wrote(key, await client.create(endpointSlices, slice));
  for (const slice of plan.update) writes.wrote(key, await client.update(endpointSlices, slice));
  for (const slice of plan.delete) {
    const { name, namespace, uid } = slice.metadata;
    try {
      await client.delete(endpointSlices, name, namespace, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    writes.removed(key, slice, `${namespace}/${name}`);
  }
}
