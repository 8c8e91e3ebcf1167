import { useEffect, useRef, useState } from "preact/hooks";
import { begin, EXAMPLES } from "./examples";
import { open } from "./opened";
import { fromFragment } from "./share";
import type { Work } from "./usePlay";

interface Beginning {
  work: Work | null;
  example: string;
  trouble: string | null;
  /** What somebody had written before the present work replaced it. */
  former: Work | null;
  edit: (work: Work) => void;
  start: (work: Work) => void;
  choose: (example: string) => void;
  openFiles: (files: File[]) => void;
}

/** The work at hand: it comes from the address, an example or files, and is played once when it has come. */
export function useBeginning(onStart: (work: Work) => void): Beginning {
  const [work, setWork] = useState<Work | null>(null);
  const [example, setExample] = useState("0");
  const [trouble, setTrouble] = useState<string | null>(null);
  const [former, setFormer] = useState<Work | null>(null);
  const edited = useRef<Work | null>(null);

  const edit = (next: Work) => {
    edited.current = next;
    setWork(next);
  };
  const start = (next: Work) => {
    setFormer(edited.current);
    edited.current = null;
    setTrouble(null);
    setWork(next);
    onStart(next);
  };
  const choose = async (index: string) => {
    setExample(index);
    const chosen = EXAMPLES[Number(index)];
    if (chosen) start({ policy: await begin(chosen, Math.floor(Date.now() / 1000)) });
  };
  const fail = (error: Error) => setTrouble(error.message);
  const openFiles = (files: File[]) => {
    open(files).then((opened) => start({ opened }), fail);
  };

  useEffect(() => {
    /** Whether there was a policy in the address. */
    const fromAddress = async () => {
      const shared = await fromFragment(location.hash);
      if (shared) start({ policy: shared });
      return shared !== null;
    };
    const tell = (error: Error) => setTrouble(`The policy in the address cannot be read: ${error.message}. The link may be cut off.`);
    fromAddress().then(
      (isThere) => (isThere ? undefined : choose("0")),
      (error: Error) => choose("0").then(() => tell(error)),
    ).catch(fail);
    const changed = () => {
      fromAddress().catch(tell);
    };
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return { work, example, trouble, former, edit, start, choose: (index) => void choose(index).catch(fail), openFiles };
}
