/** Subresources whose body is of another kind: pods/binding, serviceaccounts/token, namespaces/finalize. */
import type { BodyTarget } from "#api/decode-body.js";
import type { KubeObject } from "#api/object.js";
import type { ActionSubresource } from "#resources/kind.js";
import { commit } from "../commit.js";
import { prepareUpdate } from "../prepare-write.js";
import { renderObject, renderValue } from "../render.js";
import type { ApiResponse } from "../request.js";
import { requestObject } from "../request-object.js";
import { retryOnChange } from "../retry-on-change.js";
import type { StoredObject } from "../stored-object.js";
import { admissionOf, renderOptions, type VerbContext, writeOf } from "../verb-context.js";
import { type WriteOptions, writeOptions } from "../write-options.js";

export async function act(context: VerbContext, action: ActionSubresource<KubeObject>): Promise<ApiResponse> {
  const { request } = context;
  const options = writeOptions(request);
  const render = renderOptions(context);
  const target = bodyTarget(action);
  const status = request.verb === "create" ? 201 : 200;
  return retryOnChange(context, async (old) => {
    const { object: body, warnings } = requestObject<object>(request, target, options);
    const object = old.copy();
    const answer = await action.apply(object, body, admissionOf(context, "UPDATE", options.dryRun));
    let stored: StoredObject | undefined;
    if (action.effect !== "none") stored = await write(context, action, { object, old, options, warnings });
    if (stored && answer === object) return { ...renderObject(stored, render, status), warnings };
    const success = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: status };
    return { ...renderValue(answer ?? success, render, status), warnings };
  });
}

export const bodyTarget = (action: ActionSubresource<KubeObject>): BodyTarget => ({
  schema: action.bodySchema,
  group: action.bodyGroup,
  version: action.bodyVersion,
  kind: action.bodyKind,
});

interface Change {
  object: KubeObject;
  old: StoredObject;
  options: WriteOptions;
  warnings: string[];
}

async function write(
  context: VerbContext,
  { keepsGeneration }: ActionSubresource<KubeObject>,
  { object, old, options, warnings }: Change,
): Promise<StoredObject> {
  const write = { ...writeOf(context, "UPDATE", options, warnings), keepsGeneration };
  await prepareUpdate(object, old.object, write, () => []);
  return commit(context.store, object, old, write.admission);
}
