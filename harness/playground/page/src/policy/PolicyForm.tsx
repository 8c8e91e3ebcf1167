import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Editor } from "../editor/Editor";
import type { Schema } from "../editor/schema";
import type { Engine, Filter, Problem } from "../engine";
import { ChoiceField, TextField } from "../parts/Field";
import { EXAMPLES } from "./examples";
import type { Cluster, Policy, Step } from "./policy";
import { Steps } from "./Steps";
import { Surroundings } from "./Surroundings";
import { Tokens } from "./Tokens";
import { useCheck } from "./useCheck";

interface PolicyFormProps {
  engine: Engine;
  filters: Filter[];
  policy: Policy;
  /** What was wrong when it was last played. */
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
    const example = EXAMPLES.find((one) => one.policy.filter === filter)?.policy;
    const config = drafts.current[filter] ?? example?.config ?? filters.find(({ name }) => name === filter)?.sample ?? "";
    put({ filter, config, clusters: withClusters(policy.clusters, example?.clusters ?? []) });
  };
  const setToken = (index: number, token: string) => put({ steps: policy.steps.map((step, at) => (at === index ? withToken(step, token) : step)) });

  return (
    <>
      <section class="card" aria-label="Configuration">
        <div class="row-fields">
          <ChoiceField label="Filter" value={policy.filter} options={filters.map(({ name }) => [name, name === "portcullis" ? "the suite (portcullis)" : name] as const)} onValue={choose} />
          <TextField label="What it shows" value={policy.name} onValue={(name) => put({ name })} />
        </div>
        <h2>Configuration</h2>
        <Editor label={`Configuration of ${policy.filter}`} value={policy.config} onValue={(config) => put({ config })} problems={problems ?? NONE} schema={schema} />
        {problems?.length === 0 && <p class="quiet" role="status">✓ {policy.filter} takes this configuration. Control and space show what may stand at the cursor.</p>}
      </section>
      <Steps steps={policy.steps} onSteps={(steps) => put({ steps })} />
      <Surroundings policy={policy} onPolicy={put} />
      <Tokens engine={engine} steps={policy.steps} onToken={setToken} />
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
