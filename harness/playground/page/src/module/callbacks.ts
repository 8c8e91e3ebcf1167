/** When Envoy calls each callback. */
export const CALLBACKS: Record<string, string> = {
  proxy_on_context_create: "A context begins: of the plugin, of a request, of a connection.",
  proxy_on_vm_start: "The VM begins.",
  proxy_validate_configuration: "Never called: Envoy checks its signature alone. Whether a configuration is taken is up to proxy_on_configure.",
  proxy_on_configure: "The plugin gets its configuration.",
  proxy_on_tick: "The period that the plugin has set is over.",
  proxy_on_queue_ready: "There is a message in a queue.",

  proxy_on_request_headers: "A client's headers are there.",
  proxy_on_request_body: "A part of a client's body is there.",
  proxy_on_request_trailers: "A client's trailers are there.",
  proxy_on_request_metadata: "HTTP/2 metadata of a client is there, where Envoy is set to allow_metadata.",
  proxy_on_response_headers: "The answer's headers are there: the upstream's, or those of a local reply, one's own included.",
  proxy_on_response_body: "A part of the answer's body is there: the upstream's, or a local reply's.",
  proxy_on_response_trailers: "The answer's trailers are there.",
  proxy_on_response_metadata: "HTTP/2 metadata of the upstream is there, where Envoy is set to allow_metadata.",

  proxy_on_new_connection: "A TCP connection begins.",
  proxy_on_downstream_data: "The client has sent bytes over TCP.",
  proxy_on_upstream_data: "The upstream has sent bytes over TCP.",
  proxy_on_downstream_connection_close: "The client's TCP connection is over.",
  proxy_on_upstream_connection_close: "The upstream's TCP connection is over.",

  proxy_on_http_call_response: "The answer to an HTTP call of the module is there, or the call has failed.",
  proxy_on_grpc_receive_initial_metadata: "The first metadata of a gRPC stream of the module is there; calls get none.",
  proxy_on_grpc_receive: "The answer to a gRPC call of the module is there, or a message of its gRPC stream.",
  proxy_on_grpc_receive_trailing_metadata: "The last metadata of a gRPC stream of the module is there; calls get none.",
  proxy_on_grpc_close: "A gRPC stream of the module is over, or a gRPC call has failed; one that succeeds ends with its answer.",
  proxy_on_foreign_function: "A function of Envoy calls back.",

  proxy_on_done: "A request, a connection or the plugin is over; the plugin alone may ask for more time.",
  proxy_on_log: "A request is over and may be logged.",
  proxy_on_delete: "A context goes away.",

  envoy_on_resolve_dns: "A host name was looked up.",
  envoy_on_stats_update: "Envoy has flushed its metrics; only where the module is a stats sink of Envoy.",
};

/** What else Envoy looks for in a module. */
export const LIFECYCLE: Record<string, string> = {
  memory: "The memory through which Envoy and the module exchange data.",
  malloc: "Gives memory for what Envoy hands over.",
  proxy_on_memory_allocate: "Gives memory for what Envoy hands over.",
  _initialize: "Called once, before anything else.",
  _start: "Called once, before anything else, where there is no _initialize.",
  main: "Called after _initialize.",
  __main_void: "Called after _initialize, where there is no main.",
};

/** Names in the order of the tables above, which is about that of the calls; those that are not in them come last. */
export function inOrder(names: string[]): string[] {
  const order = new Map([...Object.keys(CALLBACKS), ...Object.keys(LIFECYCLE)].map((name, at) => [name, at]));
  const at = (name: string) => order.get(name) ?? order.size;
  return [...names].sort((one, other) => at(one) - at(other));
}

/** When a callback is called, or what a lifecycle export is for; null for one that is not known here. */
export function calledFor(name: string): string | null {
  if (name.startsWith("proxy_abi_version_")) return "Says for which version of the ABI the module was made; never called.";
  for (const table of [CALLBACKS, LIFECYCLE]) {
    if (Object.hasOwn(table, name)) return table[name] ?? null;
  }
  return null;
}
