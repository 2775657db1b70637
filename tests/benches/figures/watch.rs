//! What the kernel tells everybody who listens: nf_tables' notices of what was committed.

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt};
use std::net::IpAddr;
use std::time::Duration;

/// `NFNLGRP_NFTABLES`, as bind's mask.
const GROUP: u32 = 1 << (7 - 1);
/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_...`.
const NEW_ELEMENT: u16 = 10 << 8 | 12;
const NEW_GENERATION: u16 = 10 << 8 | 15;
// NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_LIST_ELEM, NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE.
const PATH_TO_KEY: [u16; 4] = [3, 1, 1, 1];

/// A notice.
#[derive(PartialEq, Eq)]
pub enum Notice {
    /// This address is in a set now.
    Element(IpAddr),
    /// A batch was committed.
    Committed,
}

/// A socket that listens in this network namespace.
pub struct Watch {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Watch {
    pub fn new() -> Self {
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(NETFILTER))
                .expect("a netlink socket");
        sockopt::set_socket_recv_buffer_size_force(&socket, 128 << 20).expect("root");
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_secs(30))).unwrap();
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUP)).unwrap();
        Self { socket, buffer: vec![0; 1 << 16] }
    }

    /// Sleeps until there are notices; not at all, and with none, if `wait` is false and there are none.
    fn receive(&mut self, wait: bool) -> Option<Vec<Notice>> {
        let flags = if wait { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
        match rustix::net::recv(&self.socket, &mut self.buffer[..], flags) {
            Ok((_, len)) => Some(notices(&self.buffer[..len])),
            Err(Errno::AGAIN) if !wait => None,
            Err(error) => panic!("no notice from the kernel: {error}"),
        }
    }

    /// Notices until `enough` says so.
    pub fn until(&mut self, mut enough: impl FnMut(&Notice) -> bool) {
        while !self.receive(true).unwrap().iter().any(&mut enough) {}
    }

    /// Forgets what is there.
    pub fn clear(&mut self) {
        while self.receive(false).is_some() {}
    }
}

fn notices(datagram: &[u8]) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut rest = datagram;
    while rest.len() >= 20 {
        let len = u32::from_ne_bytes(rest[..4].try_into().unwrap()) as usize;
        let kind = u16::from_ne_bytes([rest[4], rest[5]]);
        match kind {
            // 16 bytes of netlink header, 4 of nfnetlink's.
            NEW_ELEMENT => elements(&rest[20..len], &PATH_TO_KEY, &mut notices),
            NEW_GENERATION => notices.push(Notice::Committed),
            _ => {}
        }
        rest = &rest[len.next_multiple_of(4).min(rest.len())..];
    }
    notices
}

fn elements(attributes: &[u8], path: &[u16], notices: &mut Vec<Notice>) {
    let Some((wanted, path)) = path.split_first() else {
        let v4 = <[u8; 4]>::try_from(attributes).map(IpAddr::from);
        notices.extend(v4.or_else(|_| <[u8; 16]>::try_from(attributes).map(IpAddr::from)).map(Notice::Element));
        return;
    };
    let mut rest = attributes;
    while rest.len() >= 4 {
        let len = usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
        // The upper bits are flags: nested, big endian.
        if u16::from_ne_bytes([rest[2], rest[3]]) & 0x3fff == *wanted {
            elements(&rest[4..len], path, notices);
        }
        rest = &rest[len.next_multiple_of(4).min(rest.len())..];
    }
}
