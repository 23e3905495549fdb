/** Serves discovery. Every document is made at most once: what the server serves does not change while it runs. */
import { createHash } from "node:crypto";
import { groupVersion } from "#api/resource.js";
import type { Reply, Route } from "../reply.js";
import type { Routes } from "../routes.js";
import { aggregated, apiGroup, apiGroupList, apiResourceList, apiVersions } from "./documents.js";
import type { DiscoveredVersion } from "./group-versions.js";

const GROUP = "apidiscovery.k8s.io";
const JSON_TYPE = "application/json";

/** @param address host:port, as clients inside the cluster would use it */
export function addDiscovery(routes: Routes, versions: readonly DiscoveredVersion[], address: string): void {
  routes.add("get", "/api", negotiated(versions, true, apiVersions(versions, address)));
  routes.add("get", "/apis", negotiated(versions, false, apiGroupList(versions)));
  for (const entry of versions) {
    const { group } = entry;
    const path = group ? `/apis/${groupVersion(entry)}` : `/api/${entry.version}`;
    routes.add("get", path, document(apiResourceList(entry)));
    if (group)
      routes.add(
        "get",
        `/apis/${group}`,
        document({ kind: "APIGroup", apiVersion: "v1", ...apiGroup(versions, group) }),
      );
  }
}

function document(value: object): Route {
  const reply: Reply = { status: 200, contentType: JSON_TYPE, chunks: [Buffer.from(JSON.stringify(value))] };
  return () => reply;
}

/** The aggregated form for those who ask for it, with an ETag so that they need not read it twice. */
function negotiated(versions: readonly DiscoveredVersion[], core: boolean, legacy: object): Route {
  const forms = new Map<string, { reply: Reply; etag: string }>();
  for (const version of ["v2", "v2beta1"]) {
    const chunk = Buffer.from(JSON.stringify(aggregated(versions, core, `${GROUP}/${version}`)));
    const etag = `"${createHash("sha256").update(chunk).digest("hex").toUpperCase()}"`;
    const contentType = `${JSON_TYPE};g=${GROUP};v=${version};as=APIGroupDiscoveryList`;
    const headers = { ETag: etag, Vary: "Accept" };
    forms.set(version, { etag, reply: { status: 200, contentType, chunks: [chunk], headers } });
  }
  const plain = document(legacy);
  return (request) => {
    const form = forms.get(wantedForm(request.headers.accept ?? ""));
    if (!form) return plain(request);
    if (request.headers["if-none-match"] !== form.etag) return form.reply;
    return { ...form.reply, status: 304, chunks: [] };
  };
}

/** "v2", "v2beta1", or "" for the older form: the first the client names that we have. */
function wantedForm(accept: string): string {
  for (const range of accept.split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim());
    if (type !== JSON_TYPE && type !== "*/*" && type !== "application/*") continue;
    if (!parameters.includes("as=APIGroupDiscoveryList")) return "";
    const version = parameters.find((parameter) => parameter.startsWith("v="))?.slice(2);
    if (parameters.includes(`g=${GROUP}`) && (version === "v2" || version === "v2beta1")) return version;
  }
  return "";
}
