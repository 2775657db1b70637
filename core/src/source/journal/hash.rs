//! The hashes of data objects.

use super::format::ID;
use core::hash::Hasher;
use siphasher::sip::SipHasher24;

/// The hash of files with `KEYED_HASH`.
pub fn keyed(file: &ID, data: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_key(file);
    hasher.write(data);
    hasher.finish()
}

/// The hash of older files: both words of Bob Jenkins' `hashlittle2` (lookup3.c, public domain) with seeds of 0.
pub fn jenkins(data: &[u8]) -> u64 {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let start = 0xdead_beef_u32.wrapping_add(length);
    let (mut a, mut b, mut c) = (start, start, start);
    let word = |bytes: &[u8], at: usize| {
        let byte = |n: usize| u32::from(bytes.get(at + n).copied().unwrap_or(0)) << (8 * n);
        byte(0) | byte(1) | byte(2) | byte(3)
    };
    let mut rest = data;
    while rest.len() > 12 {
        a = a.wrapping_add(word(rest, 0));
        b = b.wrapping_add(word(rest, 4));
        c = c.wrapping_add(word(rest, 8));
        (a, b, c) = mix(a, b, c);
        rest = rest.get(12..).unwrap_or_default();
    }
    if !rest.is_empty() {
        a = a.wrapping_add(word(rest, 0));
        b = b.wrapping_add(word(rest, 4));
        c = c.wrapping_add(word(rest, 8));
        (b, c) = last(a, b, c);
    }
    u64::from(c) << 32 | u64::from(b)
}

/// `mix` of lookup3.c.
const fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    (a, b, c)
}

/// `final` of lookup3.c.
const fn last(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32) {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    (b, c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that lookup3.c's own `driver5` prints for `hashlittle2` with seeds of 0, and what systemd 252 wrote.
    #[test]
    fn known_data_have_known_hashes() {
        assert_eq!(jenkins(b""), 0xdead_beef_dead_beef);
        assert_eq!(jenkins(b"Four score and seven years ago"), 0x1777_0551_ce72_26e6);
    }
}
