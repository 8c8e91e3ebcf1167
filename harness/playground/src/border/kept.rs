//! Modules that were compiled a moment ago: whoever tries a module plays it again and again.

use std::cell::RefCell;
use std::collections::VecDeque;

use portcullis_sim::Profile;

use crate::policy::Vms;

/// Together they have no more bytes than this.
const MOST: usize = 64 << 20;

thread_local! {
    static KEPT: RefCell<VecDeque<Kept>> = const { RefCell::new(VecDeque::new()) };
}

struct Kept {
    bytes: Vec<u8>,
    profile: Profile,
    vms: Vms,
}

/// What makes the VMs of a module; `load` is asked where it was not kept.
///
/// # Errors
/// As `load`.
pub(super) fn kept(
    bytes: Vec<u8>,
    profile: Profile,
    load: impl FnOnce(&[u8]) -> Result<Vms, String>,
) -> Result<Vms, String> {
    let is_same = |kept: &&Kept| kept.profile == profile && kept.bytes == bytes;
    if let Some(vms) = KEPT.with_borrow(|all| all.iter().find(is_same).map(|kept| kept.vms.clone())) {
        return Ok(vms);
    }
    let vms = load(&bytes)?;
    KEPT.with_borrow_mut(|all| {
        all.push_back(Kept { bytes, profile, vms: vms.clone() });
        while all.iter().map(|kept| kept.bytes.len()).sum::<usize>() > MOST {
            all.pop_front();
        }
    });
    Ok(vms)
}
