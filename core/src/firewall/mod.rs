//! The packet filter as a peer: what to send it, and what its answers mean. No I/O: bytes go out through
//! [`nft::Link::poll_transmit`] and come in through [`nft::Link::handle`]; [`ipset::Link`] has the same methods,
//! [`backend`] is whichever of them holds the bans, and [`kill`] speaks the same way.

pub mod backend;
pub mod dialogue;
pub mod ipset;
pub mod kill;
pub mod nft;
pub mod xt;
