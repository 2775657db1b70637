//! What the kernel answers: [`Replies`] cuts a received datagram into [`Reply`]s.
//!
//! An answer to one message proves little: a batch is judged by all of its answers together (an ack of 0 comes for the
//! good messages of a batch that failed, and for a batch without its end).

use super::buf::{Attrs, Malformed, Reader, align};
use super::nfnl::{Generic, nft_kind};
use super::nft::elem::Elements;
use super::nft::generation::NewGen;
use super::nft::set::SetShape;
use super::nl::{Message, Messages};
use super::uapi::errno;
use super::uapi::netlink::{
    NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN, NLMSG_NOOP,
    NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS,
};
use super::uapi::nf_tables::{NFT_MSG_NEWGEN, NFT_MSG_NEWSET, NFT_MSG_NEWSETELEM};
use core::fmt;

/// An error number from the kernel as a positive number. ipset's are above 4095, so it is not only `errno`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NetlinkError(i32);

impl NetlinkError {
    /// No `CAP_NET_ADMIN`, or the table has another owner.
    pub const EPERM: Self = Self(errno::EPERM);
    /// No such table, chain, set or element.
    pub const ENOENT: Self = Self(errno::ENOENT);
    /// The kernel is out of memory.
    pub const ENOMEM: Self = Self(errno::ENOMEM);
    /// It exists, and differs or was asked not to.
    pub const EEXIST: Self = Self(errno::EEXIST);
    /// The kernel does not take the request.
    pub const EINVAL: Self = Self(errno::EINVAL);
    /// A set is full.
    pub const ENFILE: Self = Self(errno::ENFILE);
    /// A number is out of range.
    pub const ERANGE: Self = Self(errno::ERANGE);
    /// The ruleset has another generation than the batch was made for.
    pub const ERESTART: Self = Self(errno::ERESTART);
    /// The kernel has no nf_tables, or not this part of it.
    pub const EOPNOTSUPP: Self = Self(errno::EOPNOTSUPP);
    /// In use: another dump of this socket has not ended.
    pub const EBUSY: Self = Self(errno::EBUSY);
    /// The socket is another one by now.
    pub const ESTALE: Self = Self(errno::ESTALE);
    /// Answers were lost.
    pub const ENOBUFS: Self = Self(errno::ENOBUFS);
    /// ipset: no common version of the protocol, or a message that it does not understand.
    pub const IPSET_PROTOCOL: Self = Self(errno::IPSET_ERR_PROTOCOL);
    /// ipset: a rule, a list or a dump uses the set.
    pub const IPSET_BUSY: Self = Self(errno::IPSET_ERR_BUSY);
    /// ipset: a set of another type or family.
    pub const IPSET_TYPE_MISMATCH: Self = Self(errno::IPSET_ERR_TYPE_MISMATCH);
    /// ipset: an address of zeros, which no set takes.
    pub const IPSET_HASH_ELEM: Self = Self(errno::IPSET_ERR_HASH_ELEM);
    /// ipset: the set is full.
    pub const IPSET_HASH_FULL: Self = Self(errno::IPSET_ERR_HASH_FULL);

    /// The error of a positive number; `None` if it is none.
    #[must_use]
    pub const fn new(number: i32) -> Option<Self> {
        if number > 0 { Some(Self(number)) } else { None }
    }

    /// The positive number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// From the field of a message: 0 is no error, negative numbers are errors.
    fn from_field(field: i32) -> Result<Option<Self>, Malformed> {
        match field.checked_neg() {
            Some(0) => Ok(None),
            Some(number @ 1..) => Ok(Some(Self(number))),
            _ => Err(Malformed),
        }
    }
}

impl fmt::Display for NetlinkError {
    /// `ENOENT (2)`, or `error 999`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match errno::name(self.0) {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for NetlinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub enum Reply<'a> {
    /// `NLMSG_ERROR` with 0: the message was taken.
    Ack {
        /// The request's.
        seq: u32,
    },
    /// `NLMSG_ERROR` with a number.
    Error {
        /// The request's.
        seq: u32,
        /// What the kernel says.
        error: NetlinkError,
        /// Its own text (`NLMSGERR_ATTR_MSG`), without the NUL. nf_tables seldom has one.
        text: Option<&'a [u8]>,
        /// Bytes from the request's `nlmsghdr` to the attribute in question (`NLMSGERR_ATTR_OFFS`).
        offset: Option<u32>,
    },
    /// `NLMSG_DONE`: the end of a dump.
    Done {
        /// The request's.
        seq: u32,
        /// Why the dump ended early.
        error: Option<NetlinkError>,
        /// The ruleset changed during the dump (`NLM_F_DUMP_INTR`): ask again.
        interrupted: bool,
    },
    /// `NFT_MSG_NEWGEN`.
    NewGen {
        /// The request's; 0 if sent by itself.
        seq: u32,
        /// The generation.
        id: u32,
    },
    /// `NFT_MSG_NEWSETELEM`: some elements of a set.
    Elements {
        /// The request's; 0 if sent by itself.
        seq: u32,
        /// The ruleset changed during the dump (`NLM_F_DUMP_INTR`): ask again.
        interrupted: bool,
        /// The elements.
        elements: Elements<'a>,
    },
    /// `NFT_MSG_NEWSET`: what a set is like.
    Set {
        /// The request's; 0 if sent by itself.
        seq: u32,
        /// What it is like.
        shape: SetShape,
    },
    /// Any other message.
    Other {
        /// The request's.
        seq: u32,
        /// `nlmsg_type`.
        kind: u16,
    },
}

