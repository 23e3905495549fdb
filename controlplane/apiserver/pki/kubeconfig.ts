/** The kubeconfig of the cluster's administrator: certificates inside, nothing to look up. */
import { stringify } from "yaml";
import type { ClusterPki } from "./cluster-pki.js";

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** @param server URL of the API server, "https://127.0.0.1:6443" */
export function adminKubeconfig(pki: ClusterPki, server: string): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "berth", cluster: { server, "certificate-authority-data": base64(pki.authority.certificate) } }],
    users: [
      {
        name: "berth-admin",
        user: {
          "client-certificate-data": base64(pki.admin.certificate),
          "client-key-data": base64(pki.admin.key),
        },
      },
    ],
    contexts: [{ name: "berth", context: { cluster: "berth", user: "berth-admin" } }],
    "current-context": "berth",
  });
}
