/** Pods that tell who they are over HTTP and UDP, as upstream's netserver does, and ways to ask them from Pods and from nodes. */
import type { LabNode } from "#scripts/lab/state.js";
import { type NamespaceSession, pod } from "./lab-session.js";

export const HTTP_PORT = 8083;
export const UDP_PORT = 8081;

/** Answers "<pod> <address of the asker> <bytes received>". The image has nothing for UDP: perl comes from the host. */
const UDP_SERVER = `use IO::Socket::INET; $SIG{TERM} = sub { exit };
$s = IO::Socket::INET->new(LocalPort => ${UDP_PORT}, Proto => "udp") or die $!;
while (defined $s->recv($m, 65535)) { $s->send("$ENV{HOSTNAME} " . $s->peerhost . " " . length $m) }`;

/** One question of so many bytes; prints the answer, or nothing after ten seconds. */
const UDP_CLIENT = `use IO::Socket::INET; alarm 10;
$s = IO::Socket::INET->new(PeerAddr => $ARGV[0], Proto => "udp") or die $!;
$s->send("x" x $ARGV[1]); $s->recv($m, 1500); print $m`;

/** HTTP, by which a Pod is ready, comes when UDP is there. */
const bound = `grep -q :${UDP_PORT.toString(16).toUpperCase()} /proc/net/udp`;
const SERVE = `mkdir /www; hostname > /www/hostname
(until ${bound}; do sleep 0.1; done; busybox httpd -p ${HTTP_PORT} -h /www) &
exec chroot /host perl -e '${UDP_SERVER}'`;

/** @param container further fields of its container. @param spec further fields of the Pod's spec */
export function netserver(name: string, container: object = {}, spec: object = {}): object {
  const volumeMounts = [{ name: "host", mountPath: "/host" }];
  const readinessProbe = { tcpSocket: { port: HTTP_PORT }, periodSeconds: 1 };
  return pod(
    name,
    { command: ["sh", "-c", SERVE], volumeMounts, readinessProbe, ...container },
    { volumes: [{ name: "host", hostPath: { path: "/" } }], ...spec },
  );
}

/** Someone who asks. */
export type Asker = (command: readonly string[]) => Promise<string>;

export function fromPod(ns: NamespaceSession, name: string): Asker {
  return async (command) => (await ns.tryKubectl(["exec", name, "--", ...command])).stdout.trim();
}

/** From a node itself; a failure is an empty answer, as it is from a Pod. */
export function fromNode(ns: NamespaceSession, node: LabNode): Asker {
  return (command) =>
    ns.session.on(node, command).then(
      (text) => text.trim(),
      () => "",
    );
}

/** A page of a netserver; "" when there is none. No -T: Debian's busybox crashes on it. */
export function fetch(ask: Asker, address: string, port = HTTP_PORT, path = "hostname"): Promise<string> {
  return ask(["busybox", "timeout", "10", "busybox", "wget", "-qO-", `http://${address}:${port}/${path}`]);
}

/** What the netserver saw of a datagram. @param root where the asker finds the host's files: "/host" in a netserver Pod */
export async function datagram(ask: Asker, root: string, address: string, bytes = 8, port = UDP_PORT) {
  const answer = await ask(["chroot", root, "perl", "-e", UDP_CLIENT, `${address}:${port}`, String(bytes)]);
  const [name = "", seen = "", received = ""] = answer.split(" ");
  return { name, seen, received: Number(received) };
}
