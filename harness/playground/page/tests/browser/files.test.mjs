import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { choose, marks, result, send, written } from "./policy_tab.mjs";
import { open, playground, PORTCULLIS, ROOT } from "./served.mjs";

const it = playground();

const tab = async (page, name) => {
  await page.getByRole("tab", { name }).click();
  return page.getByRole("tabpanel", { name });
};
const errors = (panel) => panel.locator(".message-error > .message-text");

/** Drops files on the place for them, and folders, as a file manager does. */
async function drop(panel, files, folders = []) {
  await panel.locator(".drop").first().evaluate((place, [files, folders]) => {
    const entry = (name, isDirectory) => ({ kind: "file", webkitGetAsEntry: () => ({ name, isDirectory, isFile: !isDirectory }) });
    const dropped = new DataTransfer();
    for (const [name, text] of [...files, ...folders.map((name) => [name, ""])]) dropped.items.add(new File([text], name));
    const event = new DragEvent("drop", { bubbles: true, cancelable: true });
    const items = [...files.map(([name]) => entry(name, false)), ...folders.map((name) => entry(name, true))];
    Object.defineProperty(event, "dataTransfer", { value: { files: dropped.files, items } });
    place.dispatchEvent(event);
  }, [files, folders]);
}

test("a folder is told of as one, and what takes one file takes no others in silence", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "jwt-auth");
  const before = await written(page);
  for (const name of ["Policy", "Audit file", "Module"]) {
    const panel = await tab(page, name);
    await drop(panel, [["a.txt", "a"]], ["orders"]);
    await errors(panel).getByText("orders is a folder. Drop the files in it, or choose them.", { exact: true }).waitFor();
  }
  const records = await readFile(join(ROOT, "docs/audit.jsonl"), "utf8");
  const audit = await tab(page, "Audit file");
  await drop(audit, [["one.jsonl", records], ["two.jsonl", records]]);
  await errors(audit).getByText("One file at a time, and these are 2. The command takes several: portcullis audit verify FILE...", { exact: true }).waitFor();
  assert.equal(await audit.getByRole("heading").count(), 0, "none of them is read");
  await drop(audit, [["one.jsonl", records]]);
  await audit.getByText(/^Intact: /).waitFor();
  assert.equal(await errors(audit).count(), 0);
  const module = await tab(page, "Module");
  await drop(module, [["a.wasm", ""], ["b.wasm", ""], ["c.wasm", ""]]);
  await errors(module).getByText("One file at a time, and these are 3.", { exact: true }).waitFor();
  await tab(page, "Policy");
  assert.equal(await written(page), before);
  await close();
});

test("what is no policy does not take the place of one", async () => {
  const { page, close } = await open(it.browser, it.url);
  await choose(page, "token-bucket");
  const before = await written(page);
  const begin = page.getByRole("region", { name: "Begin with" });
  for (const [name, content, said] of [
    ["photo.png", Buffer.from("89504e470d0a1a0a", "hex"), /^photo\.png is no text in UTF-8, and so no scenario and no configuration\./],
    ["empty.yaml", Buffer.from("\n"), /^empty\.yaml is empty\.$/],
    ["audit.jsonl", await readFile(join(ROOT, "docs/audit.jsonl")), /^audit\.jsonl has audit records in it\. Records are opened in the tab Audit file\.$/],
    ["notes.txt", Buffer.from("Dear all,\nnothing new.\n"), /^notes\.txt is no scenario, which is YAML with a name and steps, and no filter knows it for a configuration\.$/],
    ["package.json", Buffer.from('{"dependencies":{"a":"1"}}'), /^package\.json is no scenario/],
  ]) {
    await page.getByLabel(/open a scenario file/).setInputFiles({ name, mimeType: "", buffer: content });
    await errors(begin).filter({ hasText: name }).waitFor();
    assert.match(await errors(begin).textContent(), said);
    assert.equal(await written(page), before, name);
  }
  await send(page);
  assert.equal((await marks(page)).length, 7);
  await page.getByLabel(/open a scenario file/).setInputFiles({ name: "mistake.yaml", mimeType: "", buffer: Buffer.from("steps: [{request: {}}\n") });
  await page.getByRole("heading", { name: "mistake.yaml" }).waitFor();
  assert.equal(await errors(begin).count(), 0);
  assert.equal(await result(page).getByRole("button", { name: "Play" }).count(), 1);
  await close();
});

test("files that are nearly what a tab takes are named, with what makes it of them", { skip: PORTCULLIS ? false : "PORTCULLIS is not set" }, async () => {
  const { page, close } = await open(it.browser, it.url);
  const records = await readFile(join(ROOT, "docs/audit.jsonl"), "utf8");
  const csv = execFileSync(PORTCULLIS, ["audit", "export", "--csv", "-", join(ROOT, "docs/audit.jsonl")], { encoding: "utf8" });
  const told = async (name, label, file, content, said) => {
    const panel = await tab(page, name);
    await page.getByLabel(label).setInputFiles({ name: file, mimeType: "", buffer: Buffer.from(content) });
    await errors(panel).filter({ hasText: said }).waitFor();
  };
  await told("Audit file", /^Drop an audit file/, "wide.jsonl", Buffer.from(`\ufeff${records}`, "utf16le"), /^wide\.jsonl: no audit record in it: it is text in UTF-16; save it as UTF-8\. It is a text in UTF-16: iconv -f UTF-16 -t UTF-8 FILE makes one in UTF-8 of it\.$/);
  await told("Audit file", /^Drop an audit file/, "list.json", `[${records.trim().split("\n").join(",\n")}]`, /^list\.json: no record in it can be read, but something of one stands in \d+ lines .*\. It is an array of JSON: jq -c '\.\[\]' FILE makes a line of each record\.$/);
  await told("Audit file", /^Drop an audit file/, "audit.csv", csv, /^audit\.csv: no audit record in it: .*\. It is CSV, as for a spreadsheet: open the JSON lines that it was made of\.$/);
  await told("Module", /^Drop a proxy-wasm module/, "filter.wasm.gz", gzipSync("\0asm"), /\. It is packed with gzip: gunzip FILE unpacks it\.$/);
  await told("Module", /^Drop a proxy-wasm module/, "filter.wat", "(module)", /\. It is the text form of a module: wat2wasm FILE makes a module of it\.$/);
  await close();
});
