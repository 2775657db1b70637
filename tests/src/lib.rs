//! Shared pieces of the tests.

pub mod fake_kernel;
pub mod hex;
pub mod lab;
pub mod netlink;
pub mod ssh;
