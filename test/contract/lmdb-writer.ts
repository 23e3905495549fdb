/** A process to be killed: commits a counter as fast as it can and prints "revision counter" once acknowledged. */
import { writeSync } from "node:fs";
import { openLmdb } from "#storage/lmdb.js";

const backend = openLmdb(process.argv[2]!);
let counter = 0;

async function write(): Promise<void> {
  for (;;) {
    const mine = ++counter;
    const value = Buffer.alloc(500, " ");
    value.write(String(mine));
    const key = `/n/${process.pid}-${mine}`;
    const revision = await backend.commit([{ key, revision: 0 }], [{ type: "put", key, value }]);
    writeSync(1, `${revision} ${mine}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, write));
