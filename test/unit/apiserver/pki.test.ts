import { X509Certificate } from "node:crypto";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { DAY_MS } from "#apiserver/pki/certificate.js";
import { openPki } from "#apiserver/pki/cluster-pki.js";
import { signCsr } from "#apiserver/pki/issue.js";

const now = Date.now();
const names = ["localhost", "127.0.0.1", "::1", "kubernetes.default.svc", "10.96.0.1"];

t.test("makes every certificate once, and keeps them on restart", async (t) => {
  const folder = join(t.testdir(), "pki");
  const first = await openPki(folder, names, now);
  t.equal(statSync(folder).mode & 0o777, 0o700);
  for (const file of ["ca.key", "apiserver.key", "admin.key", "kubelet-client.key", "service-account.key", "ca.crt"]) {
    t.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  }
  const authority = new X509Certificate(first.authority.certificate);
  const serving = new X509Certificate(first.serving.certificate);
  t.ok(authority.ca);
  t.ok(serving.verify(authority.publicKey));
  for (const name of ["localhost", "kubernetes.default.svc"]) t.equal(serving.checkHost(name), name);
  for (const address of ["127.0.0.1", "::1", "10.96.0.1"]) t.ok(serving.checkIP(address), address);
  t.ok(Date.parse(serving.validFrom) <= now - 3_500_000, "backdated for skewed clocks");
  t.match(new X509Certificate(first.admin.certificate).subject, /O=system:masters\nCN=berth-admin/);
  t.match(new X509Certificate(first.kubeletClient.certificate).subject, /O=berth:apiserver\nCN=system:kube-apiserver/);
  t.same(await openPki(folder, names, now + DAY_MS), first);
});

t.test("replaces what is unusable, never the authority", async (t) => {
  const folder = join(t.testdir(), "pki");
  const first = await openPki(folder, names, now);
  writeFileSync(join(folder, "admin.key"), first.serving.key);
  const second = await openPki(folder, [...names, "berth.example"], now);
  t.equal(second.authority.certificate, first.authority.certificate);
  t.equal(second.serviceAccountKey, first.serviceAccountKey);
  t.not(second.admin.certificate, first.admin.certificate, "a pair cut in half by a kill");
  t.equal(new X509Certificate(second.serving.certificate).checkHost("berth.example"), "berth.example");
  t.equal(second.kubeletClient.certificate, first.kubeletClient.certificate);
  const third = await openPki(folder, names, now + 340 * DAY_MS);
  t.equal(third.authority.certificate, first.authority.certificate);
  t.not(third.kubeletClient.certificate, first.kubeletClient.certificate, "renewed 30 days before its end");
});

t.test("an authority without its key is an error that says what to do", async (t) => {
  const folder = join(t.testdir(), "pki");
  await openPki(folder, names, now);
  chmodSync(folder, 0o755);
  rmSync(join(folder, "ca.key"));
  await t.rejects(openPki(folder, names, now), { message: /ca\.key is not: restore the key/ });
  t.match(readFileSync(join(folder, "ca.crt"), "utf8"), /BEGIN CERTIFICATE/);
});

t.test("a certificate request proves its key and chooses nothing else", async (t) => {
  const pki = await openPki(join(t.testdir(), "pki"), names, now);
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=berth-admin, O=system:masters",
    keys,
    signingAlgorithm: algorithm,
  });
  const subject = { commonName: "system:node:n1", organizations: ["system:nodes"] };
  const pem = await signCsr(pki.authority, { subject, usage: "client" }, csr.toString("pem"), now);
  t.equal(new X509Certificate(pem).subject, "O=system:nodes\nCN=system:node:n1");
  const raw = Buffer.from(csr.rawData);
  raw[raw.length - 5]! ^= 1;
  const forged = x509.PemConverter.encode(raw, "CERTIFICATE REQUEST");
  await t.rejects(signCsr(pki.authority, { subject, usage: "client" }, forged, now), /signature/);
});
