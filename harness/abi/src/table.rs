//! Which function of which chapter is behind a name.

use crate::guest::{Guest, hostcall};
use crate::wasi::errno;
use crate::{buffers, calls, contexts, envoy, headers, logging, metrics, properties, queues, shared_data};
use crate::{streams, versions, wasi};

/// Where the proxy's own functions are imported from.
pub(crate) const OWN: &str = "env";

/// Makes an enum of names, with the functions behind them; `run` turns a function's result into what the guest gets.
///
/// `name(argument: type) => function(expression)` hands over what the expressions say, after the guest.
macro_rules! functions {
    ($kind:ident, $run:ident;
     $($name:ident($($argument:ident: $type:ident),* $(,)?) => $chapter:ident::$function:ident($($handed:expr),* $(,)?);)+) => {
        #[derive(Clone, Copy)]
        #[expect(non_camel_case_types, reason = "the names of the ABI")]
        pub(crate) enum $kind {
            $($name,)+
        }

        impl $kind {
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)+
                    _ => None,
                }
            }

            pub(crate) fn call<E: Guest>(self, guest: &mut E, arguments: &[u64]) -> Result<u32, E::Trap> {
                let mut arguments = arguments.iter().copied();
                match self {
                    $(Self::$name => {
                        $(let $argument = arguments.next().unwrap_or_default() as $type;)*
                        $run(stringify!($name), guest, |guest| $chapter::$function(guest $(, $handed)*))
                    })+
                }
            }

            /// What each takes, as [`portcullis_inspect::imports`] writes it.
            #[cfg(test)]
            pub(crate) fn signature(self) -> String {
                let types: &[&str] = match self {
                    $(Self::$name => &[$(stringify!($type)),*],)+
                };
                types.iter().map(|kind| if kind.ends_with("64") { 'I' } else { 'i' }).collect()
            }
        }
    };
}

functions! {
    Own, hostcall;
    proxy_log(level: u32, message: u32, size: u32) => logging::log(level, message, size);
    proxy_get_current_time_nanoseconds(time_at: u32) => logging::get_current_time_nanoseconds(time_at);
    proxy_set_tick_period_milliseconds(period: u32) => logging::set_tick_period_milliseconds(period);
    proxy_continue_request() => versions::continue_request();
    proxy_continue_response() => versions::continue_response();
    proxy_get_configuration(bytes_at: u32, size_at: u32) => versions::get_configuration(bytes_at, size_at);
    proxy_clear_route_cache() => versions::clear_route_cache();
    proxy_continue_stream(stream: u32) => streams::continue_stream(stream);
    proxy_close_stream(stream: u32) => streams::close_stream(stream);
    proxy_get_log_level(level_at: u32) => versions::get_log_level(level_at);
    proxy_send_local_response(
        status: u32, details: u32, details_size: u32, body: u32, body_size: u32, headers: u32,
        headers_size: u32, grpc_status: i32,
    ) =>
        streams::send_local_response(
            status, [(details, details_size), (body, body_size), (headers, headers_size)], grpc_status
        );
    proxy_get_header_map_value(map: u32, name: u32, name_size: u32, value_at: u32, size_at: u32) =>
        headers::get_header_map_value(map, name, name_size, value_at, size_at);
    proxy_add_header_map_value(map: u32, name: u32, name_size: u32, value: u32, value_size: u32) =>
        headers::add_header_map_value(map, name, name_size, value, value_size);
    proxy_replace_header_map_value(map: u32, name: u32, name_size: u32, value: u32, value_size: u32) =>
        headers::replace_header_map_value(map, name, name_size, value, value_size);
    proxy_remove_header_map_value(map: u32, name: u32, name_size: u32) =>
        headers::remove_header_map_value(map, name, name_size);
    proxy_get_header_map_pairs(map: u32, pairs_at: u32, size_at: u32) =>
        headers::get_header_map_pairs(map, pairs_at, size_at);
    proxy_set_header_map_pairs(map: u32, pairs: u32, size: u32) =>
        headers::set_header_map_pairs(map, pairs, size);
    proxy_get_header_map_size(map: u32, size_at: u32) => headers::get_header_map_size(map, size_at);
    proxy_get_buffer_status(buffer: u32, length_at: u32, flags_at: u32) =>
        buffers::get_buffer_status(buffer, length_at, flags_at);
    proxy_get_buffer_bytes(buffer: u32, start: u32, size: u32, bytes_at: u32, size_at: u32) =>
        buffers::get_buffer_bytes(buffer, start, size, bytes_at, size_at);
    proxy_set_buffer_bytes(buffer: u32, start: u32, size: u32, bytes: u32, bytes_size: u32) =>
        buffers::set_buffer_bytes(buffer, start, size, bytes, bytes_size);
    proxy_get_property(path: u32, path_size: u32, value_at: u32, size_at: u32) =>
        properties::get_property(path, path_size, value_at, size_at);
    proxy_set_property(path: u32, path_size: u32, value: u32, value_size: u32) =>
        properties::set_property(path, path_size, value, value_size);
    proxy_http_call(
        cluster: u32, size: u32, headers: u32, headers_size: u32, body: u32, body_size: u32, trailers: u32,
        trailers_size: u32, timeout: u32, token_at: u32,
    ) =>
        calls::http_call(
            [(cluster, size), (headers, headers_size), (body, body_size), (trailers, trailers_size)], timeout,
            token_at,
        );
    proxy_call_foreign_function(
        name: u32, size: u32, args: u32, args_size: u32, result_at: u32, size_at: u32,
    ) => calls::call_foreign_function(name, size, args, args_size, result_at, size_at);
    proxy_get_status(code_at: u32, message_at: u32, size_at: u32) =>
        calls::get_status(code_at, message_at, size_at);
    proxy_grpc_call(
        cluster: u32, size: u32, service: u32, service_size: u32, method: u32, method_size: u32,
        metadata: u32, metadata_size: u32, message: u32, message_size: u32, timeout: u32, token_at: u32,
    ) =>
        calls::grpc_call([
            (cluster, size), (service, service_size), (method, method_size), (metadata, metadata_size),
            (message, message_size),
        ], timeout, token_at);
    proxy_grpc_stream(
        cluster: u32, size: u32, service: u32, service_size: u32, method: u32, method_size: u32,
        metadata: u32, metadata_size: u32, token_at: u32,
    ) =>
        calls::grpc_stream([
            (cluster, size), (service, service_size), (method, method_size), (metadata, metadata_size),
        ], token_at);
    proxy_grpc_send(token: u32, message: u32, size: u32, end_stream: u32) =>
        calls::grpc_send(token, message, size, end_stream);
    proxy_grpc_close(token: u32) => calls::grpc_close(token);
    proxy_grpc_cancel(token: u32) => calls::grpc_cancel(token);
    proxy_get_shared_data(key: u32, key_size: u32, value_at: u32, size_at: u32, cas_at: u32) =>
        shared_data::get_shared_data(key, key_size, value_at, size_at, cas_at);
    proxy_set_shared_data(key: u32, key_size: u32, value: u32, value_size: u32, cas: u32) =>
        shared_data::set_shared_data(key, key_size, value, value_size, cas);
    proxy_register_shared_queue(name: u32, size: u32, token_at: u32) =>
        queues::register_shared_queue(name, size, token_at);
    proxy_resolve_shared_queue(vm_id: u32, vm_id_size: u32, name: u32, size: u32, token_at: u32) =>
        queues::resolve_shared_queue(vm_id, vm_id_size, name, size, token_at);
    proxy_enqueue_shared_queue(token: u32, item: u32, size: u32) =>
        queues::enqueue_shared_queue(token, item, size);
    proxy_dequeue_shared_queue(token: u32, item_at: u32, size_at: u32) =>
        queues::dequeue_shared_queue(token, item_at, size_at);
    proxy_define_metric(kind: u32, name: u32, size: u32, id_at: u32) =>
        metrics::define_metric(kind, name, size, id_at);
    proxy_increment_metric(id: u32, delta: i64) => metrics::increment_metric(id, delta);
    proxy_record_metric(id: u32, value: u64) => metrics::record_metric(id, value);
    proxy_get_metric(id: u32, value_at: u32) => metrics::get_metric(id, value_at);
    proxy_set_effective_context(context: u32) => contexts::set_effective_context(context);
    proxy_done() => contexts::done();
    envoy_resolve_dns(name: u32, size: u32, _token_at: u32) => envoy::resolve_dns(name, size);
}

