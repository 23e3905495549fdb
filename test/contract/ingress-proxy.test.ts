import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import type { TLSSocket } from "node:tls";
import t from "tap";
import { WebSocket } from "ws";
import { ipBatch } from "#cni/lib/ip-command.js";
import { makeDefaultCertificate } from "#controlplane/controllers/ingress/default-certificate.js";
import { imageFile } from "#scripts/lab/images.js";
import { startBackend } from "#test/fixtures/http-backend.js";
import { newIngress, newService, newSlice, newTlsSecret, rule, toService } from "#test/fixtures/ingress-objects.js";
import { type ClusterState, configurationOf, NginxProxy } from "./nginx-proxy.js";
import { enterOwnNetns, eventually } from "./own-netns.js";

// While there is a way out: a fresh machine makes it from Debian's packages.
await imageFile("nginx");
await enterOwnNetns(import.meta.url);

/** Service → its address; on each a web server that answers with the Service's name. */
const addresses = { a: "10.96.0.1", b: "10.96.0.2", c: "10.96.0.3", d: "10.96.0.4" };
/** Nobody listens there. */
const DEAD = "10.96.0.9";
await ipBatch([...Object.values(addresses), DEAD].map((ip) => `address add ${ip}/32 dev lo`));
for (const [name, ip] of Object.entries(addresses)) {
  const server = await startBackend(ip, 80, name);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
}
const all = { ...addresses, dead: DEAD, empty: "10.96.0.8" };
const services = Object.entries(all).map(([name, ip]) => newService(name, ip));
const slices = Object.keys({ ...addresses, dead: "" }).map((name) => newSlice(name, ["10.244.0.1"]));
const proxy = await NginxProxy.start(t);
const serve = (...ingresses: ClusterState["ingresses"]) => proxy.serve({ ingresses, services, slices });

interface Answer {
  status: number;
  location?: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the backend was asked, or nothing
  asked: any;
  fingerprint?: string;
}

