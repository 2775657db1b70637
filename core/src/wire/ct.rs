//! Connection tracking (`linux/netfilter/nfnetlink_conntrack.h`): list the entries, delete one.
//!
//! To the kernel a DELETE without a tuple means "delete all", with or without the zone, mark or id beside it. So there is
//! no message DELETE here that one could fill in: the only way to one is an entry that the kernel told of, [`Flow`],
//! which has a tuple or could not be read, and [`Flow::emit_delete`] always writes it. With `CTA_ID` beside it a newer
//! connection of the same addresses and ports is not meant (the kernel answers `ENOENT`).
//!
//! Not used: `CTA_FILTER`, with which a dump or (since 6.12) a DELETE takes one address. One pass serves any number of
//! bans, and kernels without it answer a DELETE in ways that are easy to get wrong.

use super::buf::{Attr, Attrs, Full, Malformed, Writer};
use super::nfnl::{Generic, kind};
use super::nl::{Header, Tag};
use super::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_UNSPEC};
use super::uapi::netlink::{NLM_F_DUMP, NLM_F_REQUEST};
use super::uapi::nfnetlink::NFNL_SUBSYS_CTNETLINK;
use super::uapi::nfnetlink_conntrack::{
    CTA_ID, CTA_IP_V4_SRC, CTA_IP_V6_SRC, CTA_TUPLE_IP, CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_TUPLE_REPLY, CTA_ZONE,
    IPCTNL_MSG_CT_DELETE, IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_NEW,
};
use crate::addr::Addr;

/// The type of the messages that tell of an entry.
pub const FLOW: u16 = kind(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW);

/// `IPCTNL_MSG_CT_GET` with `NLM_F_DUMP`: tell every entry of this network namespace, of all protocols and zones. Needs
/// `CAP_NET_ADMIN`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GetFlows;

impl GetFlows {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, seq: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        let kind = kind(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET);
        Header { kind, flags: NLM_F_REQUEST | NLM_F_DUMP, seq, pid: 0 }
            .emit(w, |w| Generic { family: NFPROTO_UNSPEC, res_id: 0 }.emit(w))
    }
}

/// An entry of the connection table as the kernel told it: whose it is, and what names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flow<'a> {
    family: u8,
    /// The attributes in `CTA_TUPLE_ORIG`: addresses, protocol with ports, and a zone if that direction has its own.
    tuple: &'a [u8],
    id: u32,
    zone: Option<&'a [u8]>,
    /// Who began it: the source of the packets of the original direction, as they arrive (before any NAT).
    pub initiator: Addr,
    /// Who answers: the source of the packets of the reply direction, as they arrive. Behind destination NAT that is the
    /// server itself, not the address that the initiator knows.
    pub responder: Addr,
}

impl<'a> Flow<'a> {
    /// Reads the payload of a message of type [`FLOW`].
    ///
    /// # Errors
    /// [`Malformed`] if a tuple, its addresses or protocol, or the id is missing or of another form.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let (Generic { family, .. }, attrs) = Generic::parse(payload)?;
        let attrs = Attrs::new(attrs);
        let orig = attrs.clone().find(CTA_TUPLE_ORIG)?.ok_or(Malformed)?;
        let reply = attrs.clone().find(CTA_TUPLE_REPLY)?.ok_or(Malformed)?;
        Ok(Self {
            family,
            tuple: orig.value,
            id: attrs.clone().find(CTA_ID)?.ok_or(Malformed)?.be32()?,
            zone: attrs.find(CTA_ZONE)?.map(|zone| zone.value),
            initiator: source(family, orig)?,
            responder: source(family, reply)?,
        })
    }

    /// Writes `IPCTNL_MSG_CT_DELETE` for this entry and no other: its tuple, id and zone. It is shorter than the message
    /// that told of the entry. Needs `CAP_NET_ADMIN`; `ENOENT` if the entry is gone.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit_delete(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        let kind = kind(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE);
        Header { kind, flags: NLM_F_REQUEST | tag.flags(), seq: tag.seq, pid: 0 }.emit(w, |w| {
            Generic { family: self.family, res_id: 0 }.emit(w)?;
            w.nest(CTA_TUPLE_ORIG, |w| w.put(self.tuple))?;
            w.attr_be32(CTA_ID, self.id)?;
            self.zone.map_or(Ok(()), |zone| w.attr(CTA_ZONE, zone))
        })
    }
}

/// The source address of a tuple, which must have a protocol too.
fn source(family: u8, tuple: Attr<'_>) -> Result<Addr, Malformed> {
    tuple.nested().find(CTA_TUPLE_PROTO)?.ok_or(Malformed)?;
    let ip = tuple.nested().find(CTA_TUPLE_IP)?.ok_or(Malformed)?.nested();
    let v4 = match family {
        NFPROTO_IPV4 => true,
        NFPROTO_IPV6 => false,
        _ => return Err(Malformed),
    };
    let source = ip.find(if v4 { CTA_IP_V4_SRC } else { CTA_IP_V6_SRC })?.ok_or(Malformed)?.value;
    let addr = if v4 { source.try_into().map(Addr::v4) } else { source.try_into().map(Addr::v6) };
    addr.map_err(|_| Malformed)
}
