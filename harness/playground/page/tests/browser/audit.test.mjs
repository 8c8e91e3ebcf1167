import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { crc32, deflateSync, gzipSync } from "node:zlib";
import { open, playground, PORTCULLIS, ROOT } from "./served.mjs";

/** Of the checkpoint in docs/audit.jsonl, and one that has nothing to do with it. */
const KEY = "audit.example+c271e3d6+AeMR4ZsVJXi6p85fhlmE0XJhcFFlF3eoRiccRfj2ZyqO";
const OTHER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

const OPEN = "A chain that is open may have had an end that was cut off.";
const KEYLESS = "No key was given: whoever can write these files can have made all hashes anew.";
const UNSIGNED = "1 chain with no checkpoint that vouches for it: whoever can write these files can have made all its hashes anew.";
/** What only a key can tell of the checkpoint in docs/audit.jsonl, behind records that are lost; and what it tells. */
const UNCOMPARED = "1 checkpoint could not be compared with the records before: some are missing, so nothing vouches for the others.";
const BEFORE = "4 records before a gap and behind the last checkpoint: nothing vouches for what is in such a place.";
const VOUCHED = "Nothing vouches for what comes after the last signed checkpoint of a chain.";
const intact = (records) => `Intact: ${records} records of 1 chain; none was changed, put in, or removed between others, as far as the hashes tell.`;

const it = playground();
let folder;
let lines;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "portcullis-playground-"));
  lines = (await readFile(join(ROOT, "docs/audit.jsonl"), "utf8")).trim().split("\n");
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function drop(page, name, content) {
  await page.getByRole("tab", { name: "Audit file" }).click();
  const file = join(folder, name);
  await writeFile(file, content);
  await page.getByLabel(/Drop an audit file/).setInputFiles(file);
  return file;
}

const panel = (page) => page.getByRole("tabpanel", { name: "Audit file" });
const messages = (page, kind) => panel(page).locator(`.message-${kind} > .message-text`);
const button = (page, name) => panel(page).getByRole("button", { name, exact: true });
const tally = (page) => panel(page).locator("p[role=status]").filter({ hasText: /record/ });

/** Waits for the verdict that begins so, and gives its kind and its paragraphs. */
async function verdict(page, beginning) {
  const message = panel(page).locator(".message").filter({ has: page.locator("strong").getByText(beginning) });
  await message.waitFor();
  const kind = /message-(\w+)/.exec(await message.getAttribute("class"))[1];
  return { kind, said: await message.locator(".message-text > *").allTextContents() };
}

async function saved(page, label) {
  const [download] = await Promise.all([page.waitForEvent("download"), button(page, label).click()]);
  return [download.suggestedFilename(), await readFile(await download.path(), "utf8")];
}

test("an intact file is said to be, and shown, and what is meant is saved", async () => {
  const { page, close } = await open(it.browser, it.url);
  const file = await drop(page, "audit.jsonl", lines.join("\n") + "\n");
  assert.deepEqual(await verdict(page, "Intact: "), { kind: "note", said: [intact(10), UNCOMPARED, OPEN, KEYLESS] });
  const rows = panel(page).locator(".rows tbody tr");
  await rows.nth(9).waitFor();
  await panel(page).getByLabel("Decision").selectOption("denied");
  await button(page, "Search").click();
  await tally(page).getByText(/^2 of 10 records: 0 requests allowed, 2 denied; 2 records lost, as their writers say$/).waitFor();
  assert.equal(await rows.count(), 2);
  const denied = lines.filter((line) => JSON.parse(line).action_id === 2);
  assert.deepEqual(await saved(page, "JSON lines"), ["audit-part.jsonl", denied.map((line) => `${line}\n`).join("")]);
  const csv = execFileSync(PORTCULLIS, ["audit", "export", "--decision", "denied", "--csv", "-", file], { encoding: "utf8" });
  assert.deepEqual(await saved(page, "CSV"), ["audit-part.csv", csv]);
  await close();
});

