//! `linux/netfilter.h` and `linux/netfilter_ipv4.h`: protocols, hooks, priorities, verdicts.

/// `NFPROTO_UNSPEC`: no protocol.
pub const NFPROTO_UNSPEC: u8 = 0;
/// `NFPROTO_INET`: IPv4 and IPv6 in one table.
pub const NFPROTO_INET: u8 = 1;
/// `NFPROTO_IPV4`: IPv4.
pub const NFPROTO_IPV4: u8 = 2;
/// `NFPROTO_IPV6`: IPv6.
pub const NFPROTO_IPV6: u8 = 10;

/// `NF_INET_PRE_ROUTING`: hook `prerouting`: all that comes in, for us or to be forwarded.
pub const NF_INET_PRE_ROUTING: u32 = 0;
/// `NF_INET_LOCAL_IN`: hook `input`: what is for this machine.
pub const NF_INET_LOCAL_IN: u32 = 1;
/// `NF_INET_FORWARD`: hook `forward`: what is for others.
pub const NF_INET_FORWARD: u32 = 2;
/// `NF_INET_LOCAL_OUT`: hook `output`.
pub const NF_INET_LOCAL_OUT: u32 = 3;
/// `NF_INET_POST_ROUTING`: hook `postrouting`.
pub const NF_INET_POST_ROUTING: u32 = 4;

/// `NF_INET_INGRESS`: hook `ingress`: what a device receives, before all else. Linux 5.10.
pub const NF_INET_INGRESS: u32 = 5;

/// `NF_IP_PRI_RAW`: priority `raw`: before connection tracking.
pub const NF_IP_PRI_RAW: i32 = -300;
/// `NF_IP_PRI_MANGLE`: priority `mangle`.
pub const NF_IP_PRI_MANGLE: i32 = -150;
/// `NF_IP_PRI_FILTER`: priority `filter`.
pub const NF_IP_PRI_FILTER: i32 = 0;

/// `NF_DROP`: verdict: drop the packet.
pub const NF_DROP: u32 = 0;
/// `NF_ACCEPT`: verdict: go on.
pub const NF_ACCEPT: u32 = 1;
