//! `linux/netfilter/nfnetlink_conntrack.h`: the messages and attributes of connection tracking. All values are big
//! endian.

/// `IPCTNL_MSG_CT_NEW`: an entry, as a dump tells it.
pub const IPCTNL_MSG_CT_NEW: u8 = 0;
/// `IPCTNL_MSG_CT_GET`: tell an entry, or with `NLM_F_DUMP` all.
pub const IPCTNL_MSG_CT_GET: u8 = 1;
/// `IPCTNL_MSG_CT_DELETE`: delete an entry, or without a tuple **all**.
pub const IPCTNL_MSG_CT_DELETE: u8 = 2;

/// `CTA_TUPLE_ORIG`: nest of `CTA_TUPLE_*`: the connection as its first packet saw it.
pub const CTA_TUPLE_ORIG: u16 = 1;
/// `CTA_TUPLE_REPLY`: nest of `CTA_TUPLE_*`: the connection as the answers see it.
pub const CTA_TUPLE_REPLY: u16 = 2;
/// `CTA_ID`: be32: tells an entry from an older one with the same tuple.
pub const CTA_ID: u16 = 12;
/// `CTA_ZONE`: be16: the zone of both directions, absent if it is 0.
pub const CTA_ZONE: u16 = 18;

/// `CTA_TUPLE_IP`: nest of `CTA_IP_*`.
pub const CTA_TUPLE_IP: u16 = 1;
/// `CTA_TUPLE_PROTO`: nest of `CTA_PROTO_*`: protocol, ports.
pub const CTA_TUPLE_PROTO: u16 = 2;

/// `CTA_IP_V4_SRC`: 4 bytes.
pub const CTA_IP_V4_SRC: u16 = 1;
/// `CTA_IP_V6_SRC`: 16 bytes.
pub const CTA_IP_V6_SRC: u16 = 3;
