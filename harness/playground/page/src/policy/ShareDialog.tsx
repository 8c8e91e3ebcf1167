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
type Made = { link: string } | { problem: string } | { doubt: string } | null;

/** A link to the policy; it goes nowhere unless it is copied, or put into the address of the page. */
export function ShareDialog({ engine, policy, onKept, onClose }: ShareDialogProps) {
  const [made, setMade] = useState<Made>(null);
  const [isAddress, setAddress] = useState(false);
  const makeIt = (isWanted: boolean) => {
    make(engine, policy, isWanted).then(setMade, (error: Error) => setMade({ problem: error.message }));
  };
  useEffect(() => makeIt(false), []);
  const putIntoAddress = (link: string) => {
    history.replaceState(null, "", link);
    setAddress(true);
    onKept();
  };
  return (
    <Dialog title="Share this policy" onClose={onClose}>
      {made && "problem" in made && <Message kind="error">{made.problem}</Message>}
      {made && "doubt" in made && (
        <>
          <Message kind="warning">{made.doubt} Whoever has the link can read it. Put a made-up value in its place, with which the filter does the same; where it is made up already, share it.</Message>
          <div class="row"><button type="button" class="button" onClick={() => makeIt(true)}>Share all the same</button></div>
        </>
      )}
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

/** `isWanted`: also with keys and passwords that requests have in their headers. */
async function make(engine: Engine, policy: Policy, isWanted: boolean): Promise<Made> {
  const secret = await secretOf(engine, policy);
  if (secret?.isSent && !isWanted) return { doubt: secret.said };
  if (secret && !secret.isSent) return { problem: `${secret.said} A link can be read by anybody who has it, so none was made. Take it out first; Export makes a file with all of it.` };
  // The public keys and the time go along, so that whoever opens it later sees the same.
  const address = new URL(location.href);
  address.hash = await toFragment(await complete(policy));
  return { link: address.href };
}
