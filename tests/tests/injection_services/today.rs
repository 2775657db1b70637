//! OpenWrt's own, access logs, and services of today.

use edgeban_core::detect::Filter;

/// What each service logs about the peer 10.1.1.1 that chooses `{u}` and `{v}`; the first line of each is a failure.
pub const LINES: &[(Filter, &[&str])] = &[];

/// Pieces of the services' own words, with the victim in the peer's place.
pub const PIECES: &[&str] = &[];
