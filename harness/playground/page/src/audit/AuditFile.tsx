import { useEffect, useMemo, useState } from "preact/hooks";
import type { Engine, Finding, Verified } from "../engine";
import { Boundary } from "../parts/Boundary";
import { refusal, useRun } from "../parts/useRun";
import { Refused } from "../refused";
import { TAKE, type Answered, type Asked } from "./asked";
import { Details } from "./Details";
import { byLine } from "./found";
import { placeOf, type Place } from "./lines";
import { Search } from "./Search";
import { Verification } from "./Verification";

interface Props {
  engine: Engine;
  file: File;
  /** What it seems to be, by how it begins; said of it where there is no record in it. */
  instead: string | null;
  /** Tells what is wrong with the file as a whole. */
  onProblem: (problem: string | null) => void;
}

/** One file: verified and searched at once, each of which can be stopped. */
export function AuditFile({ engine, file, instead, onProblem }: Props) {
  const verification = useRun<Verified>();
  const search = useRun<Answered>();
  const [asked, setAsked] = useState<Asked>({ query: {}, skip: 0 });
  const [open, setOpen] = useState<Place | null>(null);
  useEffect(() => {
    verification.start((progress, signal) => engine.verify(file, { verifierKeys: [], macKeys: [], isRequired: false }, progress, signal));
  }, [engine, file]);
  useEffect(() => {
    const page = { skip: asked.skip, take: TAKE };
    search.start(async (progress, signal) => ({ asked, found: await engine.search(file, asked.query, page, progress, signal).catch(explained(instead)) }));
  }, [engine, file, instead, asked]);
  const problem = verification.state === "failed" && search.state === "failed" && !verification.result && !search.result ? search.refusal?.problem : undefined;
  useEffect(() => onProblem(problem ?? null), [problem]);
  // A verdict by other keys than those that were given last is none.
  const verified = ["running", "done"].includes(verification.state) ? verification.result : null;
  const marked = useMemo(() => byLine(verified ?? { findings: [], marks: [] }), [verified]);
  const openFinding = ({ line, place }: Finding) => {
    const found = place ? Promise.resolve({ line, ...place }) : placeOf(file, line);
    found.then((place) => place && setOpen(place), (error: unknown) => onProblem(refusal(error).problem));
  };
  // Nothing can be said of it, and that is all that is said.
  if (problem) return null;
  return (
    <>
      <Verification engine={engine} file={file} run={verification} verified={verified} onFinding={openFinding} />
      <Search engine={engine} file={file} run={search} asked={asked} marked={marked} onAsk={setAsked} onOpen={setOpen} />
      {open && (
        <Boundary what="The record" onClose={() => setOpen(null)}>
          <Details
            engine={engine} file={file} place={open} rows={search.result?.found.rows ?? []} findings={marked.get(open.line) ?? []}
            onMove={setOpen} onClose={() => setOpen(null)}
          />
        </Boundary>
      )}
    </>
  );
}

/** Throws on what was thrown; where the engine has found nothing in the file, with what that seems to be. */
function explained(instead: string | null) {
  return (error: unknown): never => {
    if (instead === null || !(error instanceof Refused) || error.refusal.member !== "file") throw error;
    throw new Refused({ ...error.refusal, problem: `${error.refusal.problem}. ${instead}` });
  };
}
