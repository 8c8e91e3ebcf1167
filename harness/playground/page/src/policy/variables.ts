/** Variables as somebody types them. */

import { parse } from "yaml";
import { isDeep, MOST_DEPTH } from "./depth";
import type { Policy } from "./policy";

/** What a text says of variables, in YAML; or why it says nothing. */
export function readVariables(text: string): { read: Policy["vars"] } | { problem: string } {
  try {
    const read: unknown = parse(text) ?? {};
    if (isDeep(read)) return { problem: `These have at most ${MOST_DEPTH} levels.` };
    if (typeof read === "object" && read !== null && !Array.isArray(read)) return { read: read as Policy["vars"] };
    return { problem: "These are lines of name: value." };
  } catch (error) {
    // The parser shows the place again below what it says.
    const [said = ""] = (error as Error).message.split("\n");
    return { problem: said.replace(/:$/, ".") };
  }
}

/** What is wrong with what was typed, if that is not what the variables are. */
export function variablesProblem(text: string | undefined): string | null {
  const understood = readVariables(text ?? "");
  return "problem" in understood ? understood.problem : null;
}
