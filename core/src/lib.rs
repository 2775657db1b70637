//! The decisions and the bytes of edgeban: what a log line means, who is banned and until when, and what the kernel is
//! told. No allocator, no unsafe code, no system call, no clock, no randomness: time and keys come in as arguments,
//! bytes go in and come out through the caller's buffers, so all of it runs in a test under a simulated clock.
//!
//! The way of a line: [`source`] frames it and splits its header, [`detect`] reads the failed attempt out of it,
//! [`engine`] counts and decides, [`ban`] holds the state of each ban, [`firewall`] writes the netlink batch that
//! [`wire`] encodes and judges the kernel's answers.
//!
//! Not here: reading files, sockets and clocks (`edgeban-linux`, `edgeban`).

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod addr;
pub mod ban;
pub mod config;
pub mod control;
pub mod count;
pub mod detect;
pub mod engine;
pub mod event;
pub mod evidence;
pub mod firewall;
pub mod limits;
pub mod own;
pub mod persist;
pub mod replay;
pub mod source;
pub mod table;
pub mod time;
pub mod web;
pub mod wire;
