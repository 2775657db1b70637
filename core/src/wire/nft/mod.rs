//! The messages of nf_tables (`linux/netfilter/nf_tables.h`) that edgeban sends, one struct each: fill it in, `emit` it.
//!
//! All are about tables of the family `inet`. Inside a batch ([`super::nfnl::BatchBegin`] ... [`super::nfnl::BatchEnd`])
//! go the NEW and DEL messages, outside of it the GET ones. None sets `NLM_F_EXCL`: what exists already is no error.
//!
//! Names are bytes to the kernel; here they are text without NUL of at most 255 bytes, checked by whoever made them.

pub mod chain;
pub mod elem;
pub mod expr;
pub mod generation;
pub mod ranges;
pub mod rule;
pub mod scaffold;
pub mod set;
pub mod table;
