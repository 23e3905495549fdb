import t from "tap";
import { parseNameWithPort } from "#apiserver/proxy/name-with-port.js";
import { hostPort, proxyable } from "#apiserver/proxy/target.js";

t.test("scheme, name and port out of one name", async (t) => {
  t.same(parseNameWithPort("web"), { scheme: "", name: "web", port: "" });
  t.same(parseNameWithPort("web:http"), { scheme: "", name: "web", port: "http" });
  t.same(parseNameWithPort("https:web:443"), { scheme: "https", name: "web", port: "443" });
  t.same(parseNameWithPort("https:web:"), { scheme: "https", name: "web", port: "" });
  for (const wrong of ["", ":80", "ftp:web:21", "a:b:c:d"]) t.equal(parseNameWithPort(wrong), undefined, wrong);
});

t.test("addresses a user may be led to", async (t) => {
  for (const ip of ["10.244.1.2", "192.0.2.1", "fd00::1"]) t.equal(proxyable(ip), ip);
  for (const ip of [undefined, "", "127.0.0.1", "169.254.169.254", "::1", "fe80::1", "::ffff:127.0.0.1", "0.0.0.0"])
    t.throws(() => proxyable(ip), { code: 400, message: "address not allowed" }, String(ip));
  t.equal(hostPort("fd00::1", 80), "[fd00::1]:80");
});
