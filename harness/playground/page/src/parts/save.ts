/** Has the browser save a file. */
export function save(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser may ask where to, before it reads.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
