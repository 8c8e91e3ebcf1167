//! Comparing memory. The C library of the target goes byte by byte, which is half of what looking up a known token takes; this takes its
//! place when the module is linked.
#![expect(unsafe_code, reason = "a function of the C library, with its name and its types")]

use std::cmp::Ordering;

const WORD: usize = size_of::<u64>();

/// `memcmp` of C. Copies of it all over a module would be longer than they are fast.
#[inline(never)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, size: usize) -> i32 {
    let word = |start: *const u8, at: usize| {
        // SAFETY: the caller vouches for `size` bytes at both, and a word that begins `at` ends within them.
        unsafe { start.add(at).cast::<u64>().read_unaligned() }
    };
    let byte = |start: *const u8, at: usize| {
        // SAFETY: likewise.
        unsafe { start.add(at).read() }
    };
    let mut at = 0;
    while at + WORD <= size {
        let (left, right) = (word(left, at), word(right, at));
        if left != right {
            // The first byte is the lowest of a word in this machine, and counts most.
            return order(left.swap_bytes().cmp(&right.swap_bytes()));
        }
        at += WORD;
    }
    while at < size {
        let (left, right) = (byte(left, at), byte(right, at));
        if left != right {
            return order(left.cmp(&right));
        }
        at += 1;
    }
    0
}

fn order(order: Ordering) -> i32 {
    order as i32
}
