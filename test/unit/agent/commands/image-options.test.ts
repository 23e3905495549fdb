import { Command } from "commander";
import t from "tap";
import { addImageOptions, type ImageFlags, imageOptions } from "#agent/commands/image-options.js";

function parse(...args: string[]) {
  const command = addImageOptions(new Command().exitOverride().configureOutput({ writeErr: () => undefined }));
  return imageOptions(command.parse(args, { from: "user" }).opts<ImageFlags>());
}

t.test("the defaults are Kubernetes'", async (t) => {
  t.same(parse(), {
    maxParallelImagePulls: 3,
    imageGc: { highThreshold: 85, lowThreshold: 80, minimumAge: 120_000 },
    containerLogs: { maxSize: 10_485_760, maxFiles: 5 },
    keptDeadContainers: 1,
    verifyImageCredentials: true,
  });
});

t.test("sizes, durations and percentages as kubelets take them", async (t) => {
  t.match(parse("--container-log-max-size", "64Ki", "--container-log-max-files", "2"), {
    containerLogs: { maxSize: 65_536, maxFiles: 2 },
  });
  t.match(parse("--image-gc-high-threshold", "100", "--minimum-image-ttl-duration", "1h2m0.5s"), {
    imageGc: { highThreshold: 100, minimumAge: 3_720_500 },
  });
});

t.test("credentials of others", async (t) => {
  const flag = "--image-pull-credentials-verification-policy";
  t.match(parse(flag, "NeverVerify"), { verifyImageCredentials: false });
  t.throws(() => parse(flag, "Sometimes"), /Allowed choices are NeverVerifyPreloadedImages, NeverVerify/);
});

t.test("what makes no sense is refused by name", async (t) => {
  t.throws(() => parse("--image-gc-low-threshold", "85"), /low-threshold 85 is not below --image-gc-high-threshold 85/);
  t.throws(() => parse("--image-gc-high-threshold", "101"), /expected 0 to 100/);
  t.throws(() => parse("--container-log-max-files", "1"), /from 2 on/);
  t.throws(() => parse("--container-log-max-size", "big"), /expected a size/);
  t.throws(() => parse("--container-log-max-size", "0"), /expected a size/);
  t.throws(() => parse("--minimum-image-ttl-duration", "2"), /expected a duration/);
  t.throws(() => parse("--max-parallel-image-pulls", "0"), /from 1 on/);
});
