use crate::{Host, HostError};

/// The key-value store of all VMs with one `vm_id`: all workers, and in Istio, where the `vm_id` is empty, all plugins. There
/// is no delete: keys come from a fixed set and begin with `portcullis/` and the filter's name.
pub trait SharedData {
    /// What stands under a key; `None` when nothing was ever written there.
    ///
    /// # Errors
    /// The proxy refused.
    fn shared(&mut self, key: &str) -> Result<Option<Datum>, HostError>;

    /// Writes, if nobody else has since the read that gave `cas`. A key that is not there takes any number, so that two VMs can
    /// both create it: read it back and go on from there. The number 0 writes unchecked.
    ///
    /// # Errors
    /// Somebody else has written, or the proxy refused.
    fn set_shared(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), WriteError>;
}

/// The number with which [`SharedData::set_shared`] creates and never overwrites: a missing key takes any number, and the numbers of the store
/// begin at the other end.
pub const CREATE: u32 = u32::MAX;

/// A value of the store and the number of its last write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datum {
    /// The value.
    pub value: Vec<u8>,
    /// The number of its last write, never 0.
    pub cas: u32,
}

/// Why a value was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// Somebody else has written first.
    Conflict,
    /// The proxy refused.
    Host(HostError),
}

/// Changes an entry of the store by compare-and-swap: `change` makes of what stands there, if anything does, what is to stand there, or `None` for no
/// change. It runs again when somebody else was faster, up to `tries` times.
///
/// # Errors
/// The proxy refused, or others were always faster; then nothing was written.
pub fn update_shared<T>(
    host: &mut dyn Host,
    key: &str,
    tries: u32,
    mut change: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
) -> Result<T, WriteError> {
    for _ in 0..tries {
        let datum = host.shared(key).map_err(WriteError::Host)?;
        let (value, out) = change(datum.as_ref().map(|datum| datum.value.as_slice()));
        let Some(value) = value else { return Ok(out) };
        match host.set_shared(key, &value, datum.map_or(CREATE, |datum| datum.cas)) {
            Ok(()) => return Ok(out),
            Err(WriteError::Conflict) => {}
            Err(refused) => return Err(refused),
        }
    }
    Err(WriteError::Conflict)
}
