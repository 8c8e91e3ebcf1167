import { ChoiceField, TextField } from "../parts/Field";
import { HeaderLines } from "./HeaderLines";
import { durationProblem, type Answer } from "./policy";

interface AnswerFormProps {
  /** Whose answer: `of the upstream`. */
  of: string;
  answer: Answer;
  onAnswer: (answer: Answer) => void;
}

const FAULTS = [
  ["", "answers"],
  ["timeout", "never answers"],
  ["reset", "closes the connection"],
  ["reset_mid_body", "closes it within the body"],
  ["malformed", "answers something that is no HTTP"],
] as const;

/** What a server does with a request. */
export function AnswerForm({ of, answer, onAnswer }: AnswerFormProps) {
  const put = (part: Partial<Answer>) => onAnswer({ ...answer, ...part });
  const hasAnswer = answer.fault === "" || answer.fault === "reset_mid_body";
  return (
    <>
      <div class="row-fields">
        <ChoiceField label="It" value={answer.fault} options={FAULTS} onValue={(fault) => put({ fault: fault as Answer["fault"] })} />
        {hasAnswer && <StatusField status={answer.status} onStatus={(status) => put({ status })} />}
        <TextField label="After" value={answer.after} placeholder="at once" problem={durationProblem(answer.after, true)} onValue={(after) => put({ after })} />
      </div>
      {hasAnswer && (
        <>
          <HeaderLines of={of} headers={answer.headers} onHeaders={(headers) => put({ headers })} />
          <TextField label="Body" lines={2} code value={answer.body} onValue={(body) => put({ body })} />
        </>
      )}
    </>
  );
}

function StatusField({ status, onStatus }: { status: number; onStatus: (status: number) => void }) {
  const problem = status >= 200 && status <= 599 ? null : "A number from 200 to 599.";
  return <TextField label="Status" value={Number.isNaN(status) ? "" : String(status)} problem={problem} onValue={(text) => onStatus(Math.trunc(Number(text)) || 0)} />;
}
