//! `IPSET_CMD_ADD` and `IPSET_CMD_DEL` with many elements.
//!
//! The elements stand in one `IPSET_ATTR_ADT` nest, each a nest of its address, prefix length, timeout and a line number
//! from 1. The kernel takes them one after the other and **stops at the first that it refuses: those before stay applied,
//! those behind are not tried.** Its answer repeats the request, with the line of the refused element in the request's
//! own `IPSET_ATTR_LINENO` ([`super::answer`] reads it). An element that exists gets the new timeout, deleting one that
//! does not exist is no error: `NLM_F_EXCL` would make both errors and is never set.

use super::{attr_name, attr_net32, request};
use crate::addr::{Addr, Family};
use crate::wire::buf::{Full, Writer};
use crate::wire::list::OpenList;
use crate::wire::nl::Tag;
use crate::wire::uapi::ip_set::{
    IPSET_ATTR_ADT, IPSET_ATTR_CIDR, IPSET_ATTR_DATA, IPSET_ATTR_IP, IPSET_ATTR_IPADDR_IPV4, IPSET_ATTR_IPADDR_IPV6,
    IPSET_ATTR_LINENO, IPSET_ATTR_TIMEOUT, IPSET_CMD_ADD, IPSET_CMD_DEL,
};
use crate::wire::uapi::netlink::{NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLA_HDRLEN};

/// Bytes of an added element of a `hash:ip` set: two nests of 4, timeout and line of 8, and the address with 4.
#[must_use]
pub const fn element_len(family: Family) -> usize {
    match family {
        Family::V4 => 32,
        Family::V6 => 44,
    }
}

/// Bytes inside the longest element: an IPv6 address in two headers, prefix length, timeout and line.
const MAX_ELEMENT: usize = 24 + 8 + 8 + 8;

/// Longest timeout in seconds, 24.8 days: `(UINT_MAX >> 1) / MSEC_PER_SEC`. The kernel shortens longer ones to it and says
/// nothing.
pub const MAX_TIMEOUT: u32 = 2_147_483;

/// What an [`ElemList`] does with its elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// `ipset -exist add`.
    Add,
    /// `ipset -exist del`.
    Del,
}

/// Writes one ADD or DEL, element by element; as [`OpenList`] it is complete after every call.
#[derive(Debug)]
pub struct ElemList<'w, 'a> {
    list: OpenList<'w, 'a>,
    change: Change,
}

impl<'w, 'a> ElemList<'w, 'a> {
    /// Opens the message.
    ///
    /// # Errors
    /// [`Full`] if not even its headers fit; nothing is then written.
    pub fn begin(w: &'w mut Writer<'a>, protocol: u8, tag: Tag, change: Change, set: &str) -> Result<Self, Full> {
        let command = match change {
            Change::Add => IPSET_CMD_ADD,
            Change::Del => IPSET_CMD_DEL,
        };
        let list = OpenList::begin(w, |w| {
            request(w, protocol, command, 0, tag, &|w| {
                attr_name(w, set)?;
                // The kernel puts the line of a refused element here.
                attr_net32(w, IPSET_ATTR_LINENO, 0)?;
                w.attr(IPSET_ATTR_ADT | NLA_F_NESTED, &[])
            })?;
            Ok(w.len().saturating_sub(NLA_HDRLEN))
        })?;
        Ok(Self { list, change })
    }

    /// Adds an element, which must be of the set's family. `cidr` is the prefix length in a `hash:net` set and absent in a
    /// `hash:ip` set. `timeout` in seconds, at most [`MAX_TIMEOUT`]; `None`, and zero, is for ever. Deletions carry none.
    ///
    /// # Errors
    /// [`Full`] if the buffer or the list's `u16` length has no room; the message is then as it was, complete and valid
    /// with the elements before.
    pub fn push(&mut self, addr: Addr, cidr: Option<u8>, timeout: Option<u32>) -> Result<(), Full> {
        let line = u32::try_from(self.list.count()).map_err(|_| Full)?.saturating_add(1);
        let timeout = if self.change == Change::Add { timeout } else { None };
        // Inside out in buffers of their own, which is less code than nests: each holds the longest there is.
        let (mut ip, mut data) = ([0; NLA_HDRLEN + 16], [0; MAX_ELEMENT]);
        let (mut ip, mut data) = (Writer::new(&mut ip), Writer::new(&mut data));
        match addr.as_v4() {
            Some(v4) => ip.attr(IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER, &v4)?,
            None => ip.attr(IPSET_ATTR_IPADDR_IPV6 | NLA_F_NET_BYTEORDER, &addr.octets())?,
        }
        data.attr(IPSET_ATTR_IP | NLA_F_NESTED, ip.written())?;
        if let Some(cidr) = cidr {
            data.attr(IPSET_ATTR_CIDR, &[cidr])?;
        }
        if let Some(timeout) = timeout {
            attr_net32(&mut data, IPSET_ATTR_TIMEOUT, timeout)?;
        }
        attr_net32(&mut data, IPSET_ATTR_LINENO, line)?;
        self.list.push(|w| w.attr(IPSET_ATTR_DATA | NLA_F_NESTED, data.written()))
    }

    /// Elements so far; the last one's line number.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.list.count()
    }

    /// Ends the message and says how many elements it has; with none, the message is taken back.
    #[must_use = "0 means that there is no message"]
    pub const fn finish(self) -> usize {
        self.list.finish()
    }
}
