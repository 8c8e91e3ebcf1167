import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { choose } from "./policy_tab.mjs";
import { open, playground, ROOT } from "./served.mjs";

const it = playground();

test("the histogram is one stop of Tab, and arrows lead on within it", async () => {
  const { page, close } = await open(it.browser, it.url);
  await page.getByRole("tab", { name: "Audit file" }).click();
  await page.getByLabel(/Drop an audit file/).setInputFiles(join(ROOT, "docs/audit.jsonl"));
  const columns = page.locator(".columns-chart [role=button]");
  await columns.first().waitFor();
  assert.ok((await columns.count()) > 2);
  const at = () => page.evaluate(() => [...document.querySelectorAll(".columns-chart [role=button]")].indexOf(document.activeElement));
  await page.getByRole("button", { name: "Search", exact: true }).focus();
  const stops = [];
  for (let presses = 0; presses < 40 && !(await page.getByText("The same as a table").evaluate((summary) => summary === document.activeElement)); presses += 1) {
    await page.keyboard.press("Tab");
    if ((await at()) >= 0) stops.push(await at());
  }
  assert.deepEqual(stops, [0]);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(await at(), 2);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await at(), 2, "it is left and entered at the same column");
  await close();
});

// WCAG 2.4.11: what has the focus is not behind what stays in its place.
for (const viewport of [{ width: 640, height: 450 }, { width: 390, height: 844 }, { width: 1280, height: 500 }]) {
  test(`what has the focus is seen, at ${viewport.width} by ${viewport.height}`, async () => {
    const { page, close } = await open(it.browser, it.url, { viewport });
    await choose(page, "jwt-auth");
    for (const summary of await page.getByRole("region", { name: "Requests" }).locator("li summary").all()) await summary.click();
    await page.locator("summary", { hasText: "Clock, clusters, variables" }).click();
    await page.evaluate(() => scrollTo(0, 0));
    const hidden = [];
    const look = () => page.evaluate(() => {
      const [focused, bar] = [document.activeElement, document.querySelector(".actions")];
      if (focused === document.body || bar.contains(focused)) return null;
      const [box, over] = [focused.getBoundingClientRect(), bar.getBoundingClientRect()];
      const isHidden = box.top >= over.top && box.bottom <= over.bottom && box.right > over.left && box.left < over.right;
      return isHidden ? `${focused.tagName} ${focused.textContent.slice(0, 30)}` : null;
    });
    await page.getByLabel("Begin with an example").focus();
    for (const key of ["Tab", "Shift+Tab"]) {
      for (let presses = 0; presses < 120; presses += 1) {
        await page.keyboard.press(key);
        const found = await look();
        if (found) hidden.push(`${key}: ${found}`);
      }
    }
    assert.deepEqual(hidden, []);
    await page.locator(".cm-content").focus();
    await page.keyboard.press("Control+Home");
    for (let lines = 0; lines < 12; lines += 1) {
      await page.keyboard.press("ArrowDown");
      const [cursor, bar] = await Promise.all([page.locator(".cm-cursor").boundingBox(), page.locator(".actions").boundingBox()]);
      const isBeside = cursor.x > bar.x + bar.width || cursor.x < bar.x;
      assert.ok(isBeside || cursor.y + cursor.height <= bar.y || cursor.y >= bar.y + bar.height, `line ${lines + 2}: ${JSON.stringify([cursor, bar])}`);
    }
    await close();
  });
}
