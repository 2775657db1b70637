//! The netlink message header (`struct nlmsghdr`, `linux/netlink.h`): 16 bytes in host order.
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | `nlmsg_len` u32 | header included, padding behind the message excluded |
//! | 4 | `nlmsg_type` u16 | |
//! | 6 | `nlmsg_flags` u16 | |
//! | 8 | `nlmsg_seq` u32 | the answers carry it back |
//! | 12 | `nlmsg_pid` u32 | 0 to the kernel; its answers carry the socket's port id |

use super::buf::{Full, Malformed, Reader, Writer, align};
use super::uapi::netlink::{NLM_F_ACK, NLMSG_HDRLEN};

/// How a request is asked: its sequence number, and whether the kernel shall answer also if all went well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag {
    /// `nlmsg_seq`. Give each message of a batch one of its own, BATCH_BEGIN included.
    pub seq: u32,
    /// `NLM_F_ACK`. Errors are reported without it.
    pub ack: bool,
}

impl Tag {
    /// A request whose success is answered too.
    #[must_use]
    pub const fn acked(seq: u32) -> Self {
        Self { seq, ack: true }
    }

    /// A request that is answered only by an error (or by the data it asks for).
    #[must_use]
    pub const fn silent(seq: u32) -> Self {
        Self { seq, ack: false }
    }

    /// The flag bits it stands for.
    #[must_use]
    pub const fn flags(self) -> u16 {
        if self.ack { NLM_F_ACK } else { 0 }
    }
}

/// A message header without its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_flags`.
    pub flags: u16,
    /// `nlmsg_seq`.
    pub seq: u32,
    /// `nlmsg_pid`.
    pub pid: u32,
}

impl Header {
    /// Writes a message with this header, whose payload is what `body` writes, padded to a multiple of 4. The length
    /// does not count that last padding, but all that `body` padded.
    ///
    /// # Errors
    /// [`Full`] if the whole message does not fit; nothing of it is then written.
    pub fn emit(&self, w: &mut Writer<'_>, body: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Result<(), Full> {
        w.whole(|w| {
            let start = w.len();
            w.put_u32(0)?;
            w.put_u16(self.kind)?;
            w.put_u16(self.flags)?;
            w.put_u32(self.seq)?;
            w.put_u32(self.pid)?;
            body(w)?;
            let len = u32::try_from(w.len().saturating_sub(start)).map_err(|_| Full)?;
            w.patch_u32(start, len)?;
            w.pad()
        })
    }
}

/// A received message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// Its header.
    pub header: Header,
    /// What follows the header, as long as the header says.
    pub payload: &'a [u8],
}

/// Cuts a datagram into messages; after a [`Malformed`] it ends.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// The messages of `datagram`, one receive call's bytes.
    #[must_use]
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }

    fn split(&mut self) -> Result<Message<'a>, Malformed> {
        let bytes = core::mem::take(&mut self.rest);
        let mut reader = Reader::new(bytes);
        let len = usize::try_from(reader.u32()?).map_err(|_| Malformed)?;
        let header = Header { kind: reader.u16()?, flags: reader.u16()?, seq: reader.u32()?, pid: reader.u32()? };
        let payload = reader.take(len.checked_sub(NLMSG_HDRLEN).ok_or(Malformed)?)?;
        self.rest = bytes.get(align(len)..).unwrap_or_default();
        Ok(Message { header, payload })
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() { None } else { Some(self.split()) }
    }
}
