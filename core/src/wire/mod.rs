//! Netlink as bytes: the writer, the kernel's constants, the messages of nf_tables, ipset, connection tracking and
//! sock_diag, the answers, and what rtnetlink tells of this machine's addresses. And [`xt`], the tables of legacy
//! iptables, which go through socket options instead.
//!
//! Down: [`nft`] and [`ipset`] fill in forms (one struct a message), each written by its `emit` through the [`buf::Writer`]; [`nl`]
//! and [`nfnl`] are the two headers every message starts with, [`uapi`] the numbers. Up: [`reply`] cuts a received
//! datagram into answers, [`rt`] reads those of rtnetlink.
//!
//! Byte order: `nlmsghdr` and `nlattr` are in host order, `nfgenmsg.res_id` and all values of nf_tables big endian.
//!
//! Nothing here decides anything: which messages make a batch and what the answers mean is the firewall's matter.
//!
//! Not supported: sets of intervals or concatenations, maps, counters, other expressions than those of the drop rules,
//! and reading back tables, chains and rules.

pub mod buf;
pub mod ct;
pub mod diag;
pub mod ipset;
pub mod list;
pub mod nfnl;
pub mod nft;
pub mod nl;
pub mod reply;
pub mod rt;
pub mod uapi;
pub mod xt;
