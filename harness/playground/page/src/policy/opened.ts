/** Scenario files that were opened, with what they include and the modules that they are about. */

import { stringify } from "yaml";
import type { Modules } from "../engine";
import { wholeText } from "../parts/foreign";
import { fileName } from "./file_name";
import { outlineOf } from "./outline";
import type { Policy } from "./policy";
import { toScenario } from "./scenario";

export interface Opened {
  name: string;
  text: string;
  /** Files beside it, by the path by which it includes them. */
  files: Record<string, string>;
  modules: Modules;
}

/** Files are read whole; nobody writes a scenario of this size. */
const MOST_BYTES = 1 << 20;
/** Each VM of a module has it once more. */
const MOST_MODULE_BYTES = 64 << 20;
const TO_AUDIT = "Records are opened in the tab Audit file.";

/** The scenario among some files, and the others as what belongs to it; of modules alone the first is tried. Throws where there is neither. */
export async function open(files: File[]): Promise<Opened> {
  const { texts, modules } = await read(files);
  const [module] = Object.keys(modules);
  if (module && texts.length === 0) return { ...trial(module), modules };
  const scenario = texts.find(({ text }) => outlineOf(text).isScenario) ?? (texts.length === 1 ? texts[0] : undefined);
  if (texts.length === 1 && scenario) refuseOthers(scenario);
  if (!scenario) throw new Error(`None of ${texts.map(({ name }) => name).join(", ")} is a scenario: that is YAML with a name and steps.`);
  return { ...scenario, files: beside(scenario.text, texts.filter((file) => file !== scenario)), modules };
}

/** A complete policy as a scenario file of its own. */
export function asOpened(policy: Policy): Opened {
  return { name: fileName(policy.name, "yaml"), text: toScenario(policy).text, files: {}, modules: {} };
}

/** Adds files to those of a scenario; one of the same name takes the place of the former. */
export async function add(opened: Opened, files: File[]): Promise<Opened> {
  const { texts, modules } = await read(files);
  return { ...opened, files: { ...opened.files, ...beside(opened.text, texts) }, modules: { ...opened.modules, ...modules } };
}

/** What the scenario includes and is about, and nobody has given. */
export function missing({ text, files, modules }: Opened): string[] {
  const { includes, about } = outlineOf(text);
  const isGiven = (path: string) => Object.hasOwn(modules, path) || Object.hasOwn(modules, last(path));
  return [...includes.filter((path) => !Object.hasOwn(files, path)), ...about.filter((path) => !isGiven(path))];
}

/** A scenario to begin with: one request through a module whose configuration is empty. */
function trial(module: string): Omit<Opened, "modules"> {
  const head = stringify({ name: `A request through ${module}`, module });
  const text = `${head}# What it is configured with: this goes to it as JSON, and what stands in config_text in its place goes byte for byte.
config: {}
steps:
  - name: GET /
    request:
      path: /
      headers:
        x-example: "1"
    upstream:
      status: 200
      body: hello
`;
  return { name: fileName(module, "yaml"), text, files: {} };
}

async function read(files: File[]): Promise<{ texts: { name: string; text: string }[]; modules: Modules }> {
  const isModule = ({ name }: File) => /\.wasm$/i.test(name);
  const large = files.find((file) => file.size > (isModule(file) ? MOST_MODULE_BYTES : MOST_BYTES));
  if (large) throw new Error(isModule(large) ? `${large.name} is larger than 64 MiB, which is no module for a proxy.` : `${large.name} is larger than 1 MiB. Is it a scenario file?${/\.(jsonl|ndjson|log|binpb)$/i.test(large.name) ? ` ${TO_AUDIT}` : ""}`);
  const texts = files.filter((file) => !isModule(file)).map(readText);
  const modules = files.filter(isModule).map(async (file) => [file.name, new Uint8Array(await file.arrayBuffer())] as const);
  return { texts: await Promise.all(texts), modules: Object.fromEntries(await Promise.all(modules)) };
}

async function readText(file: File): Promise<{ name: string; text: string }> {
  const text = wholeText(new Uint8Array(await file.arrayBuffer()));
  if (text === null) throw new Error(`${file.name} is no text in UTF-8, and so no scenario and no configuration. A module has a name that ends with .wasm.`);
  return { name: file.name, text };
}

/** Throws for what is plainly meant for another tab, or for nothing. */
function refuseOthers({ name, text }: { name: string; text: string }): void {
  if (text.trim() === "") throw new Error(`${name} is empty.`);
  const isRecords = !outlineOf(text).isScenario && /^\s*\{.*"(class_uid|@timestamp)":/m.test(text);
  if (isRecords) throw new Error(`${name} has audit records in it. ${TO_AUDIT}`);
}

/** Files come without their folders, so an include is found by the last part of its path. */
function beside(text: string, files: { name: string; text: string }[]): Record<string, string> {
  const paths = outlineOf(text).includes;
  return Object.fromEntries(files.map((file) => [paths.find((path) => last(path) === file.name) ?? file.name, file.text]));
}

const last = (path: string) => path.split("/").at(-1) ?? path;
