import { ChoiceField, TextField } from "../parts/Field";
import { HeaderLines } from "./HeaderLines";
import { durationProblem, statusProblem } from "./field_problems";
import { FAULTS, hasAnswer, type Answer } from "./policy";

interface AnswerFormProps {
  /** Who answers: `The upstream`. */
  who: string;
  /** Whose answer: `of the upstream`. */
  of: string;
  answer: Answer;
  onAnswer: (answer: Answer) => void;
}

/** What a server does with a request. */
export function AnswerForm({ who, of, answer, onAnswer }: AnswerFormProps) {
  const put = (part: Partial<Answer>) => onAnswer({ ...answer, ...part });
  return (
    <>
      <div class="row-fields">
        <ChoiceField label={`${who} …`} value={answer.fault} options={FAULTS} onValue={(fault) => put({ fault: fault as Answer["fault"] })} />
        {hasAnswer(answer) && <StatusField status={answer.status} onStatus={(status) => put({ status })} />}
        <TextField label="Answers after" value={answer.after} placeholder="at once" problem={durationProblem(answer.after, true)} onValue={(after) => put({ after })} />
      </div>
      {hasAnswer(answer) && (
        <>
          <HeaderLines of={of} headers={answer.headers} onHeaders={(headers) => put({ headers })} />
          <TextField label="Body" lines={2} code value={answer.body} onValue={(body) => put({ body })} />
        </>
      )}
    </>
  );
}

function StatusField({ status, onStatus }: { status: number; onStatus: (status: number) => void }) {
  return <TextField label="Status" value={Number.isNaN(status) ? "" : String(status)} problem={statusProblem(status)} onValue={(text) => onStatus(Math.trunc(Number(text)) || 0)} />;
}
