import { GIT_VERSION } from "#api/version.js";

/** version.Info, as `kubectl version` reads it. */
export function versionInfo(): object {
  return {
    major: "1",
    minor: "35",
    gitVersion: GIT_VERSION,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "",
    goVersion: `node ${process.version}`,
    compiler: "v8",
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}
