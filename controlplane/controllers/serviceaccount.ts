/** Gives every namespace the ServiceAccount `default`, which Pods run as when they name none. */
import { namespaces, serviceAccounts } from "#api/refs.js";
import { isAlreadyExists } from "#api/status-error.js";
import { type Controller, watch } from "./controller.js";

export function serviceAccountController(): Controller {
  return {
    name: "serviceaccount",
    component: "service-account-controller",
    watches: [
      watch({ ref: namespaces }),
      watch({
        ref: serviceAccounts,
        keys: ({ metadata }, _context, _old, deleted) =>
          deleted && metadata.name === "default" && metadata.namespace ? [metadata.namespace] : [],
      }),
    ],
    async reconcile(name, { client, informer }) {
      const namespace = informer(namespaces).get(name);
      if (!namespace || namespace.metadata.deletionTimestamp) return undefined;
      if (informer(serviceAccounts).get(`${name}/default`)) return undefined;
      try {
        await client.create(serviceAccounts, { metadata: { name: "default", namespace: name } });
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
      }
      return undefined;
    },
  };
}
