//! The program's large memory: one static, all zero until it is used, handed out once.
//!
//! There is no allocator. What is too large for the stack lies here, in `.bss`: its pages become resident when they are
//! first written, so an idle edgeban pays for none of its capacity.

#![allow(unsafe_code)]

use crate::kill;
use crate::log;
use crate::source::{Chunk, Files};
use crate::state;
use crate::web;
use crate::xtables;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};
use edgeban_core::config::Tokens;
use edgeban_core::config::model::Config;
use edgeban_core::engine::FullMemory;
use edgeban_core::firewall::nft;
use edgeban_core::limits;

/// Bytes of one netlink datagram from the kernel: it fills a page or two with a dump, and an answer is far smaller.
pub const ANSWER: usize = 32 * 1024;

/// Bytes of standard output that are collected before they are written.
const OUTPUT: usize = 16 * 1024;

/// Everything large.
pub struct Arena {
    /// The engine's tables.
    pub engine: FullMemory,
    /// The log files.
    pub files: Files,
    /// The daemon's log on its way out.
    pub log: [u8; log::BUFFER],
    /// The configuration.
    pub config: Config,
    /// The configuration file's bytes.
    pub config_text: [u8; limits::CONFIG_FILE],
    /// Its tokens.
    pub config_tokens: Tokens,
    /// What is read from logs.
    pub chunk: Chunk,
    /// What goes to standard output.
    pub output: [u8; OUTPUT],
    /// What goes to the kernel.
    pub request: [u8; nft::DATAGRAM],
    /// What comes from it.
    pub answer: [u8; ANSWER],
    /// What goes to and comes from the kernel to cut connections.
    pub kill: kill::Buffers,
    /// What goes to the state file and comes from it.
    pub state: [u8; state::BUFFER],
    /// Who looks at the page.
    pub web: web::Buffers,
    /// Tables of legacy iptables.
    pub tables: xtables::Buffers,
}

struct Static(UnsafeCell<Arena>);

// SAFETY: the cell is reached only through `take`, which gives its one reference away once.
unsafe impl Sync for Static {}

static ARENA: Static = Static(UnsafeCell::new(Arena {
    engine: FullMemory::new(),
    files: Files::new(),
    log: [0; log::BUFFER],
    config: Config::EMPTY,
    config_text: [0; limits::CONFIG_FILE],
    config_tokens: Tokens::new(),
    chunk: [0; limits::CHUNK],
    output: [0; OUTPUT],
    request: [0; nft::DATAGRAM],
    answer: [0; ANSWER],
    kill: kill::Buffers::new(),
    state: [0; state::BUFFER],
    web: web::Buffers::new(),
    tables: xtables::Buffers::new(),
}));

static TAKEN: AtomicBool = AtomicBool::new(false);

/// The arena, the first time; `None` ever after.
pub fn take() -> Option<&'static mut Arena> {
    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: the swap lets one caller through in the life of the process, so this is the only reference there is.
    Some(unsafe { &mut *ARENA.0.get() })
}
