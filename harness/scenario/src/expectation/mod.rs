//! What a scenario expects, and how that is compared with what is found.

mod exchange;
mod matcher;
mod proxy;

pub use exchange::{ExchangeExpected, TcpExpected};
pub use matcher::{Matcher, Mismatch};
pub use proxy::ProxyExpected;
