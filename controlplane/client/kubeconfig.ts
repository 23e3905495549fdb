import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { RestOptions } from "./rest.js";

interface Named<K extends string, V> {
  entries: ({ name: string } & Record<K, V>)[];
}

interface KubeConfig {
  "current-context"?: string;
  contexts?: Named<"context", { cluster: string; user: string }>["entries"];
  clusters?: Named<"cluster", Record<string, string | undefined>>["entries"];
  users?: Named<"user", Record<string, string | undefined>>["entries"];
}

/**
 * Where the current context of a kubeconfig points, and with which credentials (data or files, or a token).
 * @throws Error that says what is missing
 */
export function readKubeconfig(path: string): Omit<RestOptions, "userAgent"> {
  const config = parse(readFileSync(path, "utf8")) as KubeConfig;
  const wanted = config["current-context"];
  const context = config.contexts?.find(({ name }) => name === wanted)?.context;
  const cluster = config.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  const user = config.users?.find(({ name }) => name === context?.user)?.user;
  const server = cluster?.["server"];
  if (!cluster || !user || !server)
    throw new Error(`${path}: the current context "${wanted}" names no cluster or user`);
  const ca = content(cluster, "certificate-authority");
  if (!ca) throw new Error(`${path}: the cluster has no certificate-authority`);
  return {
    server,
    ca,
    certificate: content(user, "client-certificate"),
    key: content(user, "client-key"),
    token: user["token"],
  };
}

/** A PEM that is inside (`<field>-data`, base64) or in a file (`<field>`). */
function content(section: Record<string, string | undefined>, field: string): string | undefined {
  const data = section[`${field}-data`];
  if (data) return Buffer.from(data, "base64").toString("utf8");
  const file = section[field];
  return file ? readFileSync(file, "utf8") : undefined;
}
