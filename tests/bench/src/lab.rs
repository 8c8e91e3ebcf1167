use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use portcullis_envoy::EnvoyBinary;

use crate::cases::{Case, Tokens};
use crate::tokens::{Algorithm, Pool};

/// What every case needs: Envoy, our modules, and tokens.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) binary: EnvoyBinary,
    /// Where the modules are.
    pub(crate) modules: PathBuf,
    pools: BTreeMap<Algorithm, Pool>,
}

impl Lab {
    /// Looks for all that these cases need; tokens are kept in `target`.
    ///
    /// # Errors
    /// What is missing, and how to get it.
    pub(crate) fn new(root: &Path, cases: &[Case]) -> Result<Self, String> {
        let binary = EnvoyBinary::find()?;
        let modules = root.join("dist");
        let needed: BTreeSet<String> = cases.iter().flat_map(|case| case.modules()).collect();
        if let Some(missing) = needed.iter().find(|module| !modules.join(module).is_file()) {
            return Err(format!("dist/{missing} is missing: run `make build`"));
        }
        Ok(Self { binary, modules, pools: pools(&root.join("target"), cases)? })
    }

    pub(crate) fn pool(&self, case: Case) -> Result<&Pool, String> {
        self.pools.get(&case.algorithm).ok_or_else(|| format!("{}: there are no tokens", case.name))
    }
}

/// Many tokens where a case needs another one each time: it takes a while to mint them.
fn pools(directory: &Path, cases: &[Case]) -> Result<BTreeMap<Algorithm, Pool>, String> {
    let needs_many = |case: &&Case| matches!(case.tokens, Tokens::Others | Tokens::Forged);
    let mut pools = BTreeMap::new();
    for case in cases.iter().filter(needs_many) {
        if let Entry::Vacant(place) = pools.entry(case.algorithm) {
            place.insert(Pool::load_or_mint(directory, case.algorithm)?);
        }
    }
    for case in cases {
        if let Entry::Vacant(place) = pools.entry(case.algorithm) {
            let pool = Pool::mint(case.algorithm, 1);
            place.insert(pool.map_err(|error| format!("minting a token: {error}"))?);
        }
    }
    Ok(pools)
}

#[cfg(test)]
impl Lab {
    /// One with a few tokens for these cases, and modules nowhere.
    pub(crate) fn of_tests(cases: &[Case]) -> Self {
        let binary = EnvoyBinary::find().unwrap_or_else(|remedy| panic!("{remedy}"));
        let pool = |case: &Case| (case.algorithm, Pool::mint(case.algorithm, 20).unwrap());
        Self { binary, modules: "/nowhere".into(), pools: cases.iter().map(pool).collect() }
    }
}
