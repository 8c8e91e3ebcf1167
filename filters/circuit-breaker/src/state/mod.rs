//! The state machine: what all workers agree on, and how it changes.
//!
//! Times are nanoseconds on a monotonic clock that all workers share.

mod record;
mod tally;
mod throttle;
mod trip;

pub use record::{
    Admission, Backoff, Event, HalfOpen, Lease, Probe, ProbeEnd, Record, Settings, State, Transition,
};
pub use tally::{Counts, Outcome, Tally, Window};
pub use throttle::Throttle;
pub use trip::{Cause, Ratio, Trip};
