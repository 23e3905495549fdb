/** The runtime schema: what decoding, patching and managedFields need to know, and no prose. Read by controlplane/api/schema.ts. */

const compact = (entries) => Object.fromEntries(Object.entries(entries).filter(([, value]) => value));

function field({ type, shape, filled, present, listType, keys, mergeKey, strategy, atomicMap, stringType, ...rest }) {
  return compact({
    type,
    shape: shape === "one" ? undefined : shape,
    filled,
    present,
    listType,
    keys,
    mergeKey,
    strategy,
    atomicMap,
    stringType,
    default: rest.default,
  });
}

export function renderSchema(types) {
  const out = {};
  for (const [name, type] of types) {
    const goName = type.goName === name ? undefined : type.goName;
    out[name] = {
      ...compact({ goName, atomic: type.atomic }),
      fields: Object.fromEntries(type.fields.map((each) => [each.name, field(each)])),
    };
  }
  return JSON.stringify(out);
}
