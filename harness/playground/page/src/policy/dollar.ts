/** `${` that is meant as it is: a scenario has no way to write it but a variable of its own. */

import type { Policy } from "./policy";

/** What somebody means to be a variable, be it there or not; `jndi:…` is none. */
const NAME = /^[\w.-]+$/;

/** Writes texts for a scenario, and knows whether it needs the variable. */
export class Dollar {
  private readonly name: string;
  private isUsed = false;

  constructor(private readonly own: Policy["vars"]) {
    let name = "dollar";
    while (Object.hasOwn(own, name) && own[name] !== "$") name += "_";
    this.name = name;
  }

  /** What somebody has typed, where `${name}` is a variable. */
  typed<T>(value: T): T {
    return this.written(value, (name) => name !== null && (NAME.test(name) || Object.hasOwn(this.own, name))) as T;
  }

  /** What was seen, where nothing is one. */
  literal<T>(value: T): T {
    return this.written(value, () => false) as T;
  }

  /** The variables, with that for the sign where it is needed. */
  vars(): Policy["vars"] {
    return this.isUsed ? { ...this.own, [this.name]: "$" } : this.own;
  }

  private written(value: unknown, isVariable: (name: string | null) => boolean): unknown {
    if (typeof value === "string") return value.replace(/\$\{/g, (sign, at: number) => (isVariable(nameAt(value, at)) ? sign : this.reference()));
    if (Array.isArray(value)) return value.map((item) => this.written(item, isVariable));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.written(member, isVariable)]));
  }

  private reference(): string {
    this.isUsed = true;
    return `\${${this.name}}{`;
  }
}

/** What stands between the braces; null where the second one is missing. */
function nameAt(text: string, at: number): string | null {
  const end = text.indexOf("}", at);
  return end < 0 ? null : text.slice(at + 2, end);
}
