import t from "tap";
import { LinesAsFrames, lineJoiner } from "#agent/runtime/docker/log-lines.js";
import { RepeatedLines } from "#agent/runtime/docker/repeated-lines.js";

const time = (ns: number, seconds = 0) =>
  `2026-01-01T00:00:${String(seconds).padStart(2, "0")}.${String(ns).padStart(9, "0")}Z`;

/** Feeds frames of standard output, each in pieces. */
function joined(follow: boolean, ...frames: (string | string[])[]): string {
  const edit = lineJoiner(follow);
  let out = "";
  for (const frame of frames)
    [frame].flat().forEach((piece, i) => {
      out += edit(Buffer.from(piece), false, i === 0).toString();
    });
  return out;
}

t.test("the parts of a line become one, with one time", async (t) => {
  const [a, b] = [time(1), time(2)];
  t.equal(joined(false, `${a} one`, `${a} two\n`, `${b} three\n`), `${a} onetwo\n${b} three\n`);
  t.equal(joined(true, [a.slice(0, 9), `${a.slice(9)} `, "one\n"], `${b} two\n`), `${a} one\n${b} two\n`, "in pieces");
  t.equal(joined(true, [a.slice(0, 9), `${a.slice(9)} one`], [a.slice(0, 9), `${a.slice(9)} two\n`]), `${a} onetwo\n`);
});

t.test("what a follower is told again is left out, of each output by itself", async (t) => {
  const line = (n: number) => `${time(n)} line ${n}\n`;
  t.equal(joined(true, line(1), line(2), line(3), line(2), line(3), line(4)), [1, 2, 3, 4].map(line).join(""));
  t.equal(joined(true, line(1), line(1), line(2)), line(1) + line(2), "also a single one");
  t.equal(joined(false, line(1), line(1)), line(1) + line(1), "a file holds what it holds");
  const long = [`${time(5)} first `, `${time(5)} second\n`];
  t.equal(joined(true, line(4), ...long, line(4), ...long, line(6)), `${line(4)}${time(5)} first second\n${line(6)}`);
  const edit = lineJoiner(true);
  const both = [false, true, false, true].map((stderr) => edit(Buffer.from(line(1)), stderr, true).toString());
  t.same(both, [line(1), line(1), "", ""]);
});

t.test("a clock that is set back loses nothing", async (t) => {
  const lines = [time(0, 30), time(1, 30), time(5, 10), time(6, 10), time(0, 31)].map((at) => `${at} x\n`);
  t.equal(joined(true, ...lines), lines.join(""));
});

t.test("many lines", async (t) => {
  const repeated = new RepeatedLines();
  const at = (n: number) => time(n % 1_000_000_000, Math.floor(n / 1_000_000_000));
  const count = 140_000;
  for (let n = 0; n < count; n++) if (repeated.has(at(n))) t.fail(`${n} is new`);
  for (let n = count - 60_000; n < count; n++) if (!repeated.has(at(n))) t.fail(`${n} was told`);
  t.notOk(repeated.has(at(count)));
  t.notOk(repeated.has("no time"));
});

t.test("a terminal's lines", async (t) => {
  const filter = new LinesAsFrames(lineJoiner(true));
  let out = "";
  filter.on("data", (chunk) => {
    out += chunk;
  });
  const [one, two, three] = [1, 2, 3].map((n) => `${time(n)} line ${n}\r\n`) as [string, string, string];
  const all = one + two + one + two + three;
  for (let i = 0; i < all.length; i += 7) filter.write(all.slice(i, i + 7));
  filter.end();
  await new Promise((resolve) => filter.on("end", resolve));
  t.equal(out, one + two + three);
});
