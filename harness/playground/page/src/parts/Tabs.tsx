import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";

export interface TabItem {
  id: string;
  label: ComponentChildren;
  /** `open` goes to another tab. */
  panel: (open: (id: string) => void) => ComponentChildren;
}

interface TabsProps {
  /** What the tabs are about, for those who do not see them. */
  label: string;
  items: TabItem[];
  /** Which one is open at first. */
  first?: string;
  /** Whether panels that were open once stay as they are behind the others. */
  keep?: boolean;
  onOpen?: (id: string) => void;
}

/** Tabs by the practices of ARIA: arrows move between them, Tab goes into the panel. */
export function Tabs({ label, items, first, keep = false, onOpen }: TabsProps) {
  const base = useId();
  const list = useRef<HTMLDivElement>(null);
  const [chosen, setChosen] = useState(first);
  const [seen, setSeen] = useState<string[]>([]);
  const open = items.find((item) => item.id === chosen)?.id ?? items[0]?.id;

  const choose = (id: string) => {
    setSeen((before) => (open && !before.includes(open) ? [...before, open] : before));
    setChosen(id);
    onOpen?.(id);
  };
  /** Whoever leaves a panel is at the tab of the other. */
  const goTo = (id: string) => {
    choose(id);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[items.findIndex((item) => item.id === id)]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = destination(event.key, items.findIndex((item) => item.id === open), items.length);
    const item = to === null ? undefined : items[to];
    if (!item) return;
    event.preventDefault();
    goTo(item.id);
  };

  return (
    <div class="tabs">
      <div class="tab-list" role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
        {items.map((item) => (
          <button
            key={item.id}
            type="button"
            role="tab"
            class="tab"
            id={`${base}-tab-${item.id}`}
            aria-selected={item.id === open}
            aria-controls={`${base}-panel-${item.id}`}
            tabIndex={item.id === open ? 0 : -1}
            onClick={() => choose(item.id)}
          >
            {item.label}
          </button>
        ))}
      </div>
      {items.map((item) => (
        <div
          key={item.id}
          role="tabpanel"
          class="tab-panel"
          id={`${base}-panel-${item.id}`}
          aria-labelledby={`${base}-tab-${item.id}`}
          hidden={item.id !== open}
          tabIndex={0}
        >
          {(item.id === open || (keep && seen.includes(item.id))) && item.panel(goTo)}
        </div>
      ))}
    </div>
  );
}

function destination(key: string, at: number, count: number): number | null {
  switch (key) {
    case "ArrowRight":
      return (at + 1) % count;
    case "ArrowLeft":
      return (at + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}
