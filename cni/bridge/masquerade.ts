/** ipMasq: what a container sends beyond its own network leaves with the host's address. One rule an address, in nft. */
import { formatPrefix, networkOf, parsePrefix, withoutPrefix } from "#cni/lib/addresses.js";
import { attachmentComment, networkComment, nft, nftTable } from "#cni/lib/nft.js";
import type { Attached } from "#cni/lib/plugin.js";

const TABLE = "berth-cni-masquerade";
const CHAIN = "postrouting";

/** @param addresses the container's, with prefix length */
export async function addMasquerade(network: string, owner: Attached, addresses: readonly string[]): Promise<void> {
  const rules = addresses.map((text) => {
    const prefix = parsePrefix(text);
    const family = prefix.family === 4 ? "ip" : "ip6";
    const multicast = prefix.family === 4 ? "224.0.0.0/4" : "ff00::/8";
    const away = `${family} daddr != { ${formatPrefix(networkOf(prefix))}, ${multicast} }`;
    const note = JSON.stringify(attachmentComment(network, owner));
    return `add rule inet ${TABLE} ${CHAIN} ${family} saddr ${withoutPrefix(text)} ${away} masquerade comment ${note}`;
  });
  await nft([
    `add table inet ${TABLE}`,
    `add chain inet ${TABLE} ${CHAIN} { type nat hook postrouting priority srcnat; }`,
    ...rules,
  ]);
}

/** Removes the rules of every attachment for which `gone` holds. */
async function remove(gone: (comment: string) => boolean): Promise<void> {
  const objects = await nftTable("inet", TABLE);
  const rules = (objects ?? []).flatMap(({ rule }) => (rule?.comment && gone(rule.comment) ? [rule] : []));
  if (rules.length > 0) await nft(rules.map(({ handle }) => `delete rule inet ${TABLE} ${CHAIN} handle ${handle}`));
}

export async function removeMasquerade(network: string, owner: Attached): Promise<void> {
  const ours = attachmentComment(network, owner);
  await remove((text) => text === ours);
}

export async function retainMasquerade(network: string, valid: readonly Attached[]): Promise<void> {
  const keep = new Set(valid.map((owner) => attachmentComment(network, owner)));
  await remove((text) => text.startsWith(networkComment(network)) && !keep.has(text));
}
