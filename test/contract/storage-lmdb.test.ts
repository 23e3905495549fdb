import { openLmdb } from "#storage/lmdb.js";
import { temporaryDirectory } from "#test/temporary-directory.js";
import { storageContract } from "./storage-contract.js";

storageContract("LMDB", async () => openLmdb(temporaryDirectory("berth-lmdb-")));
