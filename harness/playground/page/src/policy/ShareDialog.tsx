import { useEffect, useState } from "preact/hooks";
import type { Engine } from "../engine";
import { CopyButton } from "../parts/CopyButton";
import { Dialog } from "../parts/Dialog";
import { Message } from "../parts/Message";
import { complete } from "./play";
import type { Policy } from "./policy";
import { secretOf } from "./secrets";
import { toFragment } from "./share";

interface ShareDialogProps {
  engine: Engine;
  policy: Policy;
  /** The link is somewhere else now. */
  onKept: () => void;
  onClose: () => void;
}

/** What became of a policy. */
type Made = { link: string } | { problem: string } | null;

/** A link to the policy; it goes nowhere unless it is copied, or put into the address of the page. */
export function ShareDialog({ engine, policy, onKept, onClose }: ShareDialogProps) {
  const [made, setMade] = useState<Made>(null);
  const [isAddress, setAddress] = useState(false);
  useEffect(() => {
    make(engine, policy).then(setMade, (error: Error) => setMade({ problem: error.message }));
  }, []);
  const putIntoAddress = (link: string) => {
    history.replaceState(null, "", link);
    setAddress(true);
    onKept();
  };
  return (
    <Dialog title="Share this policy" onClose={onClose}>
      {made && "problem" in made && <Message kind="error">{made.problem}</Message>}
      {made && "link" in made && (
        <>
          <Message kind="warning">Whoever has the link can read all that is in it: the configuration, the requests with their headers, and the tokens.</Message>
          <p class="quiet">The policy stands behind the # of the address, which browsers send to no server. The page stores nothing; this link is also how to keep a policy for later.</p>
          <textarea class="input code" rows={5} readOnly aria-label="Link" value={made.link} />
          <div class="row">
            <CopyButton text={made.link} label="Copy the link" onCopied={onKept} />
            <button type="button" class="button" onClick={() => putIntoAddress(made.link)}>Put it into the address</button>
            <span role="status" class="quiet">{isAddress && "Loading the page again keeps the policy"}</span>
          </div>
          <p class="quiet">What is in the address is in the history of the browser, too, and goes wherever that is synchronised to.</p>
          {made.link.length > 8000 && <Message kind="note">The link has {made.link.length} characters; some programs cut long ones. A scenario file has no such limit.</Message>}
        </>
      )}
    </Dialog>
  );
}

async function make(engine: Engine, policy: Policy): Promise<Made> {
  const secret = await secretOf(engine, policy);
  if (secret) return { problem: `${secret} A link can be read by anybody who has it, so none was made. Mend that first.` };
  // The public keys and the time go along, so that whoever opens it later sees the same.
  const address = new URL(location.href);
  address.hash = await toFragment(await complete(policy));
  return { link: address.href };
}
