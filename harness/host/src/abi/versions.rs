use wasmtime::{Linker, Result};

use crate::AbiVersion;
use crate::abi::MODULE;
use crate::abi::link::hostcalls;
use crate::abi::streams::{close_stream, continue_stream};
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// The request of `proxy_continue_request`, the response of `proxy_continue_response`.
const REQUEST: u32 = 0;
const RESPONSE: u32 = 1;
/// The buffer that the configuration is in since 0.2.0.
const PLUGIN_CONFIGURATION: u32 = 7;

/// What came and went with the versions.
pub(super) fn link(linker: &mut Linker<State>, abi: AbiVersion) -> Result<()> {
    match abi {
        AbiVersion::V0_1_0 => {
            hostcalls! {
                linker, MODULE, hostcall;
                proxy_continue_request() => continue_stream(REQUEST),
                proxy_continue_response() => continue_stream(RESPONSE),
                proxy_get_configuration(bytes_at: u32, size_at: u32) => get_configuration(bytes_at, size_at),
                proxy_clear_route_cache() => clear_route_cache(),
            }
        }
        AbiVersion::V0_2_0 | AbiVersion::V0_2_1 => {
            hostcalls! {
                linker, MODULE, hostcall;
                proxy_continue_stream => continue_stream(stream: u32),
                proxy_close_stream => close_stream(stream: u32),
            }
        }
    }
    if abi == AbiVersion::V0_2_1 {
        hostcalls! { linker, MODULE, hostcall; proxy_get_log_level => get_log_level(level_at: u32) }
    }
    Ok(())
}

/// Empty outside the callbacks in which the buffer can be read.
fn get_configuration(guest: &mut Guest<'_>, bytes_at: u32, size_at: u32) -> Result<(), Fault> {
    let configuration = guest.sim().buffer_bytes(PLUGIN_CONFIGURATION, 0, u32::MAX).unwrap_or_default();
    guest.give(&configuration, bytes_at, size_at)
}

fn clear_route_cache(guest: &mut Guest<'_>) -> Result<(), Fault> {
    // The simulated proxy has one route, which no change of a header can exchange for another.
    guest.note("proxy_clear_route_cache", &[]);
    Ok(())
}

fn get_log_level(guest: &mut Guest<'_>, level_at: u32) -> Result<(), Fault> {
    let level = guest.sim().log_level()?;
    guest.write_u32(level_at, level)
}
