import { useRef, useState } from "preact/hooks";
import { stringify } from "yaml";
import { ChoiceField, TextField } from "../parts/Field";
import { AnswerForm } from "./AnswerForm";
import { clockProblem, clusterProblem } from "./field_problems";
import { answer, REACHABILITIES, type Cluster, type Policy, type Reachability } from "./policy";
import { readVariables, variablesProblem } from "./variables";

interface PartProps {
  policy: Policy;
  onPolicy: (part: Partial<Policy>) => void;
}

/** The proxy around the filter: the time, the upstream, the clusters that it calls, and variables. */
export function Surroundings({ policy, onPolicy }: PartProps) {
  const adding = useRef<HTMLButtonElement>(null);
  const putCluster = (index: number, cluster: Cluster) => onPolicy({ clusters: policy.clusters.map((old, at) => (at === index ? cluster : old)) });
  const removeCluster = (index: number) => {
    onPolicy({ clusters: policy.clusters.filter((_, at) => at !== index) });
    adding.current?.focus();
  };
  return (
    <details class="more">
      <summary>Clock, clusters, variables <span class="quiet">{summary(policy)}</span></summary>
      <div class="more-inside">
        <div class="row-fields">
          <TextField label="Time at the start" value={policy.clock} placeholder="that of the browser" problem={clockProblem(policy.clock)} hint="2026-01-01T00:00:00Z" onValue={(clock) => onPolicy({ clock })} />
          <ChoiceField label="The upstream …" value={policy.upstream} options={REACHABILITIES} onValue={(upstream) => onPolicy({ upstream: upstream as Reachability })} />
        </div>
        {policy.clusters.map((cluster, index) => (
          <ClusterForm key={index} cluster={cluster} onCluster={(next) => putCluster(index, next)} onRemove={() => removeCluster(index)} />
        ))}
        <div class="row">
          <button type="button" class="button button-small" ref={adding} onClick={() => onPolicy({ clusters: [...policy.clusters, { name: "", reachability: "healthy", answers: [answer()] }] })}>Add a cluster that the filter calls</button>
        </div>
        <Variables policy={policy} onPolicy={onPolicy} />
      </div>
    </details>
  );
}

function summary({ clock, clusters, vars, upstream }: Policy): string {
  const parts = [
    clock,
    upstream === "healthy" ? "" : `upstream: ${upstream.replaceAll("_", " ")}`,
    ...clusters.map(({ name }) => `cluster ${name}`),
    ...Object.keys(vars).map((name) => `\${${name}}`),
  ].filter(Boolean);
  return parts.join(", ");
}

function ClusterForm({ cluster, onCluster, onRemove }: { cluster: Cluster; onCluster: (cluster: Cluster) => void; onRemove: () => void }) {
  const { name, answers } = cluster;
  return (
    <fieldset class="plain card">
      <legend class="label">Cluster {name}</legend>
      <div class="row-fields">
        <TextField label="Name" value={name} problem={clusterProblem(name)} onValue={(next) => onCluster({ ...cluster, name: next })} />
        <ChoiceField label="It …" value={cluster.reachability} options={REACHABILITIES} onValue={(next) => onCluster({ ...cluster, reachability: next as Reachability })} />
      </div>
      {answers.map((one, index) => (
        <AnswerForm key={index} who={answers.length > 1 ? `To call ${index + 1} it` : "When called, it"} of={`of answer ${index + 1} of ${name}`} answer={one} onAnswer={(next) => onCluster({ ...cluster, answers: answers.map((old, at) => (at === index ? next : old)) })} />
      ))}
      <div class="row">
        <button type="button" class="button button-small" onClick={() => onCluster({ ...cluster, answers: [...answers, answer()] })}>Add an answer</button>
        {answers.length > 1 && <button type="button" class="button button-small" onClick={() => onCluster({ ...cluster, answers: answers.slice(0, -1) })}>Remove the last answer</button>}
        <button type="button" class="button button-small" onClick={onRemove}>Remove the cluster</button>
      </div>
      {answers.length > 1 && <p class="quiet">One for each call, in order; the last one answers all further calls.</p>}
    </fieldset>
  );
}

function Variables({ policy: { vars, unreadVars }, onPolicy }: PartProps) {
  const [draft, setDraft] = useState<{ text: string; of: Policy["vars"] } | null>(null);
  // A draft stands for as long as nobody else has changed the variables.
  const text = unreadVars ?? (draft?.of === vars ? draft.text : Object.keys(vars).length > 0 ? stringify(vars, { lineWidth: 0 }) : "");
  const put = (next: string) => {
    const understood = readVariables(next);
    if ("problem" in understood) return onPolicy({ unreadVars: next });
    setDraft({ text: next, of: understood.read });
    onPolicy({ vars: understood.read, unreadVars: undefined });
  };
  return (
    <TextField
      label="Variables"
      lines={4}
      code
      value={text}
      problem={variablesProblem(unreadVars)}
      hint="In YAML. ${name} stands for the value, in the configuration and in requests; ${jwks} for the public keys of this page, unless it is here. What nothing names is not exported."
      onValue={put}
    />
  );
}
