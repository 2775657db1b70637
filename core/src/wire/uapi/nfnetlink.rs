//! `linux/netfilter/nfnetlink.h`: the netfilter header, subsystems and batches.

/// `NFGEN_HDRLEN`: bytes of `struct nfgenmsg`.
pub const NFGEN_HDRLEN: usize = 4;
/// `NFNETLINK_V0`: the only version.
pub const NFNETLINK_V0: u8 = 0;
/// `NFNL_SUBSYS_CTNETLINK`: connection tracking, the high byte of its messages' types.
pub const NFNL_SUBSYS_CTNETLINK: u16 = 1;
/// `NFNL_SUBSYS_NFTABLES`: nf_tables, the high byte of its messages' types.
pub const NFNL_SUBSYS_NFTABLES: u16 = 10;
/// `NFNL_SUBSYS_IPSET`: ipset, the high byte of its messages' types.
pub const NFNL_SUBSYS_IPSET: u16 = 6;

/// `NFNL_MSG_BATCH_BEGIN`: opens a batch.
pub const NFNL_MSG_BATCH_BEGIN: u16 = 0x10;
/// `NFNL_MSG_BATCH_END`: commits a batch.
pub const NFNL_MSG_BATCH_END: u16 = 0x11;
/// `NFNL_BATCH_GENID`: be32: the generation that the batch was made for.
pub const NFNL_BATCH_GENID: u16 = 1;
/// `NFNLGRP_NFTABLES`: multicast group: changes of the ruleset.
pub const NFNLGRP_NFTABLES: u32 = 7;