impl<'a> Reply<'a> {
    /// The sequence number.
    #[must_use]
    pub const fn seq(&self) -> u32 {
        match *self {
            Self::Ack { seq }
            | Self::Error { seq, .. }
            | Self::Done { seq, .. }
            | Self::NewGen { seq, .. }
            | Self::Elements { seq, .. }
            | Self::Set { seq, .. }
            | Self::Other { seq, .. } => seq,
        }
    }

    /// Reads one message.
    ///
    /// # Errors
    /// [`Malformed`] if it is not what its type, flags and lengths say.
    pub fn parse(message: Message<'a>) -> Result<Self, Malformed> {
        let Message { header, payload } = message;
        let seq = header.seq;
        let interrupted = header.flags & NLM_F_DUMP_INTR != 0;
        if header.kind == NLMSG_ERROR {
            return error(seq, header.flags, payload);
        }
        if header.kind == NLMSG_DONE {
            let field = if payload.is_empty() { 0 } else { Reader::new(payload).i32()? };
            return Ok(Self::Done { seq, error: NetlinkError::from_field(field)?, interrupted });
        }
        if header.kind == nft_kind(NFT_MSG_NEWGEN) {
            let (_, attrs) = Generic::parse(payload)?;
            return Ok(Self::NewGen { seq, id: NewGen::parse(attrs)?.id });
        }
        if header.kind == nft_kind(NFT_MSG_NEWSETELEM) {
            let (_, attrs) = Generic::parse(payload)?;
            return Ok(Self::Elements { seq, interrupted, elements: Elements::parse(attrs)? });
        }
        if header.kind == nft_kind(NFT_MSG_NEWSET) {
            let (_, attrs) = Generic::parse(payload)?;
            return Ok(Self::Set { seq, shape: SetShape::parse(attrs)? });
        }
        Ok(Self::Other { seq, kind: header.kind })
    }
}

/// `struct nlmsgerr`: the number, the request's header, with it the rest of the request unless `NLM_F_CAPPED`, and with
/// `NLM_F_ACK_TLVS` attributes.
fn error<'a>(seq: u32, flags: u16, payload: &'a [u8]) -> Result<Reply<'a>, Malformed> {
    let mut reader = Reader::new(payload);
    let error = NetlinkError::from_field(reader.i32()?)?;
    let request_len = usize::try_from(Reader::new(reader.take(NLMSG_HDRLEN)?).u32()?).map_err(|_| Malformed)?;
    let Some(error) = error else {
        return Ok(Reply::Ack { seq });
    };
    let (mut text, mut offset) = (None, None);
    if flags & NLM_F_ACK_TLVS != 0 {
        if flags & NLM_F_CAPPED == 0 {
            reader.take(align(request_len).checked_sub(NLMSG_HDRLEN).ok_or(Malformed)?)?;
        }
        for attr in Attrs::new(reader.rest()) {
            let attr = attr?;
            match attr.kind {
                NLMSGERR_ATTR_MSG => text = Some(attr.text()),
                NLMSGERR_ATTR_OFFS => offset = Some(attr.u32()?),
                _ => {}
            }
        }
    }
    Ok(Reply::Error { seq, error, text, offset })
}

/// The answers in one datagram; after a [`Malformed`] it ends. `NLMSG_NOOP` is skipped.
#[derive(Clone, Debug)]
pub struct Replies<'a> {
    messages: Messages<'a>,
}

impl<'a> Replies<'a> {
    /// The answers in `datagram`, one receive call's bytes.
    #[must_use]
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { messages: Messages::new(datagram) }
    }
}

impl<'a> Iterator for Replies<'a> {
    type Item = Result<Reply<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let message = loop {
            match self.messages.next()? {
                Ok(message) if message.header.kind == NLMSG_NOOP => {}
                message => break message,
            }
        };
        let reply = message.and_then(Reply::parse);
        if reply.is_err() {
            self.messages = Messages::new(&[]);
        }
        Some(reply)
    }
}
