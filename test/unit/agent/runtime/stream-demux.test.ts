import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import t from "tap";
import { StreamDemux } from "#agent/runtime/docker/stream-demux.js";
import { until } from "#test/until.js";

function frame(stream: number, text: string): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

function collect(stream: PassThrough): () => string {
  let text = "";
  stream.on("data", (chunk) => {
    text += chunk;
  });
  return () => text;
}

t.test("frames come apart however they are cut", async (t) => {
  const bytes = Buffer.concat([frame(1, "out"), frame(2, "err"), frame(1, ""), frame(1, "put")]);
  for (const size of [1, 3, 7, 100]) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const [out, err] = [collect(stdout), collect(stderr)];
    const demux = new StreamDemux(stdout, stderr);
    for (let at = 0; at < bytes.length; at += size) demux.write(bytes.subarray(at, at + size));
    demux.end();
    await finished(demux);
    t.equal(out(), "output", `pieces of ${size}`);
    t.equal(err(), "err");
  }
});

t.test("a slow reader holds the source back", async (t) => {
  const stdout = new PassThrough({ highWaterMark: 4 });
  const demux = new StreamDemux(stdout, undefined);
  let taken = false;
  demux.write(frame(1, "more than four bytes"), () => {
    taken = true;
  });
  await new Promise(setImmediate);
  t.equal(taken, false, "the write waits");
  stdout.resume();
  await until(() => taken);
});
