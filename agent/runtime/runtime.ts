/**
 * The container runtime the agent needs, in Kubernetes' terms. Only `docker/` implements it and only `docker/` imports
 * dockerode. Every method is safe to repeat: creating what exists returns it, stopping or removing what is gone succeeds.
 */
import type { Readable, Writable } from "node:stream";

export interface Runtime {
  version(): Promise<RuntimeVersion>;

  /** Creates and starts the sandbox that holds the Pod's namespaces. Idempotent for one pod uid and attempt. */
  runSandbox(config: SandboxConfig): Promise<Sandbox>;
  /** Stops the sandbox; grace 0, it has nothing to save. */
  stopSandbox(id: string): Promise<void>;
  removeSandbox(id: string): Promise<void>;
  /** All sandboxes of this agent, running or not. */
  listSandboxes(): Promise<Sandbox[]>;
  inspectSandbox(id: string): Promise<Sandbox | undefined>;

  /** Idempotent for one pod uid, container name and attempt: the name is deterministic, a collision returns the existing one. */
  createContainer(config: ContainerConfig): Promise<string>;
  /** @throws RuntimeError with the engine's message when the command cannot be started */
  startContainer(id: string): Promise<void>;
  /** @param graceSeconds time between the stop signal and SIGKILL */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  /** Changes what a running container may use. @throws RuntimeError when the engine refuses, as with memory in use */
  updateContainer(id: string, resources: ContainerResources): Promise<void>;
  removeContainer(id: string): Promise<void>;
  /** All Pod containers of this agent (not sandboxes), of one Pod when `podUid` is given, dead ones too. */
  listContainers(podUid?: string): Promise<ContainerSummary[]>;
  inspectContainer(id: string): Promise<ContainerState | undefined>;

  /** Runs a command and collects its output. @param timeoutMs 0 is no limit; on time-out rejects with TimeoutError */
  execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult>;
  /** Runs a command with streams attached; resolves once it runs. */
  exec(id: string, command: readonly string[], streams: ExecStreams): Promise<ExecSession>;
  attach(id: string, streams: ExecStreams): Promise<ExecSession>;
  /** Raw log frames, stdout and stderr apart, each line prefixed with its RFC 3339 nano time. */
  logs(id: string, options: LogOptions): Promise<LogStream>;

  pullImage(image: string, auth?: RegistryAuth): Promise<ImageInfo>;
  inspectImage(image: string): Promise<ImageInfo | undefined>;
  listImages(): Promise<ImageInfo[]>;
  /** @param image a name, which goes, and with the last one the image; or the id of an image with at most one name */
  removeImage(image: string): Promise<void>;
  /** Ids of the images of all the engine's containers, whoever made them, running or not. */
  imagesInUse(): Promise<ReadonlySet<string>>;
  /** The image's file system as a tar stream; resolves when `read` has. */
  exportImage(id: string, read: (tar: Readable) => Promise<void>): Promise<void>;

  /** Container life-cycle events as they happen. `onEnd` is called when the engine's stream breaks; then relist and call again. */
  events(onEvent: (event: RuntimeEvent) => void, onEnd: (error?: Error) => void): Promise<{ close(): void }>;
}

export interface RuntimeVersion {
  /** "docker" */
  name: string;
  version: string;
  apiVersion: string;
  operatingSystem: string;
  kernelVersion: string;
  cgroupDriver: "cgroupfs" | "systemd";
  cgroupVersion: 1 | 2;
  rootDirectory: string;
}

export interface PodIdentity {
  namespace: string;
  name: string;
  uid: string;
}

export interface SandboxConfig {
  pod: PodIdentity;
  /** Rises when the sandbox has to be made again. */
  attempt: number;
  hostname: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  hostNetwork: boolean;
  hostPID: boolean;
  hostIPC: boolean;
  shareProcessNamespace: boolean;
  /** Cgroup of the whole Pod, for example "/kubepods/burstable/pod<uid>". */
  cgroupParent: string;
  sysctls: Readonly<Record<string, string>>;
  /** The engine's name of the runtime that runs the Pod ("runc", "runsc", "kata"); absent: its default. */
  runtimeHandler?: string;
  /** Absent: the engine's default (/etc/resolv.conf of the host). */
  dns?: { servers: readonly string[]; searches: readonly string[]; options: readonly string[] };
}

export interface Sandbox {
  id: string;
  pod: PodIdentity;
  attempt: number;
  running: boolean;
  /** Process that holds the namespaces; 0 when not running. Network namespace: /proc/<pid>/ns/net. */
  pid: number;
  hostNetwork: boolean;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** The pod's labels and annotations, and what the agent wrote for itself, as stored with the sandbox. */
  labels: Readonly<Record<string, string>>;
}

