import { generateKeyPairSync } from "node:crypto";
import { decodeJwt } from "jose";
import t from "tap";
import { ServiceAccountTokens } from "#agent/volumes/service-account-tokens.js";
import type { Pod } from "#api/generated/types.js";
import { pods } from "#api/refs.js";
import { ServiceAccountTokens as Signer } from "#apiserver/authn/service-account-token.js";
import { DirectClient } from "#apiserver/direct-transport.js";
import { ResourceTable } from "#apiserver/resource-table.js";
import { kinds } from "#resources/index.js";
import { FakeClock } from "#test/fixtures/fake-clock.js";
import { ResourceApi } from "#test/fixtures/resource-api.js";

t.test("a token is renewed before its end, and kept while no new one is to be had", async (t) => {
  const clock = new FakeClock();
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signer = new Signer(privateKey.export({ type: "pkcs8", format: "pem" }).toString(), "https://issuer");
  let away = false;
  const api = await ResourceApi.open(t, {
    issueToken: async (order) => {
      if (away) throw new Error("nobody signs");
      return signer.issue(order, clock.now());
    },
  });
  const client = new DirectClient({
    handle: (request) => api.handler.handle(request),
    table: new ResourceTable(kinds, []),
    user: { name: "system:node:n1", groups: ["system:masters"] },
    userAgent: "kubelet",
  });
  const pod: Pod = await client.create(pods, {
    metadata: { name: "web", namespace: "default" },
    spec: { containers: [{ name: "main", image: "busybox" }] },
  });
  const tokens = new ServiceAccountTokens(client, clock);
  const ask = (audience?: string) => tokens.tokenFor(pod, { path: "token", expirationSeconds: 1000, audience });
  const first = await ask();
  const claims = decodeJwt(first);
  t.match(claims, { sub: "system:serviceaccount:default:default", aud: ["https://issuer"] });
  t.match(claims["kubernetes.io"], { pod: { name: "web", uid: pod.metadata.uid } });
  t.match(decodeJwt(await ask("vault")).aud, ["vault"], "each audience has its own");
  await clock.advance(700_000);
  t.equal(await ask(), first, "the same for most of its life");
  await clock.advance(101_000);
  const second = await ask();
  t.not(second, first);
  away = true;
  await clock.advance(900_000);
  t.equal(await ask(), second, "as long as it holds");
  await clock.advance(101_000);
  await t.rejects(ask(), /failed to fetch token/);
  away = false;
  t.not(await ask(), second);
  tokens.forget(pod.metadata.uid);
});
