//! `linux/netfilter/xt_set.h` and the socket option of `linux/netfilter/ipset/ip_set.h` that serves it.

/// `SO_IP_SET`: getsockopt of an IPv4 socket, for sets of both families.
pub const SO_IP_SET: u32 = 83;
/// `IP_SET_OP_VERSION`: ask for the protocol's version.
pub const IP_SET_OP_VERSION: u32 = 0x100;
/// `IP_SET_OP_GET_BYNAME`: ask for a set's index.
pub const IP_SET_OP_GET_BYNAME: u32 = 6;
/// `IPSET_INVALID_ID`: the index of no set.
pub const IPSET_INVALID_ID: u16 = 65535;
/// `IPSET_DIM_ONE_SRC`: the first (here the only) field of an element is compared with the packet's source.
pub const IPSET_DIM_ONE_SRC: u8 = 2;
