import { useEffect, useState } from "preact/hooks";
import type { Query, Refusal } from "../engine";
import { ChoiceField, TextField } from "../parts/Field";

interface Props {
  /** What the records that are shown were asked for with. */
  query: Query;
  refusal: Refusal | null;
  onAsk: (query: Query) => void;
}

interface Member {
  name: keyof Query;
  label: string;
  placeholder: string;
}

const MEMBERS: Member[] = [
  { name: "since", label: "From (UTC)", placeholder: "2026-09-21 13:00" },
  { name: "until", label: "Before (UTC)", placeholder: "2026-09-22" },
  { name: "status", label: "Status", placeholder: "403, 4xx, 500-599" },
  { name: "subject", label: "Subject", placeholder: "alice, svc-*" },
  { name: "tenant", label: "Tenant", placeholder: "acme, acme-*" },
  { name: "method", label: "Method", placeholder: "DELETE" },
  { name: "path", label: "Path", placeholder: "/orders, /orders/*" },
  { name: "source", label: "Source", placeholder: "10.0.0.0/8, 192.0.2.1" },
  { name: "traceId", label: "Trace ID", placeholder: "4bf92f3577b34da6…" },
  { name: "text", label: "Anywhere in it", placeholder: "jwt_expired" },
];

const DECISIONS = [["", "any"], ["allowed", "allowed"], ["denied", "denied"], ["other", "other"]] as const;

/** Which records are looked for. The engine says what is wrong with a member, and that is shown below it. */
export function QueryForm({ query, refusal, onAsk }: Props) {
  const [draft, setDraft] = useState<Query>(query);
  useEffect(() => setDraft(query), [query]);
  const set = (name: keyof Query) => (value: string) => setDraft((draft) => ({ ...draft, [name]: value }));
  const problem = (name: keyof Query) => (refusal?.member === name ? refusal.problem : null);
  const ask = (event: Event) => {
    event.preventDefault();
    onAsk(trimmed(draft));
  };
  return (
    <form class="stack" role="search" aria-label="Records" onSubmit={ask}>
      <div class="query">
        <ChoiceField label="Decision" value={draft.decision ?? ""} options={DECISIONS} onValue={set("decision")} problem={problem("decision")} />
        {MEMBERS.map(({ name, ...shown }) => (
          <TextField key={name} {...shown} value={draft[name] ?? ""} onValue={set(name)} problem={problem(name)} />
        ))}
      </div>
      <div class="row">
        <button type="submit" class="button button-main">Search</button>
        <button type="button" class="button" onClick={() => onAsk({})}>Show everything</button>
      </div>
    </form>
  );
}

/** Without what was left empty. */
function trimmed(query: Query): Query {
  const members = Object.entries(query).map(([name, value]) => [name, value.trim()] as const);
  return Object.fromEntries(members.filter(([, value]) => value !== ""));
}
