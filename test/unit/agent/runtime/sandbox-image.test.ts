import t from "tap";
import { pauseProgram } from "#agent/runtime/docker/pause-program.js";
import { singleFileTar } from "#agent/runtime/docker/single-file-tar.js";

t.test("the sandbox program is an ELF executable of a few hundred bytes", async (t) => {
  for (const [architecture, machine] of [
    ["x64", 62],
    ["arm64", 183],
  ] as const) {
    const elf = pauseProgram(architecture);
    t.equal(elf.subarray(0, 4).toString("latin1"), "\x7fELF");
    t.equal(elf.readUInt16LE(18), machine);
    t.equal(Number(elf.readBigUInt64LE(24)), 0x400000 + 120, "entry is the first instruction");
    t.equal(elf.readBigUInt64LE(64 + 32), BigInt(elf.length), "all of the file is mapped");
    t.equal(elf.readUInt32LE(elf.length - 8), 0x14002, "the signal set comes last");
    t.ok(elf.length < 256);
  }
});

t.test("the archive holds the file, executable and reproducible", async (t) => {
  const archive = singleFileTar("pause", Buffer.from("content"));
  t.equal(archive.length % 512, 0);
  t.equal(archive.subarray(0, 5).toString(), "pause");
  t.equal(archive.subarray(100, 107).toString(), "0000755");
  t.equal(archive.subarray(512, 519).toString(), "content");
  const header = Buffer.from(archive.subarray(0, 512));
  const stated = Number.parseInt(header.subarray(148, 154).toString(), 8);
  header.fill(" ", 148, 156);
  t.equal(
    header.reduce((a, b) => a + b, 0),
    stated,
    "checksum",
  );
  t.same(singleFileTar("pause", Buffer.from("content")), archive);
});
