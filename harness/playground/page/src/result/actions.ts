/** What callbacks answer by number beyond Continue and Pause, which the engine names. */

/** Envoy's FilterHeadersStatus and FilterDataStatus. */
const ACTIONS: [callback: RegExp, names: Record<string, string>][] = [
  [/^proxy_on_(request|response)_headers$/, { 2: "ContinueAndEndStream", 3: "StopAllIterationAndBuffer", 4: "StopAllIterationAndWatermark" }],
  [/^proxy_on_(request|response)_body$/, { 2: "StopIterationAndWatermark", 3: "StopIterationNoBuffer" }],
];

/** What was returned, with the name that it has. */
export function named(callback: string, returned: string): string {
  const name = ACTIONS.find(([of]) => of.test(callback))?.[1][returned];
  return name ? `${returned} (${name})` : returned;
}
