import { join } from "node:path";

/** Where a Pod's files are: below `<data>/pods/<uid>`, as the kubelet lays them out. */
export class PodDirectories {
  constructor(private readonly dataDir: string) {}

  get root(): string {
    return join(this.dataDir, "pods");
  }

  /** What volume plugins keep for all Pods. */
  get plugins(): string {
    return join(this.dataDir, "plugins");
  }

  /** The node's own seccomp profiles, which Pods name by their path in here. Whoever runs the node puts them there. */
  get seccompProfiles(): string {
    return join(this.dataDir, "seccomp");
  }

  of(uid: string): string {
    return join(this.root, uid);
  }

  hostsFile(uid: string): string {
    return join(this.of(uid), "etc-hosts");
  }

  resolvConf(uid: string): string {
    return join(this.of(uid), "resolv.conf");
  }

  /** What the container writes as its last words. */
  terminationLog(uid: string, container: string, attempt: number): string {
    return join(this.of(uid), "containers", container, String(attempt));
  }
}
