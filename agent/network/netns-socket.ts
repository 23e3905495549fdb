/**
 * Connections that begin inside another network namespace. Node has no setns(2), and a helper process per connection or Pod
 * costs 40 MB or 50 ms; but a socket belongs to the namespace it was made in, whoever uses it later. So the main thread enters
 * the namespace, makes the socket, and leaves again, all in one synchronous step of some 30 µs: nothing else of this process
 * can run in between, and the thread pool never leaves its own.
 */
import { closeSync, openSync } from "node:fs";
import { Socket } from "node:net";
import koffi from "koffi";

const CLONE_NEWNET = 0x40000000;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const FAMILIES = { 4: 2, 6: 10 } as const;
const CONNECT_TIMEOUT_MS = 10_000;

interface Kernel {
  setns(fd: number, type: number): number;
  socket(family: number, type: number, protocol: number): number;
  /** This thread's own namespace. */
  own: number;
}

let kernel: Kernel | undefined;

function openKernel(): Kernel {
  const c = koffi.load(null);
  return {
    setns: c.func("int setns(int, int)"),
    socket: c.func("int socket(int, int, int)"),
    own: openSync("/proc/self/ns/net", "r"),
  };
}

export interface LoopbackTarget {
  /** "/proc/<pid>/ns/net", "/run/netns/<name>". */
  netns: string;
  /** 127.0.0.1 or ::1. */
  family: 4 | 6;
  port: number;
}

/**
 * A connection to a port of that namespace's own loopback address; each of its directions ends on its own.
 * @throws Error with the kernel's code (ECONNREFUSED, ...), or ENOENT when the namespace is gone
 */
export function dialLoopback({ netns, family, port }: LoopbackTarget): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // Not yet connected: Node must not begin to read by itself.
    const options = { fd: socketIn(netns, FAMILIES[family]), allowHalfOpen: true, manualStart: true };
    const socket = new Socket(options).setNoDelay();
    const fail = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timeout = () => fail(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" }));
    const timer = setTimeout(timeout, CONNECT_TIMEOUT_MS);
    socket.once("error", fail);
    socket.connect({ host: family === 4 ? "127.0.0.1" : "::1", port }, () => {
      clearTimeout(timer);
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

function socketIn(netns: string, family: number): number {
  kernel ??= openKernel();
  const there = openSync(netns, "r");
  try {
    if (kernel.setns(there, CLONE_NEWNET) !== 0) throw kernelError("setns");
    try {
      const fd = kernel.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (fd < 0) throw kernelError("socket");
      return fd;
    } finally {
      // The agent must not go on in a Pod's network: a new one finds everything as it is.
      if (kernel.setns(kernel.own, CLONE_NEWNET) !== 0) process.abort();
    }
  } finally {
    closeSync(there);
  }
}

/** Must be called before anything else is: the number is that of the last call. */
function kernelError(call: string): Error {
  const number = koffi.errno();
  const code = Object.entries(koffi.os.errno).find(([, known]) => known === number)?.[0] ?? String(number);
  return Object.assign(new Error(`${call}: ${code}`), { code, errno: number });
}
