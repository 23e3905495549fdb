import t from "tap";
import * as refs from "#api/refs.js";
import { findKind, findResource, kinds } from "#resources/index.js";

t.test("every resource the components talk about is served, once, as they name it", async (t) => {
  t.equal(kinds.length, Object.keys(refs).length);
  for (const ref of Object.values(refs)) {
    const kind = findResource(ref.group, ref.version, ref.plural);
    t.match(kind, { kind: ref.kind, namespaced: ref.namespaced }, ref.plural);
    t.equal(findKind(ref.group, ref.version, ref.kind), kind);
  }
  // The metrics API calls what it measures by its own names, and versions of a kind share theirs.
  const stored = kinds.filter(({ computed, view }) => !computed && !view?.accept);
  const names = stored.flatMap((kind) => [kind.plural, ...(kind.shortNames ?? [])]);
  t.equal(new Set(names).size, names.length, "no two kinds share a name");
});

/** kubectl's users get no age of these from upstream either. */
const ageless = new Set(["CSIStorageCapacity"]);

t.test("every kind has the columns people look for", async (t) => {
  for (const { kind, columns = [], computed } of kinds) {
    t.ok(
      columns.some((column) => column.format === "name"),
      `${kind} has its name`,
    );
    const isOld = columns.some(({ type, name }) => type === "date" || name === "Created At");
    t.ok(computed || isOld || ageless.has(kind), `${kind} has its age`);
  }
});
