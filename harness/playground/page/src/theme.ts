/** Light or dark: as the system says, until somebody chooses. The choice is for this visit alone: the page stores nothing. */

export type Theme = "light" | "dark";

const DARK = matchMedia("(prefers-color-scheme: dark)");
let chosen: Theme | undefined;

export function chosenTheme(): Theme {
  return chosen ?? (DARK.matches ? "dark" : "light");
}

export function choose(theme: Theme): void {
  chosen = theme;
  show(theme);
}

export function show(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
}

/** Calls back when the system changes its mind and nobody has chosen. */
export function onSystemTheme(listen: (theme: Theme) => void): () => void {
  const changed = () => {
    if (!chosen) listen(chosenTheme());
  };
  DARK.addEventListener("change", changed);
  return () => DARK.removeEventListener("change", changed);
}
