/** A name for a file, from a sentence. */
export function fileName(sentence: string, extension: string): string {
  const stem = sentence.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60);
  return `${stem || "scenario"}.${extension}`;
}
