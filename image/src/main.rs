//! edgeban: reads logs, counts failures per address, and bans attackers in the kernel by netlink.
//!
//! One static program without a standard library and without an allocator: [`arena`] holds what is large, [`cli`] reads
//! the command line, [`daemon`] is the loop that joins the log files ([`source`]), the kernel ([`firewall`], [`watch`],
//! [`own`], [`kill`]) and the clients of the control socket ([`control`]) with the engine of `edgeban-core`, which decides
//! everything. [`instance`] lets one daemon run for a table.

#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod arena;
mod cli;
mod config;
mod control;
mod daemon;
mod entry;
mod exit;
mod firewall;
mod group;
mod instance;
mod json;
mod kill;
mod log;
mod out;
mod own;
mod panic;
mod say;
mod source;
mod state;
mod watch;
mod web;
mod xtables;

use edgeban_linux::process::Args;

/// Runs the program and returns its exit code.
fn run(args: Args) -> u8 {
    match arena::take() {
        Some(arena) => cli::run(args, arena),
        None => exit::INPUT,
    }
}
