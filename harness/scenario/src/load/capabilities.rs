use std::collections::BTreeSet;

use portcullis_kit::ConfigError;
use portcullis_sim::Callback;
use similar::get_close_matches;

/// What a plugin can be allowed beside its callbacks: the functions of the ABI and of WASI that a module may import, and the
/// callbacks that are never called.
const OTHERS: &str = "proxy_add_header_map_value proxy_call_foreign_function proxy_clear_route_cache proxy_close_stream \
    proxy_continue_request proxy_continue_response proxy_continue_stream proxy_define_metric proxy_dequeue_shared_queue proxy_done \
    proxy_enqueue_shared_queue proxy_get_buffer_bytes proxy_get_buffer_status proxy_get_configuration \
    proxy_get_current_time_nanoseconds proxy_get_header_map_pairs proxy_get_header_map_size proxy_get_header_map_value \
    proxy_get_log_level proxy_get_metric proxy_get_property proxy_get_shared_data proxy_get_status proxy_grpc_call \
    proxy_grpc_cancel proxy_grpc_close proxy_grpc_send proxy_grpc_stream proxy_http_call proxy_increment_metric proxy_log \
    proxy_record_metric proxy_register_shared_queue proxy_remove_header_map_value proxy_replace_header_map_value \
    proxy_resolve_shared_queue proxy_send_local_response proxy_set_buffer_bytes proxy_set_effective_context \
    proxy_set_header_map_pairs proxy_set_property proxy_set_shared_data proxy_set_tick_period_milliseconds \
    proxy_validate_configuration proxy_on_foreign_function proxy_on_request_metadata proxy_on_response_metadata \
    args_get args_sizes_get clock_res_get clock_time_get environ_get environ_sizes_get fd_advise fd_allocate fd_close fd_datasync \
    fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get fd_filestat_set_size fd_filestat_set_times fd_pread \
    fd_prestat_dir_name fd_prestat_get fd_pwrite fd_read fd_readdir fd_renumber fd_seek fd_sync fd_tell fd_write \
    path_create_directory path_filestat_get path_filestat_set_times path_link path_open path_readlink path_remove_directory \
    path_rename path_symlink path_unlink_file poll_oneoff proc_exit random_get sched_yield sock_accept sock_recv sock_send \
    sock_shutdown";

/// A name that nothing has would withhold what it was meant to allow.
pub(super) fn known(capabilities: &BTreeSet<String>) -> Result<(), ConfigError> {
    let callbacks = Callback::NAMES.into_iter().filter(|name| name.starts_with("proxy_"));
    let all: Vec<_> = callbacks.chain(OTHERS.split_ascii_whitespace()).collect();
    let Some(unknown) = capabilities.iter().find(|name| !all.contains(&name.as_str())) else { return Ok(()) };
    let nearest = get_close_matches(unknown.as_str(), &all, 1, 0.6);
    let remedy = nearest.first().map_or_else(
        || "write the name of an import or of a callback, proxy_log for instance".to_owned(),
        |name| format!("did you mean {name}?"),
    );
    let problem = format!("{unknown:?} is no function of the ABI or of WASI and no callback; {remedy}");
    Err(ConfigError::at("capabilities", problem))
}
