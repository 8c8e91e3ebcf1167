import { useEffect, useState } from "preact/hooks";
import { CopyButton } from "../parts/CopyButton";
import { Dialog } from "../parts/Dialog";
import { Message } from "../parts/Message";
import { complete } from "./play";
import type { Policy } from "./policy";
import { secretsIn, toFragment } from "./share";

/** A link to the policy; it becomes the page's own address, too, so that loading the page again keeps the policy. */
export function ShareDialog({ policy, onClose }: { policy: Policy; onClose: () => void }) {
  const [link, setLink] = useState("");
  const secrets = secretsIn(policy);
  useEffect(() => {
    if (secrets.length > 0) return;
    void linkTo(policy).then((made) => {
      history.replaceState(null, "", made);
      setLink(made);
    });
  }, [policy]);
  return (
    <Dialog title="Share this policy" onClose={onClose}>
      {secrets.length > 0 ? (
        <Message kind="error">There is a private key or another secret in it ({secrets.join(", ")}), and a link can be read by anybody who has it. Take that out first.</Message>
      ) : (
        <>
          <Message kind="warning">Whoever has the link can read all that is in it: the configuration, the requests with their headers, and the tokens.</Message>
          <p class="quiet">The policy stands behind the # of the address, which browsers send to no server. The page stores nothing; this link is also how to keep a policy for later.</p>
          <textarea class="input code" rows={5} readOnly aria-label="Link" value={link} />
          <CopyButton text={link} label="Copy the link" />
          {link.length > 8000 && <Message kind="note">The link has {link.length} characters; some programs cut long ones. A scenario file has no such limit.</Message>}
        </>
      )}
    </Dialog>
  );
}

async function linkTo(policy: Policy): Promise<string> {
  // The public key goes along, so that the tokens stay good; the time only where somebody has set it.
  const shared = { ...(await complete(policy)), clock: policy.clock };
  const address = new URL(location.href);
  address.hash = await toFragment(shared);
  return address.href;
}
