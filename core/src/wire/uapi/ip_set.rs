//! `linux/netfilter/ipset/ip_set.h`: commands and attributes of ipset. Numbers are big endian on the wire, and the
//! kernel takes those of 32 bits only with `NLA_F_NET_BYTEORDER` in their type. Error codes: [`super::errno`].

/// `IPSET_PROTOCOL`: the version that the header describes.
pub const IPSET_PROTOCOL: u8 = 7;
/// `IPSET_PROTOCOL_MIN`: the oldest version that kernels of this one still take.
pub const IPSET_PROTOCOL_MIN: u8 = 6;
/// `IPSET_MAXNAMELEN`: bytes of a set's or a type's name, its NUL included.
pub const IPSET_MAXNAMELEN: usize = 32;

/// `IPSET_CMD_PROTOCOL`: which versions the kernel speaks.
pub const IPSET_CMD_PROTOCOL: u8 = 1;
/// `IPSET_CMD_CREATE`: makes a set.
pub const IPSET_CMD_CREATE: u8 = 2;
/// `IPSET_CMD_DESTROY`: destroys a set (or all).
pub const IPSET_CMD_DESTROY: u8 = 3;
/// `IPSET_CMD_FLUSH`: empties a set (or all).
pub const IPSET_CMD_FLUSH: u8 = 4;
/// `IPSET_CMD_LIST`: a set (or all) with its members; also the type of the answers.
pub const IPSET_CMD_LIST: u8 = 7;
/// `IPSET_CMD_ADD`: adds elements.
pub const IPSET_CMD_ADD: u8 = 9;
/// `IPSET_CMD_DEL`: deletes elements.
pub const IPSET_CMD_DEL: u8 = 10;
/// `IPSET_CMD_HEADER`: type, family and revision of a set.
pub const IPSET_CMD_HEADER: u8 = 12;
/// `IPSET_CMD_TYPE`: which revisions of a type the kernel has.
pub const IPSET_CMD_TYPE: u8 = 13;
/// `IPSET_CMD_GET_BYNAME`: index of a set.
pub const IPSET_CMD_GET_BYNAME: u8 = 14;

/// `IPSET_ATTR_PROTOCOL`: u8, in every message.
pub const IPSET_ATTR_PROTOCOL: u16 = 1;
/// `IPSET_ATTR_SETNAME`: text.
pub const IPSET_ATTR_SETNAME: u16 = 2;
/// `IPSET_ATTR_TYPENAME`: text.
pub const IPSET_ATTR_TYPENAME: u16 = 3;
/// `IPSET_ATTR_REVISION`: u8.
pub const IPSET_ATTR_REVISION: u16 = 4;
/// `IPSET_ATTR_FAMILY`: u8, an `NFPROTO_*`.
pub const IPSET_ATTR_FAMILY: u16 = 5;
/// `IPSET_ATTR_FLAGS`: be32, in a request for lists.
pub const IPSET_ATTR_FLAGS: u16 = 6;
/// `IPSET_ATTR_DATA`: nest: a set's parameters, or one element.
pub const IPSET_ATTR_DATA: u16 = 7;
/// `IPSET_ATTR_ADT`: nest of many `IPSET_ATTR_DATA`.
pub const IPSET_ATTR_ADT: u16 = 8;
/// `IPSET_ATTR_LINENO`: 32 bits that the kernel carries from an element that it refuses into its answer.
pub const IPSET_ATTR_LINENO: u16 = 9;
/// `IPSET_ATTR_PROTOCOL_MIN`: u8, in the answer to `IPSET_CMD_PROTOCOL`.
pub const IPSET_ATTR_PROTOCOL_MIN: u16 = 10;
/// `IPSET_ATTR_REVISION_MIN`: u8, in the answer to `IPSET_CMD_TYPE`.
pub const IPSET_ATTR_REVISION_MIN: u16 = 10;
/// `IPSET_ATTR_INDEX`: be16.
pub const IPSET_ATTR_INDEX: u16 = 11;

/// `IPSET_ATTR_IP`: nest of an `IPSET_ATTR_IPADDR_*`.
pub const IPSET_ATTR_IP: u16 = 1;
/// `IPSET_ATTR_CIDR`: u8, length of a prefix.
pub const IPSET_ATTR_CIDR: u16 = 3;
/// `IPSET_ATTR_TIMEOUT`: be32 s: what is left of an element (0: for ever), or a set's default.
pub const IPSET_ATTR_TIMEOUT: u16 = 6;
/// `IPSET_ATTR_HASHSIZE`: be32, buckets to begin with.
pub const IPSET_ATTR_HASHSIZE: u16 = 18;
/// `IPSET_ATTR_MAXELEM`: be32, most elements.
pub const IPSET_ATTR_MAXELEM: u16 = 19;
/// `IPSET_ATTR_ELEMENTS`: be32, elements there are.
pub const IPSET_ATTR_ELEMENTS: u16 = 24;
/// `IPSET_ATTR_REFERENCES`: be32, rules and lists that use the set.
pub const IPSET_ATTR_REFERENCES: u16 = 25;

/// `IPSET_ATTR_IPADDR_IPV4`: 4 bytes in network order.
pub const IPSET_ATTR_IPADDR_IPV4: u16 = 1;
/// `IPSET_ATTR_IPADDR_IPV6`: 16 bytes in network order.
pub const IPSET_ATTR_IPADDR_IPV6: u16 = 2;

/// `IPSET_FLAG_LIST_HEADER`: list what a set is, without its elements.
pub const IPSET_FLAG_LIST_HEADER: u32 = 4;