test("a record opens with its facts, and the arrows lead to its neighbours", async () => {
  const { page, close } = await open(it.browser, it.url, { viewport: { width: 900, height: 500 } });
  await drop(page, "audit.jsonl", lines.join("\n"));
  await panel(page).getByRole("button", { name: /^Record of line 4,/ }).click();
  const dialog = page.getByRole("dialog", { name: "Line 4" });
  await dialog.getByText("decision", { exact: true }).first().waitFor();
  const facts = await dialog.locator("dt").evaluateAll((names) => names.map((name) => [name.textContent, name.nextElementSibling.textContent]));
  const shown = execFileSync(PORTCULLIS, ["audit", "show", "--one", JSON.parse(lines[3]).metadata.uid, join(ROOT, "docs/audit.jsonl")], { encoding: "utf8" });
  assert.deepEqual(facts.filter(([name]) => ["decision", "status", "reason"].includes(name)), [["decision", "denied"], ["status", "401"], ["reason", "jwt_expired"], ["decision", "jwt-auth: denied, jwt_expired"]]);
  for (const [name] of facts) assert.match(shown, new RegExp(`^  ${name} `, "m"));
  assert.deepEqual(JSON.parse(await dialog.locator("pre").textContent()), JSON.parse(lines[3]));
  // Whatever is scrolled to, the button is below it.
  const [text, end] = await Promise.all([dialog.locator("> .stack").boundingBox(), dialog.getByRole("button", { name: "Close" }).boundingBox()]);
  assert.ok(text.y + text.height <= end.y && end.y + end.height <= 500, `${JSON.stringify(text)} ${JSON.stringify(end)}`);
  for (const [key, line] of [["ArrowRight", 5], ["ArrowLeft", 4], ["ArrowLeft", 3]]) {
    await page.keyboard.press(key);
    // A line has its neighbours when its record is there.
    await page.getByRole("dialog", { name: `Line ${line}` }).locator("dd").getByText(JSON.parse(lines[line - 1]).metadata.uid, { exact: true }).waitFor();
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await close();
});

test("a message of protobuf opens as the record that it is", async () => {
  const { page, close } = await open(it.browser, it.url);
  const file = join(folder, "audit.binpb");
  execFileSync(PORTCULLIS, ["audit", "export", join(ROOT, "docs/audit.jsonl"), "--protobuf", file]);
  await page.getByRole("tab", { name: "Audit file" }).click();
  await panel(page).getByLabel(/Drop an audit file/).setInputFiles(file);
  assert.equal((await verdict(page, "Intact: ")).said[0], intact(10));
  await panel(page).getByRole("button", { name: /^Record of line 4,/ }).click();
  const dialog = page.getByRole("dialog", { name: "Line 4" });
  await dialog.getByText("In the file it is a message of protobuf; this is its JSON.").waitFor();
  assert.deepEqual(JSON.parse(await dialog.locator("pre").textContent()), JSON.parse(lines[3]));
  await close();
});

test("a record that was changed is found in its line, and marked", async () => {
  const { page, close } = await open(it.browser, it.url);
  const tampered = lines.map((line, at) => (at === 2 ? line.replace(/"time":\d/, '"time":9') : line));
  assert.notDeepEqual(tampered, lines);
  await drop(page, "tampered.jsonl", tampered.join("\n"));
  assert.deepEqual(await verdict(page, "Not intact: "), { kind: "error", said: ["Not intact: 1 finding in 10 records of 1 chain.", UNCOMPARED, OPEN, KEYLESS] });
  const finding = await panel(page).locator(".findings li").textContent();
  assert.match(finding, /^Line 3chain ed24b6b9… record 2: changed: it says that its hash is [0-9a-f]{8}…, and it is [0-9a-f]{8}… That is: the record was changed after it was written\. What now: Keep this file as it is/);
  assert.deepEqual(await panel(page).locator(".rows tr.is-found .mark").allTextContents(), ["✕ changed"]);
  await button(page, "Line 3").click();
  const dialog = page.getByRole("dialog", { name: "Line 3" });
  await dialog.locator(".message-error").getByText(/^chain ed24b6b9… record 2: changed: /).waitFor();
  await close();
});

test("a forged copy hides no record, and what came again is counted", async () => {
  const { page, close } = await open(it.browser, it.url);
  const forged = lines[2].replace(/"time":\d/, '"time":9');
  await drop(page, "forged.jsonl", [forged, ...lines, lines[2]].join("\n"));
  await tally(page).getByText(/^11 of 11 records: .*; left out: 1 record that came again; 2 records lost, as their writers say$/).waitFor();
  for (const line of [1, 4]) await panel(page).getByRole("button", { name: new RegExp(`^Record of line ${line},`) }).waitFor();
  await close();
});

test("findings beyond those that are listed mark their records all the same", async () => {
  const { page, close } = await open(it.browser, it.url);
  const many = [lines[0], ...Array(900).fill("{half"), ...lines.slice(1).map((line) => line.replace(/"time":\d/, '"time":9'))];
  await drop(page, "many.jsonl", many.join("\n"));
  await verdict(page, "Not intact: ");
  await panel(page).getByText(/^And [\d,]+ more, which are not listed: their records are marked below\.$/).waitFor();
  await panel(page).locator(".rows tr.is-found").nth(8).waitFor();
  const last = panel(page).locator(".rows tr.is-found").filter({ hasText: "910" });
  assert.deepEqual(await last.locator(".mark").allTextContents(), ["✕ changed"]);
  await last.locator(".row-open").click();
  await page.getByRole("dialog", { name: "Line 910" }).locator(".message-error").getByText(/^changed: there are too many findings to say more\. That is: /).waitFor();
  await close();
});

test("a file without its end is not called intact without a doubt, and one without its middle is not intact", async () => {
  const { page, close } = await open(it.browser, it.url);
  await drop(page, "half.jsonl", lines.slice(0, 4).join("\n"));
  assert.deepEqual(await verdict(page, "Intact: "), { kind: "note", said: [intact(4), OPEN, KEYLESS] });
  await drop(page, "hole.jsonl", lines.filter((_, at) => at !== 2).join("\n"));
  assert.deepEqual(await verdict(page, "Not intact: "), { kind: "error", said: ["Not intact: 1 finding in 9 records of 1 chain.", UNCOMPARED, OPEN, KEYLESS] });
  // Only the end shows that it is missing.
  await button(page, "Line 3").click();
  await page.getByRole("dialog", { name: "Line 3" }).locator(".message-error").getByText(/missing before it: record 2, which no loss record declares/).waitFor();
  await close();
});

test("keys verify signatures, and a key that is none leaves no verdict", async () => {
  const { page, close } = await open(it.browser, it.url);
  await drop(page, "audit.jsonl", lines.join("\n"));
  await verdict(page, "Intact: ");
  await panel(page).getByText("Verify the signatures of checkpoints").click();
  const keys = panel(page).getByLabel("Verifier keys, one on each line");
  const macs = panel(page).getByLabel("HMAC keys, one on each line");
  const verify = async (verifier, mac) => {
    await keys.fill(verifier);
    await macs.fill(mac);
    await button(page, "Verify again").click();
  };
  await verify(KEY, "");
  await panel(page).getByText(VOUCHED).waitFor();
  assert.deepEqual(await verdict(page, "Intact: "), { kind: "note", said: [intact(10), BEFORE, OPEN, VOUCHED] });
  await verify(`${OTHER_KEY}\nsecret`, "");
  await messages(page, "error").getByText("Not verified: a key cannot be read, as is said below it.").waitFor();
  assert.match(await panel(page).locator(".problem").textContent(), /^key 2 cannot be read: /);
  assert.equal(await keys.getAttribute("aria-invalid"), "true");
  assert.equal(await panel(page).getByText(/^Intact: /).count(), 0);
  await verify(OTHER_KEY, "");
  await verdict(page, "Not intact: ");
  assert.match(await panel(page).locator(".findings").textContent(), /the checkpoint is signed by audit\.example\+c271e3d6, and by no key that was given/);
  await verify("", "hunter2");
  await messages(page, "error").getByText("Not verified: a key cannot be read, as is said below it.").waitFor();
  assert.match(await panel(page).locator(".problem").textContent(), /^key 1 cannot be read: /);
  assert.equal(await macs.getAttribute("aria-invalid"), "true");
  await verify("", "05".repeat(32));
  await verdict(page, "Not intact: ");
  // As it is when nobody asks for a key.
  await verify("", "");
  assert.deepEqual(await verdict(page, "Intact: "), { kind: "note", said: [intact(10), UNCOMPARED, OPEN, KEYLESS] });
  await close();
});

test("with a key each chain has to be signed, unless that is taken back", async () => {
  const { page, close } = await open(it.browser, it.url);
  await drop(page, "begun.jsonl", lines.slice(0, 2).join("\n"));
  await verdict(page, "Intact: ");
  await panel(page).getByText("Verify the signatures of checkpoints").click();
  await panel(page).getByLabel("Verifier keys, one on each line").fill(KEY);
  await button(page, "Verify again").click();
  assert.deepEqual(await verdict(page, "Not intact: "), { kind: "error", said: ["Not intact: 1 finding in 2 records of 1 chain.", OPEN] });
  assert.match(await panel(page).locator(".findings li").textContent(), /it has no checkpoint that a key vouches for that was given/);
  await panel(page).getByLabel(/^Each chain has to have a checkpoint that is signed/).uncheck();
  await button(page, "Verify again").click();
  assert.deepEqual(await verdict(page, "Intact: "), { kind: "note", said: [intact(2), OPEN, UNSIGNED] });
  await close();
});

test("a member that cannot be read is told at its field", async () => {
  const { page, close } = await open(it.browser, it.url);
  await drop(page, "audit.jsonl", lines.join("\n"));
  await panel(page).getByLabel("From (UTC)").fill("noon");
  await button(page, "Search").click();
  await panel(page).locator(".problem").waitFor();
  assert.deepEqual(await panel(page).locator(".problem").allTextContents(), ['"noon" is no time; write 2026-09-21 or 2026-09-21 13:00']);
  assert.equal(await panel(page).getByLabel("From (UTC)").getAttribute("aria-invalid"), "true");
  await button(page, "Show everything").click();
  await panel(page).locator(".problem").waitFor({ state: "detached" });
  await close();
});

/** A picture of noise, 64 by 64 points. */
function png() {
  const chunk = (name, data) => {
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    const content = Buffer.concat([Buffer.from(name), data]);
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(content));
    return Buffer.concat([length, content, sum]);
  };
  const size = Buffer.from([0, 0, 0, 64, 0, 0, 0, 64, 8, 2, 0, 0, 0]);
  const points = Buffer.from(Array.from({ length: 64 * 193 }, (_, at) => (at % 193 === 0 ? 0 : (at * at * 2654435761) >>> 24)));
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", size), chunk("IDAT", deflateSync(points)), chunk("IEND", Buffer.alloc(0))]);
}

