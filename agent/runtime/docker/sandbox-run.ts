import type { ContainerCreateOptions } from "dockerode";
import { RuntimeError, type Sandbox, type SandboxConfig } from "../runtime.js";
import { cgroupParent } from "./cgroup-parent.js";
import { createNamed } from "./create-named.js";
import { call, callUnless, type Engine } from "./engine.js";
import { acceptedOomScore, isOomScoreRefusal } from "./host-config.js";
import { ANNOTATION_PREFIX, CONTAINER_NAME, podLabels, TYPE, TYPE_SANDBOX, withPrefix } from "./labels.js";
import { SANDBOX_NAME, sandboxName } from "./naming.js";
import { ensureSandboxImage } from "./sandbox-image.js";
import { inspectSandbox } from "./sandbox-list.js";

/** The kernel kills nearly anything else before it takes a Pod's namespaces away. */
const SANDBOX_OOM_SCORE = -998;

/**
 * Creates and starts the container that holds the Pod's namespaces. Its network namespace is empty (CNI fills it) or the
 * host's. A leftover of the same name is adopted when it runs or has not run yet, and replaced when it has died.
 */
export async function runSandbox(engine: Engine, config: SandboxConfig): Promise<Sandbox> {
  const id = await engine.slots.run(() => createAndStart(engine, config));
  const sandbox = await inspectSandbox(engine, id);
  if (!sandbox?.running) throw new RuntimeError(`sandbox ${id.slice(0, 12)} ended as soon as it was started`);
  return sandbox;
}

async function createAndStart(engine: Engine, config: SandboxConfig): Promise<string> {
  const id = await createSandbox(engine, config);
  try {
    await start(engine, id);
    return id;
  } catch (error) {
    if (!(error instanceof RuntimeError) || !isOomScoreRefusal(error.message)) throw error;
    engine.logger.info("the host refuses a negative oom_score_adj: containers run without");
    engine.canLowerOomScore = false;
    await callUnless([404], () => engine.docker.getContainer(id).remove({ force: true, v: true }));
    const again = await createSandbox(engine, config);
    await start(engine, again);
    return again;
  }
}

async function start(engine: Engine, id: string): Promise<void> {
  await callUnless([304], () => engine.docker.getContainer(id).start());
}

async function createSandbox(engine: Engine, config: SandboxConfig): Promise<string> {
  const name = sandboxName(config.pod, config.attempt);
  const options = sandboxOptions(engine, config);
  try {
    return await createNamed(engine, name, options);
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== 404) throw error;
    await ensureSandboxImage(engine);
    return call(() => createNamed(engine, name, options));
  }
}

function sandboxOptions(engine: Engine, config: SandboxConfig): ContainerCreateOptions {
  return {
    Image: engine.sandboxImage,
    Hostname: config.hostNetwork ? undefined : config.hostname,
    // A namespace that the engine has no part in: to enter one of its own, even an empty one, it runs itself once more at each
    // start, which costs more than all the rest of the start.
    NetworkDisabled: !config.hostNetwork,
    Labels: {
      ...config.labels,
      ...withPrefix(ANNOTATION_PREFIX, config.annotations),
      ...podLabels(engine.nodeName, config.pod),
      [TYPE]: TYPE_SANDBOX,
      [CONTAINER_NAME]: SANDBOX_NAME,
    },
    HostConfig: {
      NetworkMode: config.hostNetwork ? "host" : "none",
      IpcMode: config.hostIPC ? "host" : "shareable",
      PidMode: config.hostPID ? "host" : "",
      CgroupParent: cgroupParent(config.cgroupParent, engine.cgroupDriver),
      Runtime: config.runtimeHandler,
      Sysctls: { ...config.sysctls },
      // Two shares: the sandbox only waits.
      CpuShares: 2,
      OomScoreAdj: acceptedOomScore(engine, SANDBOX_OOM_SCORE),
      LogConfig: { Type: "none", Config: {} },
      RestartPolicy: { Name: "no" },
      SecurityOpt: ["no-new-privileges"],
      Dns: config.dns && [...config.dns.servers],
      DnsSearch: config.dns && [...config.dns.searches],
      DnsOptions: config.dns && [...config.dns.options],
    },
  };
}
