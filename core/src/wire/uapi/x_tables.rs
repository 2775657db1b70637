//! `linux/netfilter/x_tables.h`, `linux/netfilter_ipv4/ip_tables.h`, `linux/netfilter_ipv6/ip6_tables.h`: the legacy
//! tables behind getsockopt(2) and setsockopt(2). The option numbers of both families are the same.

/// `XT_TABLE_MAXNAMELEN`: bytes of a table's name, its NUL included.
pub const XT_TABLE_MAXNAMELEN: usize = 32;
/// `XT_EXTENSION_MAXNAMELEN`: bytes of the name of a match, target or chain, its NUL included.
pub const XT_EXTENSION_MAXNAMELEN: usize = 29;
/// `XT_FUNCTION_MAXNAMELEN`: bytes of the text in an `ERROR` target, its NUL included.
pub const XT_FUNCTION_MAXNAMELEN: usize = 30;
/// `NF_INET_NUMHOOKS`: hooks of a family.
pub const NF_INET_NUMHOOKS: usize = 5;
/// `XT_RETURN`: verdict of a standard target: back to the chain that jumped here.
pub const XT_RETURN: i32 = -5;

/// `IPT_SO_SET_REPLACE`: setsockopt: put a whole table.
pub const IPT_SO_SET_REPLACE: u32 = 64;
/// `IPT_SO_SET_ADD_COUNTERS`: setsockopt: add to the counters of all entries.
pub const IPT_SO_SET_ADD_COUNTERS: u32 = 65;
/// `IPT_SO_GET_INFO`: getsockopt: how large a table is and where its chains begin.
pub const IPT_SO_GET_INFO: u32 = 64;
/// `IPT_SO_GET_ENTRIES`: getsockopt: a whole table.
pub const IPT_SO_GET_ENTRIES: u32 = 65;
/// `IPT_SO_GET_REVISION_MATCH`: getsockopt: whether there is a match of this revision. The number of IPv6 (`IP6T_`) is
/// 68, two above.
pub const IPT_SO_GET_REVISION_MATCH: u32 = 66;
/// `IP6T_SO_GET_REVISION_MATCH`: the same for IPv6.
pub const IP6T_SO_GET_REVISION_MATCH: u32 = 68;
