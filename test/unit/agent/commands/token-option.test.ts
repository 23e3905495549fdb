import { join } from "node:path";
import { Command } from "commander";
import t from "tap";
import { addTokenOptions, joinToken, type TokenFlags } from "#agent/commands/token-option.js";

function parse(...args: string[]): TokenFlags {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  return addTokenOptions(command).parse(args, { from: "user" }).opts<TokenFlags>();
}

t.test("the token comes from the command line, a file or the environment", async (t) => {
  const file = join(t.testdir({ token: "from-file\n", empty: "\n" }), "token");
  t.equal(joinToken(parse("--token", "given"), "from-environment"), "given");
  t.equal(joinToken(parse("--token-file", file), "from-environment"), "from-file");
  t.equal(joinToken(parse(), "from-environment"), "from-environment");
  t.equal(joinToken(parse(), ""), undefined);
  t.equal(joinToken(parse("--token-file", file.replace("token", "empty"))), undefined);
});

t.test("a file that is gone is none: a node that has joined needs it no more", async (t) => {
  t.equal(joinToken(parse("--token-file", join(t.testdir({}), "gone"))), undefined);
  t.throws(() => joinToken(parse("--token-file", t.testdir({}))), { code: "EISDIR" });
});

t.test("two tokens are one too many", async (t) => {
  t.throws(() => parse("--token", "a", "--token-file", "b"), /cannot be used with option '--token <token>'/);
});
