//! A netlink socket to the real kernel, and network namespaces to try things in.
//!
//! Root is needed. Without it the tests fail: a test that was not run must not look like one that passed.

use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Moves the calling thread, and the processes that it starts, into a new network namespace.
///
/// # Panics
/// Without root.
#[allow(
    deprecated,
    reason = "the warning is about descriptor tables (CLONE_FILES); this flag only changes the network"
)]
pub fn enter_new_namespace() {
    let result = rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET);
    assert!(result.is_ok(), "this test needs root to make a network namespace: {result:?}");
}

/// What `nft` prints, given this script.
///
/// # Panics
/// If nft is missing or fails.
#[must_use]
pub fn nft(arguments: &[&str], script: &str) -> String {
    run("nft", arguments, script)
}

/// What `ipset` prints, given this script.
///
/// # Panics
/// If ipset is missing or fails.
#[must_use]
pub fn ipset(arguments: &[&str], script: &str) -> String {
    run("ipset", arguments, script)
}

fn run(program: &str, arguments: &[&str], script: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs the {program} program: {error}"));
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?} failed on\n{script}");
    String::from_utf8(output.stdout).unwrap()
}

/// A socket of the protocol `NETLINK_NETFILTER`.
pub struct Netfilter(Socket);

impl Netfilter {
    /// Opens it in the thread's namespace. `extended` asks for `NETLINK_EXT_ACK` and `NETLINK_CAP_ACK`.
    ///
    /// # Panics
    /// If the kernel has no netfilter.
    #[must_use]
    pub fn open(extended: bool) -> Self {
        let mut socket = Socket::new(NETLINK_NETFILTER).unwrap();
        socket.bind_auto().unwrap();
        socket.set_rx_buf_sz(4i32 << 20).unwrap();
        if extended {
            socket.set_ext_ack(true).unwrap();
            socket.set_cap_ack(true).unwrap();
        }
        Self(socket)
    }

    /// Sets how many bytes of answers may wait: the kernel doubles this, and takes no less than some 2 KiB.
    ///
    /// # Panics
    /// If it fails.
    pub fn set_receive_buffer(&self, bytes: i32) {
        self.0.set_rx_buf_sz(bytes).unwrap();
    }

    /// One `sendmsg` and what is received until `quiet` passed without a datagram.
    ///
    /// # Panics
    /// If sending or receiving fails.
    #[must_use]
    pub fn send(&self, bytes: &[u8], quiet: Duration) -> Vec<Vec<u8>> {
        self.send_and_lose(bytes, quiet).0
    }

    /// As [`Netfilter::send`], and whether answers were lost because the receive buffer was full.
    ///
    /// # Panics
    /// If sending or receiving fails otherwise.
    #[must_use]
    pub fn send_and_lose(&self, bytes: &[u8], quiet: Duration) -> (Vec<Vec<u8>>, bool) {
        assert_eq!(self.0.send(bytes, 0).unwrap(), bytes.len());
        // nf_tables answers inside the send call, so what there is, is there already; dumps go on at each receive.
        let mut datagrams = Vec::new();
        let mut lost = false;
        let mut last = Instant::now();
        self.0.set_non_blocking(true).unwrap();
        while last.elapsed() <= quiet {
            let mut buffer = Vec::with_capacity(1 << 17);
            match self.0.recv(&mut buffer, 0) {
                Ok(_) => {
                    datagrams.push(buffer);
                    last = Instant::now();
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                // ENOBUFS.
                Err(error) if error.raw_os_error() == Some(105) => lost = true,
                Err(error) => panic!("receive: {error}"),
            }
        }
        (datagrams, lost)
    }
}
