//! Shared pieces of the tests.

pub mod browser;
pub mod bytes;
pub mod detect;
pub mod dialogue;
pub mod fake_ipset;
pub mod fake_kernel;
pub mod hex;
pub mod journald;
pub mod lab;
pub mod monitor;
pub mod netlink;
pub mod said;
pub mod services;
pub mod space;
pub mod ssh;
pub mod xtables;
