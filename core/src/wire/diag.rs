//! TCP sockets of this machine (`linux/inet_diag.h`): list them, end the connection of one.
//!
//! Request, `struct inet_diag_req_v2`: family u8, protocol u8, extensions u8, padding u8, states u32 in host order, and
//! a `struct inet_diag_sockid`. Answer, `struct inet_diag_msg`: family u8, state u8, timer u8, retransmissions u8, the
//! `inet_diag_sockid`, and numbers that nobody here reads.
//!
//! | offset | `inet_diag_sockid` | |
//! |---|---|---|
//! | 0 | ports | 2 be16: ours, the peer's |
//! | 4 | `idiag_src` | 16 bytes, of which IPv4 uses the first 4 |
//! | 20 | `idiag_dst` | as before |
//! | 36 | `idiag_if` | u32, the interface the socket is bound to |
//! | 40 | `idiag_cookie` | 2 u32: tells a socket from an older one with the same addresses |
//!
//! A socket of family `AF_INET6` that talks IPv4 (a server that listens on `::`) is listed under IPv6, its addresses
//! mapped; [`Addr`] folds them.
//!
//! Not supported: UDP (its sockets have no connection to end), MPTCP, sockets in other network namespaces.

use super::buf::{Full, Malformed, Reader, Writer};
use super::nl::{Header, Tag};
use super::uapi::netlink::{NLM_F_DUMP, NLM_F_REQUEST};
use super::uapi::sock_diag::{
    AF_INET, AF_INET6, INET_DIAG_SOCKID_LEN, IPPROTO_TCP, SOCK_DESTROY, SOCK_DIAG_BY_FAMILY, TCP_CLOSE_WAIT,
    TCP_CLOSING, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_LAST_ACK, TCP_SYN_RECV, TCP_SYN_SENT,
};
use crate::addr::{Addr, Family};

/// The type of the messages that tell of a socket.
pub const CONNECTION: u16 = SOCK_DIAG_BY_FAMILY;

/// States in which a socket has a peer. Left out: CLOSE and LISTEN have none, TIME_WAIT belongs to no process any more.
const STATES: u32 = 1 << TCP_ESTABLISHED
    | 1 << TCP_SYN_SENT
    | 1 << TCP_SYN_RECV
    | 1 << TCP_FIN_WAIT1
    | 1 << TCP_FIN_WAIT2
    | 1 << TCP_CLOSE_WAIT
    | 1 << TCP_LAST_ACK
    | 1 << TCP_CLOSING;

/// `SOCK_DIAG_BY_FAMILY` with `NLM_F_DUMP`: tell every TCP socket of a family that has a peer. Needs no privilege.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetConnections(pub Family);

impl GetConnections {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, seq: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        let family = match self.0 {
            Family::V4 => AF_INET,
            Family::V6 => AF_INET6,
        };
        let header = Header { kind: SOCK_DIAG_BY_FAMILY, flags: NLM_F_REQUEST | NLM_F_DUMP, seq, pid: 0 };
        request(w, header, family, STATES, &[0; INET_DIAG_SOCKID_LEN])
    }
}

fn request(w: &mut Writer<'_>, header: Header, family: u8, states: u32, id: &[u8]) -> Result<(), Full> {
    header.emit(w, |w| {
        w.put(&[family, IPPROTO_TCP, 0, 0])?;
        w.put_u32(states)?;
        w.put(id)
    })
}

/// A TCP socket as the kernel told it: whom it talks to, and what names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connection<'a> {
    family: u8,
    id: &'a [u8],
    /// The other end.
    pub peer: Addr,
}

impl<'a> Connection<'a> {
    /// Reads the payload of a message of type [`CONNECTION`].
    ///
    /// # Errors
    /// [`Malformed`] if it is too short or of another family.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let family = reader.u8()?;
        reader.take(3)?;
        let id = reader.take(INET_DIAG_SOCKID_LEN)?;
        let mut fields = Reader::new(id);
        fields.take(20)?;
        let peer = match family {
            AF_INET => fields.take(4)?.try_into().map(Addr::v4),
            AF_INET6 => fields.take(16)?.try_into().map(Addr::v6),
            _ => return Err(Malformed),
        };
        Ok(Self { family, id, peer: peer.map_err(|_| Malformed)? })
    }

    /// Writes `SOCK_DESTROY` for this socket and no other (addresses, ports, interface and cookie): its owner's calls
    /// fail with `ECONNABORTED`, the peer gets a reset. It is shorter than the message that told of the socket. Needs
    /// `CAP_NET_ADMIN`; `ENOENT` or `ESTALE` if the socket is gone, `EOPNOTSUPP` without `CONFIG_INET_DIAG_DESTROY`.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit_destroy(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        let header = Header { kind: SOCK_DESTROY, flags: NLM_F_REQUEST | tag.flags(), seq: tag.seq, pid: 0 };
        request(w, header, self.family, 0, self.id)
    }
}
