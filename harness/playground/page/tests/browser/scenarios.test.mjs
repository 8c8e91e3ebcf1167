import assert from "node:assert/strict";
import { test } from "node:test";
import { difference, player, reports, texts } from "./played.mjs";
import { open, playground } from "./served.mjs";

const it = playground();

test("every scenario gives in the browser what it gives natively", { timeout: 600_000 }, async () => {
  const native = await reports("native", "tests/scenarios");
  const all = await texts("tests/scenarios", "tests/tokens");
  const { page, close } = await open(it.browser, it.url);
  const play = await player(page);
  const differ = [];
  let played = 0;
  for (const [path, expected] of native) {
    // A scenario about a module has nothing native; it is played with its module, in another test.
    if (Object.hasOwn(expected.outcome, "not_run")) continue;
    differ.push(difference(path, (await play(path, all)).report, expected));
    played += 1;
  }
  const found = differ.filter(Boolean);
  assert.equal(found.length, 0, JSON.stringify(found.slice(0, 3), null, 1));
  assert.ok(played > 700, `${played}`);
  await close();
});
