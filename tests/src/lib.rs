//! Shared pieces of the tests.

pub mod fake_ipset;
pub mod fake_kernel;
pub mod hex;
pub mod netlink;
