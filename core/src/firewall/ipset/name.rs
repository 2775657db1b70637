//! The sets' names.

use crate::addr::Family;
use crate::wire::uapi::ip_set::IPSET_MAXNAMELEN;
use heapless::String;

/// Bytes of a set's name (`IPSET_MAXNAMELEN` without the NUL).
pub const SET_NAME: usize = IPSET_MAXNAMELEN - 1;

/// Bytes of a set's name before `_v4`.
pub(super) const STEM: usize = SET_NAME - 3;

/// The part of the sets' names before `_v4`: `name` if it has at most 28 bytes, else its first 23, `-`, and four hex
/// digits of a hash over all of it (FNV-1a), so that two long names with the same beginning have sets of their own.
pub(in crate::firewall) fn stem(name: &str) -> String<STEM> {
    let mut stem = String::new();
    if stem.push_str(name).is_ok() {
        return stem;
    }
    let mut hash = 0x811c_9dc5_u32;
    for byte in name.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    hash = (hash >> 16) ^ (hash & 0xffff);
    for c in name.chars() {
        if stem.len().saturating_add(c.len_utf8()) > STEM - 5 || stem.push(c).is_err() {
            break;
        }
    }
    // Room for these was left.
    let _ = stem.push('-');
    for shift in [12, 8, 4, 0] {
        let _ = stem.push(char::from_digit(hash >> shift & 0xf, 16).unwrap_or('0'));
    }
    stem
}

/// The name of a family's set.
pub(super) fn set_name(stem: &str, family: Family) -> String<SET_NAME> {
    let mut name = String::new();
    // They fit: STEM is SET_NAME less the last three.
    let _ = name.push_str(stem);
    let _ = name.push_str(match family {
        Family::V4 => "_v4",
        Family::V6 => "_v6",
    });
    name
}
