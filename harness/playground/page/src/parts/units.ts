const COUNT = new Intl.NumberFormat("en");

/** `1,234`. */
export function count(number: number): string {
  return COUNT.format(number);
}

/** `1 record`, `2 records`. */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** `512 bytes`, `1.5 MiB`. */
export function bytes(number: number): string {
  if (number < 1024) return counted(number, "byte");
  const power = Math.min(3, Math.floor(Math.log2(number) / 10));
  const figure = number / 1024 ** power;
  return `${figure.toFixed(figure < 10 ? 1 : 0)} ${["", "KiB", "MiB", "GiB"][power]}`;
}

/** `2026-09-21 14:13:25.000`, in UTC; a dash for none, or for one that has no name. */
export function time(milliseconds: number | null): string {
  if (milliseconds === null || Math.abs(milliseconds) > 8.64e15) return "–";
  return new Date(milliseconds).toISOString().replace("T", " ").replace("Z", "");
}

/** RFC 3339, as a query takes it. */
export function rfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

const SPANS: [name: string, milliseconds: number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
  ["millisecond", 1],
];

/** `5 minutes`, `1.5 hours`. */
export function span(milliseconds: number): string {
  const [name, unit] = SPANS.find(([, unit]) => milliseconds >= unit) ?? (["millisecond", 1] as const);
  return counted(Math.round((milliseconds / unit) * 10) / 10, name);
}
