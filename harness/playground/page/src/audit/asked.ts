import type { Found, Query } from "../engine";

/** Rows of one page. */
export const TAKE = 100;

/** What is looked for, and which page of it is shown. */
export interface Asked {
  query: Query;
  skip: number;
}

/** What was found, and for which question: another one may be under way, or was stopped. */
export interface Answered {
  asked: Asked;
  found: Found;
}
