//! The kernel's numbers, one file per header. Each constant has its C name and its one home here; a test
//! compares all of them with the real headers (`tests/tests/uapi.rs`).

pub mod errno;
pub mod ip_set;
pub mod netfilter;
pub mod netlink;
pub mod nf_tables;
pub mod nfnetlink;
pub mod nfnetlink_conntrack;
pub mod rtnetlink;
pub mod sock_diag;
pub mod x_tables;
pub mod xt_set;
