use portcullis_sim::Cost;

/// What one callback may take; beyond it the plugin traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Steps of the engine, in a module that is loaded with fuel; an honest callback takes thousands.
    pub fuel: u64,
    /// Hostcalls, those of WASI included.
    pub hostcalls: u64,
    /// Bytes that hostcalls move between the plugin's memory and the proxy, both ways.
    pub bytes: u64,
    /// Bytes of memory that the plugin may have; by default no limit but that of 1 GiB, beyond which its request fails.
    pub memory: u64,
}

impl Default for Budget {
    fn default() -> Self {
        // Seconds of time, where a signature check takes milliseconds.
        Self { fuel: 2_000_000_000, hostcalls: 1_000_000, bytes: 256 << 20, memory: u64::MAX }
    }
}

/// A budget that is used up: an error that ends the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun {
    /// Which part of the budget.
    limit: &'static str,
    most: u64,
    used: u64,
}

impl std::fmt::Display for Overrun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { limit, most, used } = self;
        write!(f, "more {limit} than the budget of one callback allows: {used}, and {most} are allowed")
    }
}

impl std::error::Error for Overrun {}

/// Counts what the running callback takes.
#[derive(Debug, Default)]
pub struct Meter {
    /// What it may take.
    pub budget: Budget,
    /// What it has taken so far, without fuel and memory: those the engine counts.
    pub cost: Cost,
}

impl Meter {
    pub(crate) fn hostcall(&mut self) -> Result<(), Overrun> {
        self.cost.hostcalls += 1;
        self.within()
    }

    /// Looks whether hostcalls have taken no more than they may: who has caught that once has no more of them.
    pub(crate) fn within(&self) -> Result<(), Overrun> {
        within("hostcalls", self.budget.hostcalls, self.cost.hostcalls)?;
        self.bytes()
    }

    pub(crate) fn read(&mut self, bytes: usize) -> Result<(), Overrun> {
        self.cost.bytes_read = self.cost.bytes_read.saturating_add(bytes as u64);
        self.bytes()
    }

    pub(crate) fn written(&mut self, bytes: usize) -> Result<(), Overrun> {
        self.cost.bytes_written = self.cost.bytes_written.saturating_add(bytes as u64);
        self.bytes()
    }

    /// Looks whether the memory may become so large, in bytes.
    ///
    /// # Errors
    /// The budget does not allow it.
    pub fn memory(&self, desired: usize) -> Result<(), Overrun> {
        within("bytes of memory", self.budget.memory, desired as u64)
    }

    fn bytes(&self) -> Result<(), Overrun> {
        let moved = self.cost.bytes_read.saturating_add(self.cost.bytes_written);
        within("bytes in hostcalls", self.budget.bytes, moved)
    }
}

fn within(limit: &'static str, most: u64, used: u64) -> Result<(), Overrun> {
    if used <= most { Ok(()) } else { Err(Overrun { limit, most, used }) }
}
