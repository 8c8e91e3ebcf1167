import assert from "node:assert/strict";
import { test } from "node:test";
import { differences, reports, texts } from "./played.mjs";
import { open, playground } from "./served.mjs";

const it = playground();

test("every scenario gives in the browser what it gives natively", { timeout: 600_000 }, async () => {
  const native = await reports("native", "tests/scenarios");
  const all = await texts("tests/scenarios", "tests/tokens");
  const { page, close } = await open(it.browser, it.url);
  // A scenario about a module has nothing native; it is played with its module, in another test.
  const expected = new Map([...native].filter(([, report]) => !Object.hasOwn(report.outcome, "not_run")));
  const found = await differences(page, expected, all);
  assert.equal(found.length, 0, JSON.stringify(found.slice(0, 3), null, 1));
  assert.ok(expected.size > 700, `${expected.size}`);
  await close();
});
