//! The hostcalls, one file per chapter of the ABI.

mod buffers;
mod calls;
mod clock;
mod contexts;
mod foreign;
mod grpc_target;
mod headers;
mod logging;
mod map_type;
mod merged;
mod metrics;
mod properties;
mod queues;
mod received;
mod shared_data;
mod stream;

pub use buffers::BufferType;
pub use calls::{GrpcCall, HttpCall};
pub use foreign::ForeignFunction;
pub use map_type::MapType;
pub(crate) use merged::append as append_header;
pub use metrics::MetricType;
pub(crate) use metrics::{MetricIds, Stats};
pub(crate) use queues::Queues;
pub(crate) use received::Received;
pub(crate) use shared_data::SharedData;