test("files of other kinds are told of as what they are, and nothing else is said", async () => {
  const { page, close } = await open(it.browser, it.url);
  const text = lines.join("\n");
  const schema = await readFile(join(ROOT, "docs/schemas/jwt-auth.schema.json"), "utf8");
  const none = "no audit record in it";
  const files = [
    ["empty.jsonl", "", "empty.jsonl is empty: it has no records"],
    ["image.png", png(), `image.png: ${none}: it is an image`],
    ["filter.wasm", await readFile(join(ROOT, "dist/token-bucket.wasm")), `filter.wasm: ${none}: it is a WebAssembly module; portcullis inspect reads those, and the tab Module of the playground`],
    ["audit.jsonl.gz", gzipSync(text), `audit.jsonl.gz: ${none}: it is packed with gzip; unpack it first`],
    ["log.jsonl", '{"level":"info"}\n{"level":"warn"}\n', `log.jsonl: ${none}: 2 lines of something else`],
    ["notes.txt", "one\ntwo\nthree\n", `notes.txt: ${none}: 3 lines of something else`],
    ["schema.json", schema, `schema.json: ${none}: ${schema.trim().split("\n").length} lines of something else (line 1: half a record: the line ends in the middle of it)`],
  ];
  for (const [name, content, expected] of files) {
    await drop(page, name, content);
    await messages(page, "error").getByText(expected, { exact: true }).waitFor();
    assert.equal(await panel(page).locator(".message").count(), 1, name);
    assert.equal(await panel(page).getByRole("heading", { name: "Search" }).count(), 0, name);
  }
  await drop(page, "audit.jsonl", text);
  await verdict(page, "Intact: ");
  await close();
});

