import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Editor } from "../editor/Editor";
import type { Schema } from "../editor/schema";
import type { Engine, Filter, Problem } from "../engine";
import { Boundary } from "../parts/Boundary";
import { ChoiceField, TextField } from "../parts/Field";
import { around, EXAMPLES, sampleOf } from "./examples";
import { toClock } from "./play";
import { title, type Cluster, type Policy, type Step } from "./policy";
import { Steps } from "./Steps";
import { Surroundings } from "./Surroundings";
import { InspectToken, startOf } from "./InspectToken";
import { TokenDialog } from "./TokenDialog";
import { useCheck } from "./useCheck";

interface PolicyFormProps {
  engine: Engine;
  filters: Filter[];
  policy: Policy;
  /** What was wrong with the configuration when it was last played. */
  problem: Problem | null;
  onPolicy: (policy: Policy) => void;
}

/** A policy, to be edited. */
export function PolicyForm({ engine, filters, policy, problem, onPolicy }: PolicyFormProps) {
  const schema = useSchema(engine, policy.filter);
  const checked = useCheck(engine, policy);
  const problems = useMemo(() => checked && [...checked, ...(problem && !checked.some((one) => one.problem === problem.problem) ? [problem] : [])], [checked, problem]);
  const drafts = useRef<Record<string, string>>({});
  const put = (part: Partial<Policy>) => onPolicy({ ...policy, ...part });

  const choose = (filter: string) => {
    drafts.current[policy.filter] = policy.config;
    const to = filters.find(({ name }) => name === filter);
    const { config, clusters } = around(filter, drafts.current[filter] ?? (to ? sampleOf(to) : ""));
    const isExample = EXAMPLES.some((example) => example.policy.name === policy.name);
    put({ filter, config, clusters: withClusters(policy.clusters, clusters), name: isExample ? "" : policy.name });
  };
  // A token does not stay as it is for long, so the policy keeps the time that it is for.
  const setToken = (index: number, token: string) =>
    put({ clock: policy.clock || toClock(Date.now() / 1000), steps: policy.steps.map((step, at) => (at === index ? withToken(step, token) : step)) });
  const [tokenFor, setTokenFor] = useState<number | null>(null);
  const receiver = policy.steps[tokenFor ?? -1];

  return (
    <>
      <section class="card" aria-label="Configuration">
        <ChoiceField label="Filter" value={policy.filter} options={filters.map(({ name }) => [name, name === "portcullis" ? "the suite (portcullis)" : name] as const)} onValue={choose} />
        <TextField label="Name" value={policy.name} placeholder="What it shows" onValue={(name) => put({ name })} />
        <h2>Configuration</h2>
        <Editor label={`Configuration of ${policy.filter}`} value={policy.config} onValue={(config) => put({ config })} problems={problems ?? NONE} schema={schema} />
        {problems?.length === 0 && <p class="quiet" role="status">✓ {policy.filter} takes this configuration.<span class="with-keys"> Ctrl+Space shows what may stand at the cursor, Ctrl+Enter sends.</span></p>}
      </section>
      <Steps steps={policy.steps} onSteps={(steps) => put({ steps })} onToken={setTokenFor} />
      <Surroundings policy={policy} onPolicy={put} />
      <details class="more">
        <summary>Look into a token</summary>
        <div class="more-inside"><InspectToken engine={engine} when={startOf(policy.clock)} /></div>
      </details>
      {tokenFor !== null && receiver && (
        <Boundary what="The dialog" onClose={() => setTokenFor(null)}>
          <TokenDialog policy={policy} title={title(receiver)} onToken={(token) => setToken(tokenFor, token)} onClose={() => setTokenFor(null)} />
        </Boundary>
      )}
    </>
  );
}

const NONE: Problem[] = [];

/** The clusters, and those that the configuration to begin with calls. */
function withClusters(clusters: Cluster[], more: Cluster[]): Cluster[] {
  return [...clusters, ...more.filter(({ name }) => !clusters.some((cluster) => cluster.name === name))];
}

function withToken(step: Step, token: string): Step {
  if (step.kind !== "send") return step;
  const others = step.headers.filter(([name]) => name.trim().toLowerCase() !== "authorization");
  return { ...step, headers: [["authorization", `Bearer ${token}`], ...others] };
}

function useSchema(engine: Engine, filter: string): Schema | null {
  const [schema, setSchema] = useState<{ of: string; schema: Schema } | null>(null);
  useEffect(() => {
    // Without one there is no completion; whatever went wrong is told when the configuration is checked.
    engine.schema(filter).then((read) => setSchema({ of: filter, schema: read as Schema }), () => setSchema(null));
  }, [engine, filter]);
  return schema?.of === filter ? schema.schema : null;
}
