//! What ipset answers: [`Answers`] cuts a received datagram into [`Answer`]s.

use super::kernel::{ProtocolRange, RevisionRange, SetIndex};
use super::kind;
use super::list::SetPart;
use super::set::SetHeader;
use crate::wire::buf::{Attrs, Malformed};
use crate::wire::nfnl::Generic;
use crate::wire::nl::{Message, Messages};
use crate::wire::reply::Reply;
use crate::wire::uapi::ip_set::{
    IPSET_ATTR_LINENO, IPSET_CMD_GET_BYNAME, IPSET_CMD_HEADER, IPSET_CMD_LIST, IPSET_CMD_PROTOCOL, IPSET_CMD_TYPE,
};
use crate::wire::uapi::netlink::{NLM_F_CAPPED, NLMSG_HDRLEN};

/// One answer with its sequence number.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The request's.
    pub seq: u32,
    /// What it says.
    pub body: Body<'a>,
}

/// What an answer says.
#[derive(Clone, Debug)]
pub enum Body<'a> {
    /// To PROTOCOL.
    Protocol(ProtocolRange),
    /// To TYPE.
    Type(RevisionRange),
    /// To HEADER.
    Header(SetHeader<'a>),
    /// To GET_BYNAME.
    Index(SetIndex),
    /// To LIST.
    Part(SetPart<'a>),
    /// What every subsystem answers: acks, errors, ends of dumps. With an error the line of the element that was
    /// refused: those before it were applied, those behind were not tried. Without a line nobody knows.
    Reply(Reply<'a>, Option<u32>),
}

impl<'a> Answer<'a> {
    /// Reads one message.
    ///
    /// # Errors
    /// [`Malformed`] if it is not what its type, flags and lengths say.
    pub fn parse(message: Message<'a>) -> Result<Self, Malformed> {
        const PROTOCOL: u16 = kind(IPSET_CMD_PROTOCOL);
        const TYPE: u16 = kind(IPSET_CMD_TYPE);
        const HEADER: u16 = kind(IPSET_CMD_HEADER);
        const INDEX: u16 = kind(IPSET_CMD_GET_BYNAME);
        const LIST: u16 = kind(IPSET_CMD_LIST);
        let attrs = || Generic::parse(message.payload).map(|(_, attrs)| attrs);
        let body = match message.header.kind {
            PROTOCOL => Body::Protocol(ProtocolRange::parse(attrs()?)?),
            TYPE => Body::Type(RevisionRange::parse(attrs()?)?),
            HEADER => Body::Header(SetHeader::parse(attrs()?)?),
            INDEX => Body::Index(SetIndex::parse(attrs()?)?),
            LIST => Body::Part(SetPart::parse(attrs()?)?),
            _ => {
                let reply = Reply::parse(message)?;
                let line = if matches!(reply, Reply::Error { .. }) { line(message) } else { None };
                Body::Reply(reply, line)
            }
        };
        Ok(Self { seq: message.header.seq, body })
    }
}

/// The line in the request that an error repeats; 0 is none, and so is a request that is not repeated.
fn line(error: Message<'_>) -> Option<u32> {
    if error.header.flags & NLM_F_CAPPED != 0 {
        return None;
    }
    let (_, attrs) = Generic::parse(error.payload.get(4 + NLMSG_HDRLEN..)?).ok()?;
    Attrs::new(attrs).find(IPSET_ATTR_LINENO).ok()??.be32().ok().filter(|line| *line != 0)
}

/// The answers in one datagram; after a [`Malformed`] it ends.
#[derive(Clone, Debug)]
pub struct Answers<'a> {
    messages: Messages<'a>,
}

impl<'a> Answers<'a> {
    /// The answers in `datagram`, one receive call's bytes.
    #[must_use]
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { messages: Messages::new(datagram) }
    }
}

impl<'a> Iterator for Answers<'a> {
    type Item = Result<Answer<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let answer = self.messages.next()?.and_then(Answer::parse);
        if answer.is_err() {
            self.messages = Messages::new(&[]);
        }
        Some(answer)
    }
}