test("half a record is found, and the rest is shown", async () => {
  const { page, close } = await open(it.browser, it.url);
  const text = lines.join("\n");
  await drop(page, "half.jsonl", text.slice(0, text.length - 200));
  await verdict(page, "Not intact: ");
  assert.match(await panel(page).locator(".findings li").textContent(), /^Line 10half a record: the line ends in the middle of it That is: /);
  await panel(page).getByText("1 line cannot be read as a record").waitFor();
  await button(page, "Line 10").click();
  const dialog = page.getByRole("dialog", { name: "Line 10" });
  await dialog.locator(".message-warning").getByText("no audit record: half a record: the line ends in the middle of it").waitFor();
  assert.equal(await dialog.locator("pre").textContent(), lines[9].slice(0, -200));
  await close();
});

test("records in ECS that were made of others are searched, and why they are not verified is said", async () => {
  const { page, close } = await open(it.browser, it.url);
  const ecs = execFileSync(PORTCULLIS, ["audit", "export", "--ecs", "-", join(ROOT, "docs/audit.jsonl")], { encoding: "utf8" });
  const records = ecs.trim().split("\n").length;
  await drop(page, "ecs.jsonl", ecs);
  await tally(page).getByText(new RegExp(`^${records} of ${records} records: `)).waitFor();
  assert.deepEqual(await messages(page, "error").allTextContents(), [
    "Not verified: ecs.jsonl: nothing can be verified: its records are in ECS, as portcullis audit export --ecs makes them; their hashes are of the records in OCSF that they were made of: verify those",
  ]);
  await close();
});