function get(url: string, options: http.RequestOptions & { body?: string | Buffer } = {}): Promise<Answer> {
  const { protocol, hostname, pathname, search } = new URL(url);
  const secure = protocol === "https:";
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const tls = { servername: hostname, rejectUnauthorized: false };
    const where = {
      host: "127.0.0.1",
      port: secure ? 8443 : 8080,
      path: `${pathname}${search}`,
      agent: false as const,
    };
    const request = (secure ? https : http).request(
      { ...where, ...tls, ...rest, headers: { Host: hostname, ...rest.headers } },
      (response) => {
        const fingerprint = secure ? (response.socket as TLSSocket).getPeerCertificate().fingerprint256 : undefined;
        let text = "";
        response.on("data", (chunk) => {
          text += String(chunk);
        });
        response.on("end", () => {
          const asked = response.headers["content-type"] === "application/json" ? JSON.parse(text) : undefined;
          resolve({ status: response.statusCode ?? 0, location: response.headers.location, asked, fingerprint });
        });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** Which backend answered, or the status. */
async function who(url: string, host?: string): Promise<string | number> {
  const { asked, status } = await get(url, host === undefined ? {} : { headers: { Host: host } });
  return asked?.backend ?? status;
}

t.test("hosts and paths", async (t) => {
  await serve(
    newIngress("one", {
      rules: [
        rule(
          "x.test",
          ["Prefix", "/", "a"],
          ["Prefix", "/foo", "b"],
          ["Exact", "/foo/exact", "c"],
          ["Prefix", "/foo/bar/", "d"],
          ["Exact", "/both", "c"],
          ["Prefix", "/both", "d"],
          ["ImplementationSpecific", "/impl", "d"],
          ["Prefix", "/caf%C3%A9", "b"],
        ),
        rule("*.wild.test", ["Prefix", "/", "b"]),
        rule("exact.wild.test", ["Exact", "/only", "c"]),
      ],
    }),
    newIngress("any", { rules: [rule(undefined, ["Prefix", "/anywhere", "d"], ["Exact", "/exactly", "c"])] }),
  );
  const table: [url: string, wanted: string | number][] = [
    ["http://x.test/", "a"],
    ["http://x.test/foobar", "a"],
    ["http://x.test/foo", "b"],
    ["http://x.test/foo/", "b"],
    ["http://x.test/foo?q=/foo/exact", "b"],
    ["http://x.test/foo/exact", "c"],
    ["http://x.test/foo/exact/", "b"],
    ["http://x.test/foo/bar", "d"],
    ["http://x.test/foo/bar/baz", "d"],
    ["http://x.test/foo/barbaz", "b"],
    ["http://x.test/Foo", "a"],
    ["http://x.test/both", "c"],
    ["http://x.test/both/", "d"],
    ["http://x.test/impl/x", "d"],
    ["http://x.test/implement", "a"],
    ["http://x.test/caf%C3%A9/x", "b"],
    ["http://x.test/anywhere", "a"],
    ["http://one.wild.test/", "b"],
    ["http://two.one.wild.test/", 404],
    ["http://wild.test/", 404],
    ["http://exact.wild.test/only", "c"],
    ["http://exact.wild.test/", 404],
    ["http://exact.wild.test/anywhere/x", "d"],
    ["http://exact.wild.test/exactly", "c"],
    ["http://unknown.test/", 404],
    ["http://unknown.test/anywhere", "d"],
    ["http://unknown.test/anywhereelse", 404],
  ];
  for (const [url, wanted] of table) t.equal(await who(url), wanted, url);
  t.equal(await who("http://x.test/foo", "X.TEST:8080"), "b", "case and port of the host do not matter");
  const { asked } = await get("http://x.test/foo//bar/..%2Fbaz?a=%20b");
  t.equal(asked.url, "/foo//bar/..%2Fbaz?a=%20b", "the backend sees the very path");
});

t.test("default backends, and several Ingresses for one host", async (t) => {
  const older = newIngress("older", { rules: [rule("m.test", ["Prefix", "/one", "a"])] });
  const younger = newIngress("younger", {
    defaultBackend: toService("d", "http"),
    rules: [rule("m.test", ["Prefix", "/one", "b"], ["Prefix", "/two", "b"])],
  });
  const problems = await serve(older, younger, newIngress("all", { defaultBackend: toService("c") }));
  t.same(
    problems.map(({ ingress, reason, message }) => [ingress.metadata.name, reason, message]),
    [["younger", "RouteConflict", 'host "m.test" path "/one": already taken by the older ingress default/older']],
  );
  t.equal(await who("http://m.test/one"), "a", "the older one has it");
  t.equal(await who("http://m.test/two"), "b");
  t.equal(await who("http://m.test/three"), "d", "the host's own default backend");
  t.equal(await who("http://elsewhere.test/"), "c", "everybody's default backend");
});

t.test("404, 502, 503 and 504 say what is wrong", async (t) => {
  const annotations = { "nginx.ingress.kubernetes.io/proxy-read-timeout": "1" };
  const paths: [string, string, string][] = ["dead", "empty", "missing", "a"].map((s) => ["Prefix", `/${s}`, s]);
  const problems = await serve(
    newIngress("e", { rules: [rule("e.test", ...paths, ["Exact", "/hang", "a"])] }, { annotations }),
  );
  t.same(
    problems.map(({ reason, message }) => `${reason}: ${message}`),
    ['ServiceNotFound: service "missing" not found'],
  );
  t.equal(await who("http://e.test/"), 404);
  t.equal(await who("http://e.test/dead"), 502, "the backend refuses");
  t.equal(await who("http://e.test/empty"), 503, "a service without endpoints");
  t.equal(await who("http://e.test/missing"), 503, "no such service");
  t.equal(await who("http://e.test/hang"), 504, "the backend does not answer in time");
});

t.test("headers", async (t) => {
  await serve(newIngress("h", { rules: [rule("h.test", ["Prefix", "/", "a"])] }));
  const headers = { "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", Proxy: "http://evil", Cookie: "a=b" };
  const { asked } = await get("http://h.test/x", { headers: { Host: "h.test:8080", ...headers } });
  t.match(asked.headers, {
    host: "h.test:8080",
    "x-forwarded-for": "127.0.0.1",
    "x-real-ip": "127.0.0.1",
    "x-forwarded-host": "h.test:8080",
    "x-forwarded-proto": "http",
    "x-forwarded-port": "80",
    cookie: "a=b",
  });
  t.notOk(asked.headers.proxy, "a client sets no HTTP_PROXY");
  const secure = await get("https://h.test/x");
  t.match(secure.asked.headers, { "x-forwarded-proto": "https", "x-forwarded-port": "443" });
});

t.test("bodies stream both ways, connections to backends are kept", async (t) => {
  const body = Buffer.alloc(20_000_000, "x");
  const { asked } = await get("http://h.test/upload", { method: "POST", body });
  t.equal(asked.bytes, body.length, "20 MB up");
  const connections = new Set<number>();
  for (let i = 0; i < 10; i++) connections.add((await get("http://h.test/")).asked.connection);
  t.ok(connections.size < 10, `${connections.size} connections for 10 requests`);
  const response = await new Promise<http.IncomingMessage>((resolve) => {
    http.get({ host: "127.0.0.1", port: 8080, path: "/stream", headers: { Host: "h.test" }, agent: false }, resolve);
  });
  const [first] = (await once(response, "data")) as [Buffer];
  t.match(String(first), /^1\n/, "the first line arrives while the backend goes on");
  response.destroy();
});

t.test("WebSockets and other upgrades", async (t) => {
  const ws = new WebSocket("ws://127.0.0.1:8080/socket", { headers: { Host: "h.test" } });
  await once(ws, "open");
  ws.send("hello");
  const [message] = (await once(ws, "message")) as [Buffer];
  t.equal(String(message), "a: hello");
  ws.terminate();
  const raw = net.connect(8080, "127.0.0.1");
  raw.write("GET / HTTP/1.1\r\nHost: h.test\r\nConnection: Upgrade\r\nUpgrade: tcp-echo\r\n\r\n");
  let seen = "";
  raw.on("data", (chunk) => {
    seen += String(chunk);
  });
  await eventually(() => seen.includes("\r\n\r\n"));
  t.match(seen, /^HTTP\/1.1 101 [\s\S]*Upgrade: tcp-echo/i);
  raw.write("ping");
  await eventually(() => seen.endsWith("ping"));
  raw.destroy();
});

const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256;

t.test("TLS", async (t) => {
  const [one, wild] = [await makeDefaultCertificate(Date.now()), await makeDefaultCertificate(Date.now())];
  const secrets = [
    newTlsSecret("one", one.certificate, one.key),
    newTlsSecret("wild", wild.certificate, wild.key),
    newTlsSecret("bad", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", one.key),
    newTlsSecret("mixed", one.certificate, wild.key),
  ];
  const root: [string, string, string] = ["Prefix", "/", "a"];
  const problems = await proxy.serve({
    services,
    slices,
    secrets,
    ingresses: [
      newIngress("one", {
        tls: [{ hosts: ["one.tls.test"], secretName: "one" }],
        rules: [rule("one.tls.test", root, ["Exact", "/.well-known/acme-challenge/x", "b"])],
      }),
      newIngress("wild", { tls: [{ secretName: "wild" }], rules: [rule("*.tls.test", root)] }),
      newIngress("bad", { tls: [{ hosts: ["bad.test"], secretName: "bad" }], rules: [rule("bad.test", root)] }),
      newIngress("mixed", { tls: [{ hosts: ["mixed.test"], secretName: "mixed" }], rules: [rule("mixed.test", root)] }),
      newIngress("gone", { tls: [{ hosts: ["gone.test"], secretName: "gone" }], rules: [rule("gone.test", root)] }),
      newIngress("plain", { rules: [rule("plain.test", root)] }),
      newIngress(
        "both",
        { tls: [{ hosts: ["both.test"], secretName: "one" }], rules: [rule("both.test", root)] },
        { annotations: { "nginx.ingress.kubernetes.io/ssl-redirect": "false" } },
      ),
      newIngress("thief", { tls: [{ hosts: ["plain.test"], secretName: "wild" }], rules: [rule("other.test", root)] }),
    ],
  });
  t.same(
    problems.map(({ ingress, reason }) => `${ingress.metadata.name} ${reason}`),
    ["bad BadCertificate", "mixed BadCertificate", "gone SecretNotFound", "thief TLSHostWithoutRule"],
  );
  const shown = async (host: string) => (await get(`https://${host}/`)).fingerprint;
  const fallback = fingerprint(proxy.defaultCertificate);
  t.equal(await shown("one.tls.test"), fingerprint(one.certificate));
  t.equal(await shown("two.tls.test"), fingerprint(wild.certificate), "by the wildcard");
  for (const host of ["bad.test", "mixed.test", "gone.test", "plain.test", "unknown.test"])
    t.equal(await shown(host), fallback, `${host}: the default certificate`);
  t.equal(await who("https://bad.test/"), "a", "and it is served");
  t.match(await get("http://one.tls.test/x?y"), { status: 308, location: "https://one.tls.test/x?y" });
  t.equal(await who("http://one.tls.test/.well-known/acme-challenge/x"), "b", "a challenge is not redirected");
  t.equal(await who("http://plain.test/"), "a", "no redirect without TLS");
  t.equal(await who("http://both.test/"), "a", "no redirect where it is not wanted");
});

t.test("a change of routes drops nothing", async (t) => {
  const before = newIngress("r", { rules: [rule("r.test", ["Prefix", "/", "a"])] });
  await serve(before);
  const ws = new WebSocket("ws://127.0.0.1:8080/socket", { headers: { Host: "r.test" } });
  await once(ws, "open");
  const download = await new Promise<http.IncomingMessage>((resolve) => {
    http.get({ host: "127.0.0.1", port: 8080, path: "/stream", headers: { Host: "r.test" }, agent: false }, resolve);
  });
  let lines = "";
  download.on("data", (chunk) => {
    lines += String(chunk);
  });
  const failures: unknown[] = [];
  let requests = 0;
  let stop = false;
  const load = (async () => {
    while (!stop) {
      const outcome = await who("http://r.test/").catch((error) => error);
      requests++;
      if (outcome !== "a" && outcome !== "b") failures.push(outcome);
    }
  })();
  for (const backend of ["b", "a", "b"])
    await serve(newIngress("r", { rules: [rule("r.test", ["Prefix", "/", backend])] }));
  await eventually(async () => (await who("http://r.test/")) === "b");
  stop = true;
  await load;
  t.same(failures, [], `none of ${requests} requests failed`);
  ws.send("still here");
  t.equal(String(((await once(ws, "message")) as [Buffer])[0]), "a: still here", "a WebSocket lives on");
  const now = lines.length;
  await eventually(() => lines.length > now);
  t.pass("a download goes on");
  ws.terminate();
  download.destroy();
});

t.test("a configuration that nginx refuses changes nothing", async (t) => {
  await serve(newIngress("k", { rules: [rule("k.test", ["Prefix", "/", "a"])] }));
  const { files } = configurationOf({ ingresses: [] }, proxy.defaultCertificate);
  const version = await proxy.write(new Map([...files, ["nginx.conf", "nonsense;\n"]]));
  await proxy.said(`version ${version} is refused`);
  t.equal(await who("http://k.test/"), "a");
  await serve(newIngress("k", { rules: [rule("k.test", ["Prefix", "/", "b"])] }));
  await eventually(async () => (await who("http://k.test/")) === "b");
});

const hostile = [
  '/"; return 200 pwned; #',
  "/' { return 200; }",
  "/\\",
  '/\\"; return 200 pwned; #',
  "/a;b",
  "/{}",
  "/}} server { listen 81; }",
  "/$host",
  "/${request_uri}",
  "/ space",
  "/~ regex",
  "/#comment",
  "/100%",
  "/%zz",
  "/()[]^$.*+?|",
  "/include /etc/passwd;",
  "/ключ",
  "/\u2028x",
  `/${"x".repeat(253)}`,
];

t.test("hostile paths are just paths", async (t) => {
  const problems = await serve(
    newIngress("evil", {
      rules: [
        rule("evil.test", ...hostile.map((path): [string, string, string] => ["Exact", path, "b"])),
        rule("good.test", ["Prefix", "/", "a"], ["Prefix", `/${"y".repeat(253)}`, "c"]),
      ],
    }),
  );
  t.same(problems, []);
  t.equal(await who(`http://good.test/${"y".repeat(253)}/z`), "c", "the longest prefix there may be");
  t.equal(await who("http://good.test/"), "a");
  // Not in the test's name: "#" means something there.
  const answers = hostile.map(async (path) => {
    const url = `http://evil.test${encodeURI(path).replaceAll(/[?#]/g, encodeURIComponent)}`;
    return [path, await who(url)];
  });
  t.same(
    await Promise.all(answers),
    hostile.map((path) => [path, "b"]),
  );
  t.equal(await who("http://evil.test/other"), 404);
});

t.test("what cannot be served is told, and is in nobody's way", async (t) => {
  const annotations = {
    "nginx.ingress.kubernetes.io/configuration-snippet": "return 200 pwned;",
    "nginx.ingress.kubernetes.io/proxy-read-timeout": "1s; return 200 pwned",
    "nginx.ingress.kubernetes.io/backend-protocol": "HTTP; }",
    "nginx.ingress.kubernetes.io/constructor": "x",
  };
  const specific: [string, string, string][] = ["/a\nb", "/a%0Ab", "/\u0000", `/${"x".repeat(254)}`, "/\ud800"].map(
    (path) => ["ImplementationSpecific", path, "a"],
  );
  const longest = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;
  const problems = await serve(
    newIngress("evil", { rules: [rule("evil.test", ...specific, ["Prefix", "/fine", "b"])] }, { annotations }),
    newIngress("long", { rules: [rule(longest, ["Prefix", "/", "c"])] }),
    newIngress("good", { rules: [rule("good.test", ["Prefix", "/", "a"])] }),
  );
  t.same(problems.map(({ reason }) => reason).sort(), [
    ...Array(4).fill("AnnotationIgnored"),
    ...Array(5).fill("PathNotServed"),
  ]);
  t.equal(await who("http://evil.test/fine"), "b");
  t.equal(await who("http://evil.test/a"), 404);
  t.equal(await who(`http://${longest}/`), "c", "the longest name there is");
  t.equal(await who("http://good.test/"), "a");
});
