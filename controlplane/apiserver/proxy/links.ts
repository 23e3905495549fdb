/**
 * Links of what is served through the proxy: an absolute path on the server behind it is below the proxy's own path for the
 * client. https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/
 */
import { type Duplex, Transform } from "node:stream";
import type { Token } from "parse5";
import { RewritingStream } from "parse5-html-rewriting-stream";

export interface Site {
  /** The proxy's path, without a slash at its end. */
  readonly prefix: string;
  /** The server's own address and port. */
  readonly host: string;
  /** The Host header: what the client takes the server for. */
  readonly seenAs: string;
}

/** Which attributes of which elements hold links. https://html.spec.whatwg.org/multipage/indices.html#attributes-3 */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ["href"],
  applet: ["codebase"],
  area: ["href"],
  audio: ["src"],
  base: ["href"],
  blockquote: ["cite"],
  body: ["background"],
  button: ["formaction"],
  command: ["icon"],
  del: ["cite"],
  embed: ["src"],
  form: ["action"],
  frame: ["longdesc", "src"],
  head: ["profile"],
  html: ["manifest"],
  iframe: ["longdesc", "src"],
  img: ["longdesc", "src", "usemap"],
  input: ["src", "usemap", "formaction"],
  ins: ["cite"],
  link: ["href"],
  object: ["classid", "codebase", "data", "usemap"],
  q: ["cite"],
  script: ["src"],
  source: ["src"],
  video: ["poster", "src"],
};

/** The link as the client can follow it: to other hosts, and relative ones, as it is. */
export function rewriteLink(link: string, { prefix, host, seenAs }: Site): string {
  // RFC 3986, appendix B.
  const [, scheme, authority, path = "", tail = ""] =
    link.match(/^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is) ?? [];
  if (!path.startsWith("/") || (scheme && !authority)) return link;
  if (authority && authority !== host && authority !== seenAs) return link;
  const origin = authority === seenAs && scheme ? `${scheme}://${authority}` : "";
  const isBelow = path === prefix || path.startsWith(`${prefix}/`);
  return `${origin}${isBelow ? "" : prefix}${path}${tail}`;
}

/** Streams for `pipeline`: bytes of HTML in, the same with its links rewritten out. All that is no link stays byte for byte. */
export function htmlLinks(site: Site): [Duplex, RewritingStream, Duplex] {
  // Latin-1 has a character for every byte: a page in any encoding that contains ASCII goes through unharmed.
  const decode = new Transform({ encoding: "latin1", transform: (chunk, _encoding, done) => done(null, chunk) });
  const encode = new Transform({
    decodeStrings: false,
    transform: (text: string, _encoding, done) => done(null, Buffer.from(text, "latin1")),
  });
  const rewriter = new RewritingStream();
  rewriter.on("startTag", (tag, raw) => {
    let text = raw;
    const places: Token.LocationWithAttributes | null | undefined = tag.sourceCodeLocation;
    const links = tag.attrs.filter(({ name }) => LINKS[tag.tagName]?.includes(name)).reverse();
    for (const { name, value } of links) {
      const place = places?.attrs?.[name];
      const rewritten = rewriteLink(value, site);
      if (!places || !place || rewritten === value) continue;
      const [from, to] = [place.startOffset - places.startOffset, place.endOffset - places.startOffset];
      text = `${text.slice(0, from)}${name}="${escapeQuotes(rewritten)}"${text.slice(to)}`;
    }
    rewriter.emitRaw(text);
  });
  return [decode, rewriter, encode];
}

const escapeQuotes = (value: string) => value.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
