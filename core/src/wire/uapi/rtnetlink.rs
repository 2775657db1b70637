//! `linux/rtnetlink.h` and `linux/if_addr.h`, with the address families of `sys/socket.h`: addresses and routes.

/// `AF_INET`: IPv4.
pub const AF_INET: u8 = 2;
/// `AF_INET6`: IPv6.
pub const AF_INET6: u8 = 10;

/// `RTM_NEWLINK`: a device.
pub const RTM_NEWLINK: u16 = 16;
/// `RTM_GETLINK`: asks for a device.
pub const RTM_GETLINK: u16 = 18;
/// `RTM_NEWADDR`: an address of this machine.
pub const RTM_NEWADDR: u16 = 20;
/// `RTM_DELADDR`: it is gone.
pub const RTM_DELADDR: u16 = 21;
/// `RTM_GETADDR`: asks for addresses.
pub const RTM_GETADDR: u16 = 22;
/// `RTM_NEWROUTE`: a route.
pub const RTM_NEWROUTE: u16 = 24;
/// `RTM_DELROUTE`: it is gone.
pub const RTM_DELROUTE: u16 = 25;
/// `RTM_GETROUTE`: asks for routes.
pub const RTM_GETROUTE: u16 = 26;

/// `RTNLGRP_LINK`: multicast group: devices.
pub const RTNLGRP_LINK: u32 = 1;
/// `RTNLGRP_IPV4_IFADDR`: multicast group: IPv4 addresses that come and go.
pub const RTNLGRP_IPV4_IFADDR: u32 = 5;
/// `RTNLGRP_IPV4_ROUTE`: IPv4 routes.
pub const RTNLGRP_IPV4_ROUTE: u32 = 7;
/// `RTNLGRP_IPV6_IFADDR`: IPv6 addresses.
pub const RTNLGRP_IPV6_IFADDR: u32 = 9;
/// `RTNLGRP_IPV6_ROUTE`: IPv6 routes.
pub const RTNLGRP_IPV6_ROUTE: u32 = 11;

/// `IFINFOMSG_LEN`: bytes of `struct ifinfomsg`.
pub const IFINFOMSG_LEN: usize = 16;
/// `IFLA_IFNAME`: the device's name.
pub const IFLA_IFNAME: u16 = 3;
/// `IFF_UP`: it is switched on.
pub const IFF_UP: u32 = 1;

/// `IFADDRMSG_LEN`: bytes of `struct ifaddrmsg`.
pub const IFADDRMSG_LEN: usize = 8;
/// `IFA_ADDRESS`: the address; on a point-to-point interface the other end's, if there is an `IFA_LOCAL`.
pub const IFA_ADDRESS: u16 = 1;
/// `IFA_LOCAL`: this machine's address.
pub const IFA_LOCAL: u16 = 2;

/// `RTMSG_LEN`: bytes of `struct rtmsg`.
pub const RTMSG_LEN: usize = 12;
/// `RTNEXTHOP_LEN`: bytes of `struct rtnexthop`, without its attributes.
pub const RTNEXTHOP_LEN: usize = 8;
/// `RTN_UNICAST`: type of a route that leads on.
pub const RTN_UNICAST: u8 = 1;
/// `RTM_F_CLONED`: the route is a copy for one destination, not one that somebody set.
pub const RTM_F_CLONED: u32 = 0x200;
/// `RTA_GATEWAY`: the next router, an address of the route's family.
pub const RTA_GATEWAY: u16 = 5;
/// `RTA_MULTIPATH`: several `struct rtnexthop`, each with attributes.
pub const RTA_MULTIPATH: u16 = 9;
/// `RTA_VIA`: the next router, an address of another family: `struct rtvia`, a family u16 in host order and the address.
pub const RTA_VIA: u16 = 18;
