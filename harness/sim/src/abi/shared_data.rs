use hashbrown::HashMap;

use crate::{Hostcall, Refusal, Sim, Status};

/// The ABI has no delete: what a plugin stores stays. Envoy has no bound here.
const BYTES: usize = 256 << 20;

/// The values of one `vm_id` with their CAS numbers, by key.
type Space = HashMap<Vec<u8>, (Vec<u8>, u32)>;

/// The key-value store: one key space for all VMs with one `vm_id`.
#[derive(Debug, Default)]
pub(crate) struct SharedData {
    spaces: HashMap<String, Space>,
    last_cas: u32,
    bytes: usize,
}

impl Sim {
    /// `proxy_get_shared_data`: the value and its CAS number, which is never 0.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn shared_data(&mut self, key: &[u8]) -> Hostcall<(Vec<u8>, u32)> {
        let missing = || Refusal::not_found("nothing has been stored under this key");
        let space = self.vm().and_then(|vm| self.shared_data.spaces.get(&vm.id));
        let result = space.and_then(|entries| entries.get(key)).cloned().ok_or_else(missing);
        self.note("proxy_get_shared_data", &[&key], result)
    }

    /// `proxy_set_shared_data`: unchecked with CAS 0, and whatever the CAS where the key is new.
    ///
    /// # Errors
    /// `CAS_MISMATCH` when the key has been written since; to the specification also when it is not there.
    pub fn set_shared_data(&mut self, key: &[u8], value: &[u8], cas: u32) -> Hostcall<()> {
        let space = self.vms.get(self.turn.vm).map_or("", |vm| &vm.id);
        if cas != 0 && self.setup.faults.cas_conflicts > 0 {
            self.setup.faults.cas_conflicts -= 1;
            self.shared_data.touch(space, key);
        }
        let is_new = !self.shared_data.has(space, key);
        let result = if cas != 0 && self.follows_spec() && is_new {
            let reason = format!("there is no such key, and so not the CAS number {cas}");
            Err(Refusal::new(Status::CasMismatch, reason))
        } else {
            self.shared_data.set(space, key, value, cas)
        };
        if is_new && result.is_ok() {
            self.lint_new_key();
        }
        self.note("proxy_set_shared_data", &[&key, &value, &cas], result)
    }
}

impl SharedData {
    /// Stores an entry before anything runs.
    pub(crate) fn seed(&mut self, space: &str, key: &[u8], value: &[u8]) {
        // Nothing stands under the key but another seed, and an unchecked write fails only for want of room.
        let _ = self.set(space, key, value, 0);
    }

    /// Somebody else writes what stands there already.
    fn touch(&mut self, space: &str, key: &[u8]) {
        let value =
            self.spaces.get(space).and_then(|entries| entries.get(key)).map(|(value, _)| value.clone());
        if let Some(value) = value {
            self.seed(space, key, &value);
        }
    }

    fn has(&self, space: &str, key: &[u8]) -> bool {
        self.spaces.get(space).is_some_and(|entries| entries.contains_key(key))
    }

    fn set(&mut self, space: &str, key: &[u8], value: &[u8], cas: u32) -> Hostcall<()> {
        let old = self.spaces.get(space).and_then(|entries| entries.get(key));
        if let Some((_, current)) = old
            && cas != 0
            && cas != *current
        {
            let reason = format!(
                "the key now has the CAS number {current}, not {cas}: somebody has written in between"
            );
            return Err(Refusal::new(Status::CasMismatch, reason));
        }
        let freed = old.map_or(0, |(value, _)| key.len() + value.len());
        let bytes = self.bytes.saturating_sub(freed).saturating_add(key.len() + value.len());
        if bytes > BYTES {
            let reason = format!(
                "shared data has reached {BYTES} bytes; there is no delete, so use a fixed set of keys"
            );
            return Err(Refusal::new(Status::InternalFailure, reason));
        }
        self.bytes = bytes;
        // One counter for all keys; 0 means unchecked and is never given out.
        self.last_cas = self.last_cas.checked_add(1).unwrap_or(1);
        let entry = (value.to_vec(), self.last_cas);
        self.spaces.entry_ref(space).or_default().insert(key.to_vec(), entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    #[test]
    fn a_missing_key_takes_any_cas_and_cas_0_overwrites() {
        let mut sim = Sim::in_stream(Stream::default());
        assert_eq!(sim.shared_data(b"k").unwrap_err().status, Status::NotFound);
        sim.set_shared_data(b"k", b"1", 77).unwrap();
        assert_eq!(sim.shared_data(b"k"), Ok((b"1".to_vec(), 1)));
        sim.set_shared_data(b"k", b"2", 0).unwrap();
        assert_eq!(sim.shared_data(b"k"), Ok((b"2".to_vec(), 2)));
    }

    #[test]
    fn a_conflict_can_be_made() {
        let mut sim = Sim::in_stream(Stream::default());
        sim.setup.faults.cas_conflicts = 1;
        sim.set_shared_data(b"k", b"1", 0).unwrap();
        let (_, cas) = sim.shared_data(b"k").unwrap();
        assert_eq!(sim.set_shared_data(b"k", b"2", cas).unwrap_err().status, Status::CasMismatch);
        let (value, cas) = sim.shared_data(b"k").unwrap();
        assert_eq!(value, b"1");
        sim.set_shared_data(b"k", b"2", cas).unwrap();
    }

    #[test]
    fn the_loser_of_a_race_is_told() {
        let mut sim = Sim::in_stream(Stream::default());
        sim.set_shared_data(b"other", b"", 0).unwrap();
        sim.set_shared_data(b"k", b"1", 0).unwrap();
        let (_, cas) = sim.shared_data(b"k").unwrap();
        sim.set_shared_data(b"k", b"2", cas).unwrap();
        assert_eq!(sim.set_shared_data(b"k", b"3", cas).unwrap_err().status, Status::CasMismatch);
        assert_eq!(sim.shared_data(b"k").unwrap().0, b"2");
    }
}