export interface ContainerConfig {
  pod: PodIdentity;
  sandboxId: string;
  name: string;
  attempt: number;
  /** Image id or reference as resolved by the image manager; `imageRef` is what the Pod asked for. */
  image: string;
  imageRef: string;
  entrypoint?: readonly string[];
  args?: readonly string[];
  workingDir?: string;
  env: readonly { name: string; value: string }[];
  mounts: readonly ContainerMount[];
  resources: ContainerResources;
  cgroupParent: string;
  /** As of the sandbox. */
  runtimeHandler?: string;
  /** Whose process namespace: its own, the sandbox's (shareProcessNamespace), the host's, or that of a container by id. */
  pidNamespace: "container" | "pod" | "host" | { container: string };
  ipcNamespace: "pod" | "host";
  /** "uid", "uid:gid"; absent: the image's. */
  user?: string;
  groupAdd: readonly string[];
  /** The signal that asks the container to end, "SIGQUIT"; absent: the image's, else SIGTERM. */
  stopSignal?: string;
  tty: boolean;
  stdin: boolean;
  stdinOnce: boolean;
  privileged: boolean;
  readOnlyRootFilesystem: boolean;
  capabilities: { add: readonly string[]; drop: readonly string[] };
  /** As the engine takes them: "no-new-privileges", "seccomp=unconfined", "label=level:s0". */
  securityOptions: readonly string[];
  /** Nothing of /proc is hidden or read-only. */
  unmaskedProc: boolean;
  /** Relative badness for the OOM killer; left out where the host refuses it. */
  oomScoreAdj?: number;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
}

export interface ContainerMount {
  hostPath: string;
  containerPath: string;
  readOnly: boolean;
  /** With `readOnly`: whether what is mounted below is read-only too. "IfPossible" is where the engine can do it. */
  recursiveReadOnly?: "Disabled" | "IfPossible" | "Enabled";
  propagation?: "private" | "rslave" | "rshared";
}

export interface ContainerResources {
  cpuShares?: number;
  /** Microseconds of CPU per period. */
  cpuQuota?: number;
  cpuPeriod?: number;
  /** Bytes. */
  memoryLimit?: number;
}

export interface ContainerSummary {
  id: string;
  pod: PodIdentity;
  name: string;
  attempt: number;
  sandboxId: string;
  state: "created" | "running" | "exited" | "unknown";
  /** Milliseconds since the epoch. */
  createdAt: number;
  labels: Readonly<Record<string, string>>;
}

export interface ContainerState extends ContainerSummary {
  image: string;
  imageRef: string;
  imageId: string;
  pid: number;
  /** Milliseconds since the epoch; 0 when it has not happened. */
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  oomKilled: boolean;
  /** What it may use now. */
  resources: ContainerResources;
  /** The engine's message when the container could not be started. */
  error: string;
  /** The file the engine writes its output to; absent when it keeps none. */
  logPath?: string;
  annotations: Readonly<Record<string, string>>;
  /** Folder of what the container has written over its image; absent where the engine's storage has no such folder. */
  writableLayer?: string;
}

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface ExecStreams {
  stdin?: Readable;
  stdout?: Writable;
  stderr?: Writable;
  tty: boolean;
}

export interface ExecSession {
  resize(width: number, height: number): Promise<void>;
  /** Resolves when the command has ended and its output is written. */
  wait(): Promise<{ exitCode: number }>;
  close(): void;
}

export interface LogOptions {
  follow: boolean;
  /** Lines from the end; absent: all. */
  tail?: number;
  /** Seconds since the epoch, may be fractional. */
  since?: number;
}

export interface LogStream {
  /** Plain output with a time before each line; standard output and error merged in order. */
  output: Readable;
  close(): void;
}

/** A container's log is kept in files that the engine rotates: the oldest is deleted when there would be one too many. */
export interface LogRotation {
  /** Bytes of a file. */
  maxSize: number;
  /** At least two: with one, a rotation would throw everything away. */
  maxFiles: number;
}

export interface RegistryAuth {
  username: string;
  password: string;
  serverAddress: string;
}

export interface ImageInfo {
  id: string;
  tags: readonly string[];
  digests: readonly string[];
  /** Bytes. */
  size: number;
  /** The image's configured user, "" when none. */
  user: string;
}

export interface RuntimeEvent {
  type: "sandbox" | "container";
  action: "create" | "start" | "die" | "oom" | "destroy";
  id: string;
  podUid: string;
  /** "" for a sandbox. */
  containerName: string;
}

export class RuntimeError extends Error {
  constructor(
    message: string,
    /** The engine's HTTP status, 0 when there was none. */
    readonly code = 0,
  ) {
    super(message);
    this.name = "RuntimeError";
  }
}

export class TimeoutError extends Error {
  override name = "TimeoutError";
}
