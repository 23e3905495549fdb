/** Flags of `berth agent` about images and container logs, called and counted as the kubelet's. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { parseQuantity, quantityValue } from "#api/quantity.js";
import type { AgentOptions } from "../agent-options.js";
import { parseDuration } from "../host/duration.js";

/** As commander hands them over. */
export interface ImageFlags {
  maxParallelImagePulls: number;
  imageGcHighThreshold: number;
  imageGcLowThreshold: number;
  minimumImageTtlDuration: number;
  containerLogMaxSize: number;
  containerLogMaxFiles: number;
  maximumDeadContainersPerContainer: number;
  imagePullCredentialsVerificationPolicy: string;
}

export function addImageOptions(command: Command): Command {
  const add = (flags: string, what: string, parse: (text: string) => number, value: number, shown = String(value)) =>
    command.addOption(new Option(flags, what).argParser(parse).default(value, shown));
  add("--max-parallel-image-pulls <count>", "images pulled at a time; 1: one after the other", count(1), 3);
  add("--image-gc-high-threshold <percent>", "disk usage from which images are collected", percent, 85);
  add("--image-gc-low-threshold <percent>", "disk usage at which collecting ends", percent, 80);
  add("--minimum-image-ttl-duration <duration>", "age from which images are collected", duration, 120_000, "2m0s");
  add("--container-log-max-size <quantity>", "size at which a container's log is rotated", bytes, 10 << 20, "10Mi");
  add("--container-log-max-files <count>", "log files kept of a container", count(2), 5);
  add("--maximum-dead-containers-per-container <count>", "earlier attempts kept, with their logs", count(0), 1);
  const verify = new Option(
    "--image-pull-credentials-verification-policy <policy>",
    "whether Pods need a credential of their own for an image that another's brought to the node",
  );
  return command.addOption(verify.choices(VERIFICATION).default(VERIFICATION[0]));
}

const VERIFICATION = ["NeverVerifyPreloadedImages", "NeverVerify"] as const;

/** @throws Error when the thresholds contradict each other */
export function imageOptions(flags: ImageFlags): Partial<AgentOptions> {
  const [highThreshold, lowThreshold] = [flags.imageGcHighThreshold, flags.imageGcLowThreshold];
  if (lowThreshold >= highThreshold)
    throw new Error(`--image-gc-low-threshold ${lowThreshold} is not below --image-gc-high-threshold ${highThreshold}`);
  return {
    maxParallelImagePulls: flags.maxParallelImagePulls,
    imageGc: { highThreshold, lowThreshold, minimumAge: flags.minimumImageTtlDuration },
    containerLogs: { maxSize: flags.containerLogMaxSize, maxFiles: flags.containerLogMaxFiles },
    verifyImageCredentials: flags.imagePullCredentialsVerificationPolicy !== "NeverVerify",
    keptDeadContainers: flags.maximumDeadContainersPerContainer,
  };
}

const count = (least: number) => (text: string) => {
  if (!/^\d+$/.test(text) || Number(text) < least) throw new InvalidArgumentError(`expected a number from ${least} on`);
  return Number(text);
};

function percent(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 100) throw new InvalidArgumentError("expected 0 to 100");
  return Number(text);
}

function bytes(text: string): number {
  try {
    const value = quantityValue(parseQuantity(text));
    if (value > 0) return value;
  } catch {
    // Said below, as for a value that is none.
  }
  throw new InvalidArgumentError("expected a size, such as 10Mi");
}

/** "90s", "1h30m": to milliseconds. */
export function duration(text: string): number {
  const millis = parseDuration(text);
  if (millis === undefined) throw new InvalidArgumentError("expected a duration, such as 2m0s");
  return millis;
}
