import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import t from "tap";
import { htmlLinks, rewriteLink } from "#apiserver/proxy/links.js";

const prefix = "/api/v1/namespaces/n/pods/web:80/proxy";
const site = { prefix, host: "10.244.0.5:80", seenAs: "localhost:8001" };

t.test("absolute paths on the server go below the proxy, everything else stays", async (t) => {
  const cases: [string, string][] = [
    ["/a/?b#c", `${prefix}/a/?b#c`],
    ["/", `${prefix}/`],
    [`${prefix}/a`, `${prefix}/a`],
    [`${prefix}fix`, `${prefix}${prefix}fix`],
    ["http://10.244.0.5:80/a", `${prefix}/a`],
    ["//10.244.0.5:80/a", `${prefix}/a`],
    ["http://localhost:8001/a", `http://localhost:8001${prefix}/a`],
  ];
  for (const [link, expected] of cases) t.equal(rewriteLink(link, site), expected, link);
  const others = ["a", "../a", "?q", "#f", "", "//cdn.example/a", "https://example.com/", "mailto:/x", "data:/a,b"];
  for (const link of others) t.equal(rewriteLink(link, site), link, link);
});

async function rewritten(html: Buffer, size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let i = 0; i < html.length; i += size) chunks.push(html.subarray(i, i + size));
  const out: Buffer[] = [];
  const sink = new Writable({ write: (chunk: Buffer, _encoding, done) => done(void out.push(chunk)) });
  await pipeline([Readable.from(chunks), ...htmlLinks(site), sink]);
  return Buffer.concat(out);
}

t.test("a page's links, in whatever pieces it comes; all other bytes as they were", async (t) => {
  const page = (path: (text: string) => string) =>
    `<!DOCTYPE html>\r\n<A  HREF=${path("/x")} class='y' >té&eacute;</A><!-- <a href="/no"> --><IMG alt=">" src=${path("/i.png")}/>` +
    `<script src=${path("/s.js?a=1&amp;b=2")}>if (a<b) "<a href='/no'>"</script><pre>\n\n</pre>\r<textarea><a href="/no"></textarea>`;
  const before = page((text) => `'${text}'`);
  const after = page((text) => `"${prefix}${text}"`).replace("HREF", "href");
  for (const size of [1, 5, 10_000])
    t.equal(String(await rewritten(Buffer.from(before), size)), after, `${size} bytes`);
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i).filter((i) => i !== 0x3c));
  t.same(await rewritten(bytes, 10), bytes, "an unknown encoding");
});