/** So many records, one in each minute of a day, as they are without a chain. */
function many(count) {
  const record = (at) => JSON.stringify({ class_uid: 4002, action_id: 1 + (at % 2), metadata: { uid: `c-${at}` }, time: 1_790_000_000_000 + 60_000 * at });
  return Array.from({ length: count }, (_, at) => `${record(at)}\n`).join("");
}

test("pages are turned", async () => {
  const { page, close } = await open(it.browser, it.url);
  await drop(page, "many.jsonl", many(250));
  const pages = panel(page).getByRole("navigation", { name: "Pages of records" });
  const shown = async (range, line) => {
    await pages.getByText(range, { exact: true }).waitFor();
    assert.match(await panel(page).locator(".rows .row-open").first().getAttribute("aria-label"), new RegExp(`^Record of line ${line},`));
  };
  await shown("1 to 100 of 250", 1);
  assert.ok(await pages.getByRole("button", { name: "Previous" }).isDisabled());
  for (const [name, range, line] of [["Next", "101 to 200 of 250", 101], ["Last", "201 to 250 of 250", 201], ["Previous", "101 to 200 of 250", 101], ["First", "1 to 100 of 250", 1]]) {
    await pages.getByRole("button", { name }).click();
    await shown(range, line);
  }
  await close();
});

test("a time is chosen in the histogram by keyboard", async () => {
  const { page, close } = await open(it.browser, it.url);
  await drop(page, "many.jsonl", many(250));
  const column = panel(page).locator(".columns-chart [role=button][tabindex='0']");
  await column.focus();
  for (const key of ["End", "ArrowLeft", "Home", "ArrowRight", "Shift+ArrowRight"]) await page.keyboard.press(key);
  const chosen = await panel(page).locator(".pointed").textContent();
  const [, from, to, allowed, denied] = /^(\S+ \S+) to (\S+ \S+): (\d+) allowed, (\d+) denied$/.exec(chosen);
  const [number, all] = [Number(allowed) + Number(denied), 250];
  assert.ok(number > 1 && number < all, chosen);
  await page.keyboard.press("Enter");
  await tally(page).getByText(`${number} of ${all} records: ${allowed} requests allowed, ${denied} denied`, { exact: true }).waitFor();
  assert.equal(await panel(page).getByLabel("From (UTC)").inputValue(), `${from.replace(" ", "T")}Z`);
  assert.equal(await panel(page).getByLabel("Before (UTC)").inputValue(), `${to.replace(" ", "T")}Z`);
  await button(page, "Show everything").click();
  await tally(page).getByText(/^250 of 250 records: /).waitFor();
  await close();
});

