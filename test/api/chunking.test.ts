/** Lists in pages, as upstream's conformance tests take them. */
import t, { type Test } from "tap";
import { ResourceApi } from "#test/fixtures/resource-api.js";
import { proves } from "#test/proves.js";

const SUITE = "[sig-api-machinery] Servers with support for API chunking should";
const TOTAL = 400;
const TENTH = TOTAL / 10;
const nameOf = (index: number) => `template-${String(index).padStart(4, "0")}`;

async function open(t: Test): Promise<ResourceApi> {
  const api = await ResourceApi.open(t);
  const make = (index: number) =>
    api.ok("create", "configmaps", { namespace: "default", body: { metadata: { name: nameOf(index) } } });
  await Promise.all(Array.from({ length: TOTAL }, (_, index) => make(index)));
  return api;
}

const page = (api: ResourceApi, limit: number, token = "") => {
  const query = new URLSearchParams({ limit: String(limit), ...(token && { continue: token }) }).toString();
  return api.call("list", "configmaps", { namespace: "default", query });
};

interface ListBody {
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: { metadata: { name: string } }[];
}

/** One page, which begins with the object number `found` and holds at most `limit`. @returns how many are found now */
function check(t: Test, { metadata, items }: ListBody, found: number, limit: number): number {
  t.ok(items.length <= limit);
  const expected = items.map((_, index) => nameOf(found + index));
  t.same(
    items.map(({ metadata }) => metadata.name),
    expected,
  );
  const remaining = metadata.continue ? TOTAL - found - items.length : undefined;
  t.equal(metadata.remainingItemCount, remaining);
  return found + items.length;
}

t.test("pages of any size are one list", async (t) => {
  proves(t, `${SUITE} return chunks of results for list calls [Conformance]`);
  const api = await open(t);
  for (const sizes of [[1, 7, 40], [23], [40, 13]]) {
    let found = 0;
    let token: string | undefined;
    const versions = new Set<string>();
    for (let turn = 0; turn === 0 || token; turn++) {
      const limit = sizes[turn % sizes.length]!;
      const { body } = await page(api, limit, token);
      found = check(t, body, found, limit);
      token = body.metadata.continue;
      versions.add(body.metadata.resourceVersion);
      // What is written meanwhile belongs to the next list.
      const written = { metadata: { name: nameOf(0) }, data: { turn: String(turn) } };
      await api.ok("update", "configmaps", { namespace: "default", name: nameOf(0), body: written });
    }
    t.equal(found, TOTAL);
    t.equal(versions.size, 1, "all of one revision");
  }
  t.equal((await page(api, TOTAL + 1)).body.items.length, TOTAL);
});

t.test("a list whose revision was compacted away goes on from its last key, if the client wants that", async (t) => {
  const text = "support continue listing from the last key if the original version has been compacted away, though";
  proves(t, `${SUITE} ${text} the list is inconsistent [Slow] [Conformance]`);
  const api = await open(t);
  const first = (await page(api, TENTH)).body;
  let found = check(t, first, 0, TENTH);
  const body = { metadata: { name: nameOf(0) }, data: { changed: "true" } };
  await api.ok("update", "configmaps", { namespace: "default", name: nameOf(0), body });
  await api.backend.compact(await api.backend.currentRevision());
  const expired = await page(api, TENTH, first.metadata.continue);
  t.match(expired, { status: 410, body: { kind: "Status", reason: "Expired", metadata: { continue: /./ } } });
  const second = (await page(api, TENTH, expired.body.metadata.continue)).body;
  t.not(second.metadata.resourceVersion, first.metadata.resourceVersion);
  t.equal(second.items.length, TENTH);
  found = check(t, second, found, TENTH);
  for (let token = second.metadata.continue; token; ) {
    const { body } = await page(api, TENTH, token);
    t.equal(body.metadata.resourceVersion, second.metadata.resourceVersion);
    found = check(t, body, found, TENTH);
    token = body.metadata.continue;
  }
  t.equal(found, TOTAL);
});
