//! The tree hash of RFC 6962 section 2.1, kept as it grows: the roots of its complete parts, the largest first.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// A tree that grows by one leaf after the other.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    /// One for each bit that is set in the size, at most 64.
    complete: Vec<Hash>,
}

impl Tree {
    /// Appends a leaf; in ours is the hash of a record.
    pub fn push(&mut self, data: &[u8]) {
        let mut hash = leaf(data);
        // As in a counter: each bit that is carried joins two parts of the same size.
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.complete.pop() else { break };
            hash = node(&left, &hash);
        }
        self.complete.push(hash);
        self.size += 1;
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its root.
    pub fn root(&self) -> Hash {
        let joined = self.complete.iter().rev().copied().reduce(|right, left| node(&left, &right));
        joined.unwrap_or_else(|| Sha256::digest([]).into())
    }
}

fn leaf(data: &[u8]) -> Hash {
    let mut digest = Sha256::new();
    digest.update([0]);
    digest.update(data);
    digest.finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut digest = Sha256::new();
    digest.update([1]);
    digest.update(left);
    digest.update(right);
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trees_of_certificate_transparency() {
        // The leaves and roots by which its reference implementation is tested.
        let leaves: [&[u8]; 8] =
            [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        for (size, root) in roots.into_iter().enumerate() {
            assert_eq!(crate::hex::lower(&tree.root()), root, "{size} leaves");
            tree.push(leaves.get(size).copied().unwrap_or_default());
        }
    }

    /// The definition, word for word.
    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => leaf(one),
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                node(&naive(&leaves[..half]), &naive(&leaves[half..]))
            }
        }
    }

    #[test]
    fn it_is_the_tree_of_the_definition_at_every_size() {
        let leaves: Vec<Hash> =
            (0..300_u32).map(|number| Sha256::digest(number.to_be_bytes()).into()).collect();
        let mut tree = Tree::default();
        for size in 0..leaves.len() {
            assert_eq!(tree.root(), naive(&leaves[..size]), "{size} leaves");
            assert_eq!(tree.size(), size as u64);
            assert_eq!(tree.complete.len() as u32, size.count_ones());
            tree.push(&leaves[size]);
        }
    }
}