test("rows are walked through by keyboard", async () => {
  const { page, close } = await open(it.browser, it.url);
  await drop(page, "audit.jsonl", lines.join("\n"));
  await panel(page).getByRole("button", { name: /^Record of line 1,/ }).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Line 2" }).waitFor();
  await close();
});

test("on a phone a record is a card with all of its values", async () => {
  const { page, close } = await open(it.browser, it.url, { viewport: { width: 360, height: 740 } });
  await drop(page, "audit.jsonl", lines.join("\n"));
  const row = panel(page).locator(".rows tbody tr").nth(3);
  await row.waitFor();
  const cells = await row.locator("td:visible").all();
  // The request, its source, and what became of it; nobody knows who it was.
  assert.equal(cells.length, 6);
  for (const cell of cells) {
    const box = await cell.boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 360, JSON.stringify(box));
    assert.notEqual(await cell.evaluate((cell) => getComputedStyle(cell, "::before").content), "none");
  }
  const wide = await panel(page).locator(".rows .table-scroll").evaluate((box) => box.scrollWidth - box.clientWidth);
  assert.ok(wide <= 0, `${wide} pixels too wide`);
  await close();
});

test("the help says what the words mean, and what needs the command", async () => {
  const { page, close } = await open(it.browser, it.url);
  await page.getByRole("tab", { name: "Audit file" }).click();
  await panel(page).getByText(/^Help: /).click();
  for (const text of [/^Chain begins \(genesis\)$/, /^Not compared$/, /^Other$/, /--checkpoints envoy\.log/, /audit verify audit\.1\.jsonl audit\.jsonl/]) {
    assert.ok(await panel(page).getByText(text).first().isVisible(), String(text));
  }
  await close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`what was found can be read by everybody, when it is ${colorScheme}`, async () => {
    const { page, close } = await open(it.browser, it.url, { colorScheme, bypassCSP: true });
    await page.addScriptTag({ content: await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8") });
    await drop(page, "tampered.jsonl", lines.map((line, at) => (at === 3 ? line.replace("401", "200") : line)).filter((_, at) => at !== 2).join("\n"));
    await panel(page).locator(".rows tr.is-found").first().waitFor();
    for (const summary of await panel(page).locator("summary").all()) await summary.click();
    const violations = async () => (await page.evaluate(() => window.axe.run())).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    assert.deepEqual(await violations(), []);
    await button(page, "Line 3").click();
    await page.getByRole("dialog").locator("dt").first().waitFor();
    assert.deepEqual(await violations(), []);
    await close();
  });
}

test("a hundred megabytes stream by while the page answers", { timeout: 300_000 }, async () => {
  const { page, close } = await open(it.browser, it.url);
  await page.evaluate(() => {
    window.longest = 0;
    let last = performance.now();
    const frame = (now) => {
      window.longest = Math.max(window.longest, now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const file = process.env.LARGE_AUDIT_FILE;
  assert.ok((await stat(file)).size > 100 << 20);
  await page.getByRole("tab", { name: "Audit file" }).click();
  await panel(page).getByLabel(/Drop an audit file/).setInputFiles(file);
  await page.getByRole("progressbar").first().waitFor();
  const records = (await readFile(file)).reduce((count, byte) => (byte === 0x0a ? count + 1 : count), 0).toLocaleString("en");
  // Of one that was changed, and of one that is gone.
  await panel(page).getByText(`Not intact: 2 findings in ${records} records of 1 chain.`, { exact: true }).waitFor({ timeout: 240_000 });
  await tally(page).getByText(new RegExp(`^${records} of ${records} records: `)).waitFor({ timeout: 240_000 });
  const longest = await page.evaluate(() => window.longest);
  assert.ok(longest < 1000, `the page stood still for ${longest} ms`);
  await panel(page).getByRole("button", { name: `Line ${Number(process.env.CHANGED_LINE).toLocaleString("en")}` }).first().click();
  await page.getByRole("dialog").getByText("malor").first().waitFor();
  await close();
});