functions! {
    Wasi, errno;
    fd_write(fd: u32, pieces: u32, count: u32, written_at: u32) =>
        wasi::fd_write(fd, pieces, count, written_at);
    clock_res_get(clock: u32, resolution_at: u32) => wasi::clock_res_get(clock, resolution_at);
    random_get(buffer: u32, size: u32) => wasi::random_get(buffer, size);
    environ_sizes_get(count_at: u32, size_at: u32) => wasi::environ_sizes_get(count_at, size_at);
    environ_get(list_at: u32, texts_at: u32) => wasi::environ_get(list_at, texts_at);
    args_sizes_get(count_at: u32, size_at: u32) => wasi::args_sizes_get(count_at, size_at);
    fd_fdstat_get(fd: u32, stat_at: u32) => wasi::fd_fdstat_get(fd, stat_at);
    fd_pwrite(fd: u32, pieces: u32, count: u32, _offset: u64, written_at: u32) =>
        wasi::fd_write(fd, pieces, count, written_at);
    clock_time_get(clock: u32, _precision: u64, time_at: u32) => wasi::clock_time_get(clock, time_at);
    poll_oneoff(_in: u32, _out: u32, _count: u32, events_at: u32) => wasi::poll_oneoff(events_at);
    proc_exit(code: u32) => wasi::proc_exit(code);
}

#[cfg(test)]
mod tests {
    use portcullis_inspect::{AbiVersion, imports};

    use super::*;

    #[test]
    fn what_a_function_takes_is_what_the_table_of_imports_says() {
        let mut compared = 0;
        for import in AbiVersion::ALL.into_iter().flat_map(imports::all) {
            let own = Own::named(import.name).map(Own::signature).filter(|_| import.module == OWN);
            let wasi = Wasi::named(import.name).map(Wasi::signature).filter(|_| import.module != OWN);
            let Some(signature) = own.or(wasi) else { continue };
            assert_eq!(signature, import.parameters, "{}", import.name);
            compared += 1;
        }
        assert_eq!(compared, 3 * 2 * 11 + 41 + 39 + 40);
    }
}
