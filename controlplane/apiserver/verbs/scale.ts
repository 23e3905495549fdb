/** GET, PUT and PATCH of /scale: any scalable kind as an autoscaling/v1 Scale. */
import type { BodyTarget } from "#api/decode-body.js";
import { invalid } from "#api/field-error.js";
import type { Scale } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { invalidObject } from "#api/status-error.js";
import type { ScaleSubresource } from "#resources/kind.js";
import { commit } from "../commit.js";
import { patchedObject } from "../patched-object.js";
import { prepareUpdate } from "../prepare-write.js";
import { renderValue } from "../render.js";
import type { ApiResponse } from "../request.js";
import { checkIdentity, requestObject } from "../request-object.js";
import { retryOnChange } from "../retry-on-change.js";
import { renderOptions, target, type VerbContext, writeOf } from "../verb-context.js";
import { writeOptions } from "../write-options.js";
import { checkPreconditions } from "./update.js";

const SCALE: BodyTarget = { schema: "Scale", group: "autoscaling", version: "v1", kind: "Scale" };

export async function getScale(context: VerbContext, scale: ScaleSubresource<KubeObject>): Promise<ApiResponse> {
  return renderValue(scaleOf(target(context).object, scale), renderOptions(context));
}

export async function writeScale(context: VerbContext, scale: ScaleSubresource<KubeObject>): Promise<ApiResponse> {
  const { request, kind, store } = context;
  const options = writeOptions(request);
  const render = renderOptions(context);
  return retryOnChange(context, async (old) => {
    const current = scaleOf(old.object, scale);
    const { object: wanted, warnings } =
      request.verb === "patch"
        ? patchedObject<Scale>(request, SCALE, current, options)
        : requestObject<Scale>(request, SCALE, options);
    checkIdentity(wanted, request);
    checkPreconditions(kind, wanted, old.object);
    const replicas = wanted.spec?.replicas ?? 0;
    if (replicas < 0) {
      const error = invalid("spec.replicas", replicas, "must be greater than or equal to 0");
      throw invalidObject({ ...SCALE, plural: "scales" }, wanted.metadata.name ?? "", [error]);
    }
    const object = old.copy();
    scale.setReplicas(object, replicas);
    const write = writeOf(context, "UPDATE", options, warnings);
    await prepareUpdate(object, old.object, write, () => []);
    const stored = await commit(store, object, old, write.admission);
    return { ...renderValue(scaleOf(stored.object, scale), render), warnings };
  });
}

function scaleOf(object: KubeObject, scale: ScaleSubresource<KubeObject>): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: scale.replicas(object) },
    status: { replicas: scale.statusReplicas(object), selector: scale.selector(object) },
  };
}
