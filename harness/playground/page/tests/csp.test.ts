import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

declare const ROOT: string;

test("the page and the command that serves it allow the same", () => {
  const page = readFileSync(`${ROOT}/harness/playground/page/index.html`, "utf8");
  const command = readFileSync(`${ROOT}/harness/cli/src/commands/playground.rs`, "utf8").replace(/\\\n\s*/g, "");
  const [, ofPage = ""] = /Content-Security-Policy" content="([^"]+)"/.exec(page) ?? [];
  const [, ofCommand = ""] = /const POLICY: &str = "([^"]+)"/.exec(command) ?? [];
  const parts = (policy: string) => policy.split(/;\s*/).filter(Boolean);
  assert.ok(parts(ofPage).length > 5);
  // The command says more, as some directives only count in a header.
  assert.deepEqual(parts(ofPage).filter((part) => !parts(ofCommand).includes(part)), []);
});
