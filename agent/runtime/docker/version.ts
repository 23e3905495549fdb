import type Docker from "dockerode";
import type { RuntimeVersion } from "../runtime.js";
import { call } from "./engine.js";

interface EngineInfo {
  CgroupDriver: string;
  CgroupVersion?: string;
  DockerRootDir: string;
  OperatingSystem: string;
  KernelVersion: string;
  ServerVersion: string;
}

export async function version(docker: Docker): Promise<RuntimeVersion> {
  const info = (await call(() => docker.info())) as EngineInfo;
  const { version: apiVersion = "" } = docker.modem as { version?: string };
  return {
    name: "docker",
    version: info.ServerVersion,
    apiVersion: apiVersion.replace(/^v/, ""),
    operatingSystem: info.OperatingSystem,
    kernelVersion: info.KernelVersion,
    cgroupDriver: info.CgroupDriver === "systemd" ? "systemd" : "cgroupfs",
    cgroupVersion: info.CgroupVersion === "2" ? 2 : 1,
    rootDirectory: info.DockerRootDir,
  };
}
