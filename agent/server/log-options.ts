/** The query of a log request, as `PodLogOptions` (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/). */
import { type FieldError, invalid } from "#api/field-error.js";
import { badRequest, invalidObject } from "#api/status-error.js";

export interface PodLogOptions {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tailLines?: number;
  /** Seconds since the epoch, may be fractional. */
  since?: number;
  /** Bytes of the answer. */
  limitBytes?: number;
}

const subject = { group: "", plural: "pods", kind: "PodLogOptions" };

/**
 * @param now ms since the epoch
 * @throws StatusError 400 for a value of the wrong type, 422 for one out of range
 */
export function parseLogOptions(query: URLSearchParams, now: number): PodLogOptions {
  const errors: FieldError[] = [];
  const options: PodLogOptions = {
    follow: flag(query, "follow"),
    previous: flag(query, "previous"),
    timestamps: flag(query, "timestamps"),
    tailLines: integer(query, "tailLines"),
    since: since(query, now, errors),
    limitBytes: integer(query, "limitBytes"),
  };
  if (options.tailLines !== undefined && options.tailLines < 0)
    errors.push(invalid("tailLines", options.tailLines, "must be greater than or equal to 0"));
  if (options.limitBytes !== undefined && options.limitBytes < 1)
    errors.push(invalid("limitBytes", options.limitBytes, "must be greater than 0"));
  const stream = query.get("stream");
  if (stream && stream !== "All")
    errors.push(invalid("stream", stream, "only All is supported: standard output and error are kept as one log"));
  if (errors.length > 0) throw invalidObject(subject, "", errors);
  return options;
}

function since(query: URLSearchParams, now: number, errors: FieldError[]): number | undefined {
  const seconds = integer(query, "sinceSeconds");
  const time = query.get("sinceTime");
  if (seconds !== undefined && time)
    errors.push(invalid("sinceSeconds", seconds, "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  if (seconds !== undefined) {
    if (seconds < 1) errors.push(invalid("sinceSeconds", seconds, "must be greater than 0"));
    return now / 1000 - seconds;
  }
  if (!time) return undefined;
  const parsed = Date.parse(time);
  if (Number.isNaN(parsed))
    throw badRequest(`unable to parse query parameter "sinceTime" with value "${time}" as a time`);
  return parsed / 1000;
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== "false" && value !== "0";
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === "") return undefined;
  if (!/^[-+]?\d+$/.test(value)) {
    throw badRequest(`strconv.ParseInt: parsing "${value}": invalid syntax`);
  }
  return Number(value);
}
