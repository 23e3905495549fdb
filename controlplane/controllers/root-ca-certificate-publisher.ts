/** Gives every namespace the ConfigMap by which its Pods know the API server: the certificate of the cluster's authority. */
import type { ConfigMap } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { configMaps, namespaces } from "#api/refs.js";
import { isAlreadyExists } from "#api/status-error.js";
import { type Controller, watch } from "./controller.js";

const NAME = "kube-root-ca.crt";
const KEY = "ca.crt";
const ANNOTATIONS = {
  "kubernetes.io/description":
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.",
};

/** @param certificate PEM; absent: there is none to publish */
export function rootCertificatePublisher(certificate: string | undefined): Controller {
  return {
    name: "root-ca-certificate-publisher",
    component: "root-ca-certificate-publisher",
    watches: [
      watch({ ref: namespaces }),
      watch({
        ref: configMaps,
        keys: ({ metadata }) => (metadata.name === NAME && metadata.namespace ? [metadata.namespace] : []),
      }),
    ],
    async reconcile(name, { client, informer }) {
      const namespace = informer(namespaces).get(name);
      if (certificate === undefined || !namespace || namespace.metadata.deletionTimestamp) return undefined;
      const found = informer(configMaps).get(`${name}/${NAME}`);
      const data = { [KEY]: certificate };
      if (!found) {
        const draft: Draft<ConfigMap> = { metadata: { name: NAME, namespace: name, annotations: ANNOTATIONS }, data };
        await client.create(configMaps, draft).catch((error) => {
          if (!isAlreadyExists(error)) throw error;
        });
      } else if (!isPublished(found, certificate)) {
        const annotations = { ...found.metadata.annotations, ...ANNOTATIONS };
        await client.update(configMaps, { ...found, metadata: { ...found.metadata, annotations }, data });
      }
      return undefined;
    },
  };
}

function isPublished({ data = {}, metadata }: ConfigMap, certificate: string): boolean {
  const described = Object.entries(ANNOTATIONS).every(([key, text]) => metadata.annotations?.[key] === text);
  return described && data[KEY] === certificate && Object.keys(data).length === 1;
}
