//! Messages of rtnetlink (`linux/rtnetlink.h`): which addresses this machine has and where its default routes lead.
//!
//! Behind `nlmsghdr` stands `struct ifaddrmsg` (8 bytes: family, prefix length, flags, scope, interface u32), `struct
//! ifinfomsg` (16 bytes: family, padding, type u16, interface u32, flags u32, flags that changed u32) or `struct rtmsg` (12 bytes: family, destination length, source length, TOS, table, protocol, scope, type, flags u32),
//! then attributes. Addresses are in network order.
//!
//! Not read: `RTA_NH_ID`. The kernel sends the gateways of a nexthop object beside its number, unless
//! `net.ipv4.nexthop_compat_mode` is 0. Default routes that are cut into halves (`0.0.0.0/1` and `128.0.0.0/1`, as
//! VPNs set them) are no default routes here.

use super::buf::{Attrs, Full, Malformed, Reader, Writer, align};
use super::nl::{Header, Message};
use super::uapi::netlink::{NLM_F_DUMP, NLM_F_REQUEST};
use super::uapi::rtnetlink::{
    AF_INET, AF_INET6, IFA_ADDRESS, IFA_LOCAL, IFADDRMSG_LEN, IFF_UP, IFINFOMSG_LEN, IFLA_IFNAME, RTA_GATEWAY,
    RTA_MULTIPATH, RTA_VIA, RTM_DELADDR, RTM_DELROUTE, RTM_F_CLONED, RTM_GETADDR, RTM_GETLINK, RTM_GETROUTE,
    RTM_NEWADDR, RTM_NEWLINK, RTM_NEWROUTE, RTMSG_LEN, RTN_UNICAST, RTNEXTHOP_LEN,
};
use crate::addr::Addr;

/// What a [`Dump`] lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum List {
    /// `RTM_GETADDR`: every address.
    Addresses,
    /// `RTM_GETROUTE`: every route, of all tables. No kernel selects by the destination's length.
    Routes,
}

/// Asks for a list of one family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dump {
    /// Of what.
    pub list: List,
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
}

impl Dump {
    /// Writes the request.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, seq: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        const ZERO: [u8; RTMSG_LEN - 1] = [0; RTMSG_LEN - 1];
        let (kind, len) = match self.list {
            List::Addresses => (RTM_GETADDR, IFADDRMSG_LEN),
            List::Routes => (RTM_GETROUTE, RTMSG_LEN),
        };
        Header { kind, flags: NLM_F_REQUEST | NLM_F_DUMP, seq, pid: 0 }.emit(w, |w| {
            w.put_u8(self.family)?;
            w.put(ZERO.get(..len - 1).unwrap_or_default())
        })
    }
}

/// Asks for a device; ENODEV if there is none of this name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetLink<'a> {
    /// Its name.
    pub name: &'a str,
}

impl GetLink<'_> {
    /// Writes the request.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, seq: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        Header { kind: RTM_GETLINK, flags: NLM_F_REQUEST, seq, pid: 0 }.emit(w, |w| {
            w.put(&[0; IFINFOMSG_LEN])?;
            w.attr_str(IFLA_IFNAME, self.name)
        })
    }
}

/// What a message says, as an entry of a list or by itself.
#[derive(Clone, Debug)]
pub enum Notice<'a> {
    /// `RTM_NEWADDR`, `RTM_DELADDR`.
    Address {
        /// It is no address of this machine any more.
        gone: bool,
        /// The address.
        addr: Addr,
    },
    /// `RTM_NEWLINK` of a device that is new, or that was switched on or off: of one that was renamed, too, since that takes
    /// one which is off.
    Device,
    /// `RTM_NEWROUTE`, `RTM_DELROUTE` of a default route.
    DefaultRoute {
        /// It is no route any more.
        gone: bool,
        /// Where it leads.
        gateways: Gateways<'a>,
    },
}

impl<'a> Notice<'a> {
    /// Reads a message. `None` is any other than those of [`Notice`]: of another type or family, a route to less than
    /// everything.
    ///
    /// # Errors
    /// [`Malformed`] if it is not what its type, family and lengths say.
    pub fn parse(message: Message<'a>) -> Result<Option<Self>, Malformed> {
        let Message { header, payload } = message;
        let mut reader = Reader::new(payload);
        match header.kind {
            RTM_NEWADDR | RTM_DELADDR => {
                let family = Reader::new(reader.take(IFADDRMSG_LEN)?).u8()?;
                if !matches!(family, AF_INET | AF_INET6) {
                    return Ok(None);
                }
                let attrs = Attrs::new(reader.rest());
                let local = match attrs.clone().find(IFA_LOCAL)? {
                    Some(local) => local,
                    None => attrs.find(IFA_ADDRESS)?.ok_or(Malformed)?,
                };
                Ok(Some(Self::Address { gone: header.kind == RTM_DELADDR, addr: address(family, local.value)? }))
            }
            RTM_NEWLINK => {
                let &[.., a, b, c, d] = reader.take(IFINFOMSG_LEN)? else { return Err(Malformed) };
                // All flags of a new one count as changed.
                Ok((u32::from_ne_bytes([a, b, c, d]) & IFF_UP != 0).then_some(Self::Device))
            }
            RTM_NEWROUTE | RTM_DELROUTE => {
                let &[family, dst_len, _, _, _, _, _, kind, a, b, c, d] = reader.take(RTMSG_LEN)? else {
                    return Err(Malformed);
                };
                let cloned = u32::from_ne_bytes([a, b, c, d]) & RTM_F_CLONED != 0;
                if !matches!(family, AF_INET | AF_INET6) || dst_len != 0 || kind != RTN_UNICAST || cloned {
                    return Ok(None);
                }
                let gateways = Gateways { family, attrs: reader.rest() };
                Ok(Some(Self::DefaultRoute { gone: header.kind == RTM_DELROUTE, gateways }))
            }
            _ => Ok(None),
        }
    }
}

/// The next routers of one route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gateways<'a> {
    family: u8,
    attrs: &'a [u8],
}

impl Gateways<'_> {
    /// Calls `found` for each: none for a route that leads to an interface.
    ///
    /// # Errors
    /// [`Malformed`] if the attributes are; those before were told.
    pub fn each(self, found: &mut dyn FnMut(Addr)) -> Result<(), Malformed> {
        self.hop(self.attrs, found)?;
        let Some(multipath) = Attrs::new(self.attrs).find(RTA_MULTIPATH)? else { return Ok(()) };
        let mut rest = multipath.value;
        while !rest.is_empty() {
            let mut reader = Reader::new(rest);
            let len = usize::from(reader.u16()?);
            let hop = rest.get(RTNEXTHOP_LEN..len).ok_or(Malformed)?;
            self.hop(hop, found)?;
            rest = rest.get(align(len)..).unwrap_or_default();
        }
        Ok(())
    }

    fn hop(self, attrs: &[u8], found: &mut dyn FnMut(Addr)) -> Result<(), Malformed> {
        for attr in Attrs::new(attrs) {
            let attr = attr?;
            match attr.kind {
                RTA_GATEWAY => found(address(self.family, attr.value)?),
                RTA_VIA => {
                    let mut reader = Reader::new(attr.value);
                    let family = reader.u16()?;
                    found(address(u8::try_from(family).map_err(|_| Malformed)?, reader.rest())?);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn address(family: u8, bytes: &[u8]) -> Result<Addr, Malformed> {
    match family {
        AF_INET => bytes.try_into().map(Addr::v4),
        AF_INET6 => bytes.try_into().map(Addr::v6),
        _ => return Err(Malformed),
    }
    .map_err(|_| Malformed)
}
