/** Scenario files that were opened, with what they include. */

import { isMap, parseDocument } from "yaml";
import { fileName } from "./file_name";
import type { Policy } from "./policy";
import { toScenario } from "./scenario";

export interface Opened {
  name: string;
  text: string;
  /** Files beside it, by the path by which it includes them. */
  files: Record<string, string>;
}

/** Files are read whole; nobody writes a scenario of this size. */
const MOST_BYTES = 8 << 20;

/** The scenario among some files, and the others as what it includes; throws where there is none. */
export async function open(files: File[]): Promise<Opened> {
  const large = files.find(({ size }) => size > MOST_BYTES);
  if (large) throw new Error(`${large.name} is larger than 8 MiB. Is it a scenario file?`);
  const read = await Promise.all(files.map(async (file) => ({ name: file.name, text: await file.text() })));
  const scenario = read.find(({ text }) => isScenario(text)) ?? (read.length === 1 ? read[0] : undefined);
  if (!scenario) throw new Error(`None of ${read.map(({ name }) => name).join(", ")} is a scenario: that is YAML with a name and steps.`);
  return { ...scenario, files: beside(scenario.text, read.filter((file) => file !== scenario)) };
}

/** A policy as a scenario file of its own. */
export function asOpened(policy: Policy): Opened {
  return { name: fileName(policy.name, "yaml"), text: toScenario(policy, policy.clock).text, files: {} };
}

/** Adds files to those of a scenario; one of the same name takes the place of the former. */
export async function add(opened: Opened, files: File[]): Promise<Opened> {
  const read = await Promise.all(files.map(async (file) => ({ name: file.name, text: await file.text() })));
  return { ...opened, files: { ...opened.files, ...beside(opened.text, read) } };
}

/** What the scenario includes and nobody has given. */
export function missing({ text, files }: Opened): string[] {
  return includes(text).filter((path) => !Object.hasOwn(files, path));
}

function isScenario(text: string): boolean {
  const { contents } = parseDocument(text);
  return isMap(contents) && contents.has("name") && ["steps", "filter", "plugins", "module"].some((key) => contents.has(key));
}

/** Files come without their folders, so an include is found by the last part of its path. */
function beside(text: string, files: { name: string; text: string }[]): Record<string, string> {
  const paths = includes(text);
  return Object.fromEntries(files.map((file) => [paths.find((path) => path.split("/").at(-1) === file.name) ?? file.name, file.text]));
}

function includes(text: string): string[] {
  const document = parseDocument(text);
  const value: unknown = document.errors.length === 0 ? document.toJS() : null;
  const list = typeof value === "object" && value !== null && "include" in value ? value.include : [];
  return Array.isArray(list) ? list.filter((path): path is string => typeof path === "string") : [];
}
