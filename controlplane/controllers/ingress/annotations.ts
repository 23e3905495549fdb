/** The few annotations of ingress-nginx that mean the same here. Values are parsed, never copied. */
import type { Ingress } from "#api/generated/types.js";
import type { Problem, Timeouts } from "./model.js";

const PREFIX = "nginx.ingress.kubernetes.io/";
const MAX_SECONDS = 86_400;

export interface Settings {
  /** Send plain requests for hosts with TLS to HTTPS. */
  readonly redirect: boolean;
  /** Absent: as the Service's port says. */
  readonly https?: boolean;
  readonly timeouts: Timeouts;
}

type Draft = { -readonly [K in keyof Settings]: Settings[K] };

/** Name → what sets the value; false when the value is not understood. */
const readers: Readonly<Record<string, (settings: Draft, value: string) => boolean>> = {
  "ssl-redirect"(settings, value) {
    settings.redirect = value !== "false";
    return value === "true" || value === "false";
  },
  "backend-protocol"(settings, value) {
    settings.https = value === "HTTPS";
    return value === "HTTP" || value === "HTTPS";
  },
  "proxy-connect-timeout": (settings, value) => readTimeout(settings, "connect", value),
  "proxy-read-timeout": (settings, value) => readTimeout(settings, "read", value),
  "proxy-send-timeout": (settings, value) => readTimeout(settings, "send", value),
};

function readTimeout(settings: Draft, which: keyof Timeouts, value: string): boolean {
  const seconds = Number(value);
  if (!/^\d{1,5}$/.test(value) || seconds < 1 || seconds > MAX_SECONDS) return false;
  settings.timeouts = { ...settings.timeouts, [which]: seconds };
  return true;
}

/** What is not known or not understood is left out and told. */
export function readSettings(ingress: Ingress): { settings: Settings; problems: Problem[] } {
  const settings: Draft = { redirect: true, timeouts: {} };
  const problems: Problem[] = [];
  for (const [key, value] of Object.entries(ingress.metadata.annotations ?? {})) {
    if (!key.startsWith(PREFIX)) continue;
    const name = key.slice(PREFIX.length);
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
    const before = { ...settings };
    if (reader?.(settings, value)) continue;
    Object.assign(settings, before);
    const why = reader ? `value ${JSON.stringify(value.slice(0, 80))} is not understood` : "is not supported";
    problems.push({ ingress, reason: "AnnotationIgnored", message: `annotation ${key}: ${why}, it has no effect` });
  }
  return { settings, problems };
}
