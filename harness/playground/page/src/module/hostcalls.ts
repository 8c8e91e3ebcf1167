/** What each function does that a module can import from Envoy. */
export const HOSTCALLS: Record<string, string> = {
  proxy_log: "Writes a line into the proxy's log.",
  proxy_get_log_level: "Asks from which level on lines are logged.",
  proxy_get_current_time_nanoseconds: "Reads the proxy's clock.",
  proxy_set_tick_period_milliseconds: "Sets how often proxy_on_tick is called.",
  proxy_get_configuration: "Reads the plugin's configuration. ABI 0.1.0 only.",
  proxy_get_status: "Reads how the last call ended: an HTTP call that failed, a gRPC call that failed or a gRPC stream; one that succeeds leaves it as it was.",
  proxy_done: "Says that the plugin, which asked for more time in proxy_on_done, is over now; requests cannot ask for it.",
  proxy_set_effective_context: "Takes up another context, such as a request that waits.",

  proxy_get_property: "Reads a property of the proxy, the connection or the request.",
  proxy_set_property: "Sets a property, which other filters and the access log see as filter state.",

  proxy_get_header_map_value: "Reads one header or trailer.",
  proxy_get_header_map_pairs: "Reads all headers or trailers.",
  proxy_get_header_map_size: "Asks how long all headers or trailers are.",
  proxy_add_header_map_value: "Adds a header or trailer to those that are there.",
  proxy_replace_header_map_value: "Sets a header or trailer in place of those of its name.",
  proxy_remove_header_map_value: "Removes a header or trailer.",
  proxy_set_header_map_pairs: "Sets headers or trailers anew, all of them.",

  proxy_get_buffer_bytes: "Reads a body, the answer to a call, or the configuration.",
  proxy_get_buffer_status: "Asks how long a body or another buffer is.",
  proxy_set_buffer_bytes: "Changes a body: replaces what it begins with, or puts something before or behind it. The middle is BAD_ARGUMENT.",

  proxy_continue_stream: "Lets a request, response or connection go on that was held.",
  proxy_continue_request: "Lets a request go on that was held. ABI 0.1.0 only.",
  proxy_continue_response: "Lets a response go on that was held. ABI 0.1.0 only.",
  proxy_close_stream: "Resets a request, or closes a connection.",
  proxy_clear_route_cache: "Has the route chosen anew. ABI 0.1.0 only.",
  proxy_send_local_response: "Answers the request itself: instead of the upstream, or in a response's callbacks, when it has been asked, in place of its answer.",

  proxy_http_call: "Sends an HTTP request of its own to a cluster.",
  proxy_grpc_call: "Makes a gRPC call to a cluster.",
  proxy_grpc_stream: "Opens a gRPC stream to a cluster.",
  proxy_grpc_send: "Sends a message on a gRPC stream.",
  proxy_grpc_close: "Ends a gRPC stream from its side.",
  proxy_grpc_cancel: "Breaks a gRPC call or stream off.",

  proxy_define_metric: "Makes a counter, gauge or histogram.",
  proxy_increment_metric: "Adds to a counter or gauge.",
  proxy_record_metric: "Sets a gauge, adds to a counter, or adds a value to a histogram.",
  proxy_get_metric: "Reads a counter or gauge.",

  proxy_get_shared_data: "Reads a value that all workers of the VM share.",
  proxy_set_shared_data: "Writes a shared value, unless another was faster.",
  proxy_register_shared_queue: "Opens a queue of its own for messages between VMs.",
  proxy_resolve_shared_queue: "Finds the queue of another VM.",
  proxy_enqueue_shared_queue: "Puts a message into a queue.",
  proxy_dequeue_shared_queue: "Takes a message out of a queue.",

  proxy_call_foreign_function: "Calls a function by its name that only Envoy has, such as one for signatures.",
  envoy_resolve_dns: "Has Envoy look up a host name.",
  pthread_equal: "Compares two threads; Emscripten's C library asks for it.",
  emscripten_notify_memory_growth: "Says that the memory has grown; Emscripten's C library does.",
};

/** What the functions of WASI do in Envoy, which has neither files nor sockets for a module. */
const WASI: Record<string, string> = {
  fd_write: "Writes to standard output or error; Envoy makes a line of its log of it.",
  fd_pwrite: "As fd_write; Envoy does not look at the position.",
  clock_time_get: "Reads the clock.",
  clock_res_get: "Asks how fine the clock is.",
  random_get: "Takes random bytes from Envoy.",
  environ_sizes_get: "Asks how much environment there is: the vm_config's environment_variables.",
  environ_get: "Reads the environment: the vm_config's environment_variables.",
  args_sizes_get: "Asks how many arguments there are: none.",
  args_get: "Reads the arguments: there are none.",
  proc_exit: "Ends the program; Envoy logs it and goes on.",
  poll_oneoff: "Waits; Envoy returns at once.",
  sched_yield: "Lets others run; Envoy returns at once.",
  fd_fdstat_get: "Asks what a descriptor is: standard output and error, and nothing else.",
};

/** What an import does, in a sentence; null where Envoy has no such function. */
export function meaning(module: string, name: string): string | null {
  const own = (table: Record<string, string>) => (Object.hasOwn(table, name) ? table[name] ?? null : null);
  if (module === "env") return own(HOSTCALLS);
  if (!["wasi_snapshot_preview1", "wasi_unstable"].includes(module)) return null;
  if (/^(fd|path|sock)_/.test(name) && !Object.hasOwn(WASI, name)) return "Files and sockets: Envoy has none for a module.";
  return own(WASI);
}
