//! One daemon for a table in a network namespace: the files that tell who it is.
//!
//! In `[global] run_dir` lie `TABLE-NETNS.lock`, which the running daemon has locked, and `TABLE-NETNS.sock`, where it
//! listens. NETNS is the inode number of the network namespace, as `readlink /proc/self/ns/net` shows it, so that daemons
//! in containers that share the directory do not hinder each other. The lock's file stays when the daemon ends: taking
//! it away would let two others each lock one of the same name.

use crate::source::path::Path;
use core::fmt::Write;
use edgeban_core::config::model::Global;
use edgeban_core::limits;
use edgeban_linux::fd::{AsFd, OwnedFd};
use edgeban_linux::file::{self, FileKind, OpenFlags};
use edgeban_linux::unix::Listener;
use edgeban_linux::{Errno, lock, process};
use heapless::{String, Vec};

/// Bytes of the lock's file: a process id, right-aligned, and a newline. Always as many, so that writing replaces all.
const PID: usize = 11;

/// Connections that may wait to be accepted: as many as are served at once.
const WAITING: u16 = 16;
const _: () = assert!(limits::CLIENTS == 16);

/// The files of one instance.
pub struct Instance {
    directory: Path,
    /// The lock's file.
    pub lock: Path,
    /// The control socket.
    pub socket: Path,
}

/// The lock, held as long as this lives.
pub struct Lock(#[expect(dead_code, reason = "the kernel lifts the lock when it is closed")] OwnedFd);

/// Why the lock is not ours.
pub enum NotLocked {
    /// Another daemon has it; its process id as the file tells it.
    Held(Vec<u8, PID>),
    /// The directory or the file is not to be had.
    Failed(Errno),
}

impl Instance {
    /// The instance that a configuration means, in this process's network namespace. `None` if a path is too long, which
    /// `limits::RUN_DIR` rules out.
    pub fn of(global: &Global) -> Option<Self> {
        // Without /proc there is one namespace as far as anybody can tell.
        let namespace = file::status_of(c"/proc/self/ns/net").map_or(0, |status| status.inode);
        let Global { run_dir, table, .. } = global;
        Some(Self {
            directory: Path::of(format_args!("{run_dir}"))?,
            lock: Path::of(format_args!("{run_dir}/{table}-{namespace}.lock"))?,
            socket: Path::of(format_args!("{run_dir}/{table}-{namespace}.sock"))?,
        })
    }

    /// Takes the lock, in a directory that is made if it is missing.
    pub fn lock(&self) -> Result<Lock, NotLocked> {
        match file::create_directory(self.directory.as_c_str(), 0o755) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(NotLocked::Failed(error)),
        }
        let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE | OpenFlags::NO_FOLLOW | OpenFlags::NONBLOCK;
        let fd = file::open(self.lock.as_c_str(), flags, 0o644).map_err(NotLocked::Failed)?;
        if lock::try_exclusive(fd.as_fd()).map_err(NotLocked::Failed)? {
            let mut pid: String<PID> = String::new();
            // The longest number has ten digits. That people cannot read it is no reason not to run.
            let _ = writeln!(pid, "{:>10}", process::id());
            let _ = file::write(fd.as_fd(), pid.as_bytes());
            return Ok(Lock(fd));
        }
        let mut pid = [0; PID];
        let len = file::read(fd.as_fd(), &mut pid).unwrap_or(0);
        let pid = pid.get(..len).unwrap_or_default().trim_ascii();
        Err(NotLocked::Held(Vec::from_slice(pid).unwrap_or_default()))
    }

    /// Makes the socket, for root and the daemon's user alone, until [`Instance::admit`]. One that is there is stale: the
    /// lock, which must be held, says that nobody listens there.
    pub fn listen(&self, _: &Lock) -> Result<Listener, Errno> {
        let path = self.socket.as_c_str();
        if file::status_of_link(path).is_ok_and(|status| status.kind == FileKind::Socket) {
            file::unlink(path)?;
        }
        Listener::bind(path, 0o600, WAITING)
    }

    /// Lets the members of a group connect, too, or nobody else.
    pub fn admit(&self, _: &Lock, group: Option<u32>) -> Result<(), Errno> {
        let path = self.socket.as_c_str();
        match group {
            Some(group) => {
                file::set_group(path, group)?;
                file::set_mode(path, 0o660)
            }
            None => file::set_mode(path, 0o600),
        }
    }

    /// Takes the socket's file away.
    pub fn forget(&self, _: &Lock) {
        let _ = file::unlink(self.socket.as_c_str());
    }
}
