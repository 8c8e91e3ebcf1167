import { useRef, useState } from "preact/hooks";
import type { Engine, Filter } from "../engine";
import { useAskBeforeLeaving } from "../parts/useAskBeforeLeaving";
import { configurationIn, type Configuration } from "./configuration";
import { around, begin, EXAMPLES, sampleOf } from "./examples";
import { open } from "./opened";
import { outlineOf } from "./outline";
import { forgetAddress, useAddress } from "./useAddress";
import type { Work } from "./usePlay";

/** What is chosen for a policy that is no example. */
export const OWN = "own";

interface Beginning {
  work: Work | null;
  /** Counts the works that were begun. */
  number: number;
  /** The number of the example that the work is, or `OWN`; empty where it is something else, or was changed. */
  example: string;
  trouble: string | null;
  /** What somebody had written before the present work replaced it; the last one alone, as each is a button. */
  former: Work | null;
  /** A configuration that was opened as if it were a scenario. */
  offer: (Configuration & { file: string }) | null;
  /** Begins with something that another tab has asked for. */
  begin: (work: Work) => void;
  edit: (work: Work) => void;
  bringBack: () => void;
  /** From a scenario file to the form that it was made from. */
  backToForm: () => void;
  takeOffer: () => void;
  choose: (example: string) => void;
  openFiles: (files: File[]) => void;
  /** The work is kept elsewhere now, so that leaving the page loses nothing. */
  onKept: () => void;
}

/** The work at hand: it comes from the address, an example or files, and is played once when it has come; what somebody else has put into a link waits until it is asked for. */
export function useBeginning(engine: Engine, filters: Filter[], onStart: (work: Work) => void, onShared: () => void): Beginning {
  const [work, setWork] = useState<Work | null>(null);
  const [number, setNumber] = useState(0);
  const [example, setExample] = useState("0");
  const [trouble, setTrouble] = useState<string | null>(null);
  const [former, setFormer] = useState<Work | null>(null);
  const [offer, setOffer] = useState<Beginning["offer"]>(null);
  const edited = useRef<Work | null>(null);
  const isUnkept = useRef(false);

  const put = (next: Work, from: string, begun: (work: Work) => void = onStart) => {
    setTrouble(null);
    setOffer(null);
    setExample(from);
    setWork(next);
    setNumber((before) => before + 1);
    begun(next);
  };
  const start = (next: Work, from = "", begun = onStart) => {
    if (edited.current) setFormer(edited.current);
    edited.current = null;
    isUnkept.current = false;
    put(next, from, begun);
  };
  const edit = (next: Work) => {
    forgetAddress();
    edited.current = next;
    isUnkept.current = true;
    setExample("");
    setWork(next);
  };
  const bringBack = () => {
    if (!former) return;
    setFormer(edited.current);
    edited.current = former;
    isUnkept.current = true;
    put(former, "");
  };
  const backToForm = () => {
    if (!work || !("opened" in work) || !work.form) return;
    if (work.opened.text !== work.form.text) setFormer(work);
    edit({ policy: work.form.policy });
  };
  const choose = async (index: string) => {
    const chosen = EXAMPLES[Number(index)];
    const filter = filters.find(({ name }) => work && "policy" in work && name === work.policy.filter) ?? filters[0];
    forgetAddress();
    if (chosen) start({ policy: await begin(chosen, Math.floor(Date.now() / 1000)) }, index);
    else if (index === OWN && filter) start({ policy: around(filter.name, sampleOf(filter)) }, index);
  };
  const fail = (error: Error) => setTrouble(error.message);
  const openFiles = async (files: File[]) => {
    setTrouble(null);
    setOffer(null);
    const opened = await open(files);
    const { isScenario, isLikeOne } = outlineOf(opened.text);
    const found = isScenario ? null : await configurationIn(engine, filters, opened.text);
    if (found) return setOffer({ ...found, file: opened.name });
    // What is no more than a mistake away from a scenario is mended in the editor; nothing else takes the place of the work.
    if (!isLikeOne) throw new Error(`${opened.name} is no scenario, which is YAML with a name and steps, and no filter knows it for a configuration.`);
    forgetAddress();
    start({ opened, form: null });
  };

  useAskBeforeLeaving(isUnkept);
  useAddress({
    onPolicy: (shared) => start({ policy: shared }, "", onShared),
    onNone: (reason) => void choose("0").then(() => setTrouble(reason), fail),
    onBroken: setTrouble,
  });
  return {
    work, begin: start, number, example, trouble, former, offer, edit, bringBack, backToForm,
    takeOffer: () => offer && start({ policy: around(offer.filter, offer.config) }),
    choose: (index) => void choose(index).catch(fail),
    openFiles: (files) => void openFiles(files).catch(fail),
    onKept: () => {
      isUnkept.current = false;
    },
  };
}
