//! `linux/netfilter/nf_tables.h`: messages, attributes and values of nf_tables. Numbers are big endian on the wire.

/// `NFT_MSG_NEWTABLE`: message 0 of the subsystem.
pub const NFT_MSG_NEWTABLE: u8 = 0;
/// `NFT_MSG_GETTABLE`: message 1 of the subsystem.
pub const NFT_MSG_GETTABLE: u8 = 1;
/// `NFT_MSG_DELTABLE`: message 2 of the subsystem.
pub const NFT_MSG_DELTABLE: u8 = 2;
/// `NFT_MSG_NEWCHAIN`: message 3 of the subsystem.
pub const NFT_MSG_NEWCHAIN: u8 = 3;
/// `NFT_MSG_GETCHAIN`: message 4 of the subsystem.
pub const NFT_MSG_GETCHAIN: u8 = 4;
/// `NFT_MSG_DELCHAIN`: message 5 of the subsystem.
pub const NFT_MSG_DELCHAIN: u8 = 5;
/// `NFT_MSG_NEWRULE`: message 6 of the subsystem.
pub const NFT_MSG_NEWRULE: u8 = 6;
/// `NFT_MSG_GETRULE`: message 7 of the subsystem.
pub const NFT_MSG_GETRULE: u8 = 7;
/// `NFT_MSG_DELRULE`: message 8 of the subsystem.
pub const NFT_MSG_DELRULE: u8 = 8;
/// `NFT_MSG_NEWSET`: message 9 of the subsystem.
pub const NFT_MSG_NEWSET: u8 = 9;
/// `NFT_MSG_GETSET`: message 10 of the subsystem.
pub const NFT_MSG_GETSET: u8 = 10;
/// `NFT_MSG_DELSET`: message 11 of the subsystem.
pub const NFT_MSG_DELSET: u8 = 11;
/// `NFT_MSG_NEWSETELEM`: message 12 of the subsystem.
pub const NFT_MSG_NEWSETELEM: u8 = 12;
/// `NFT_MSG_GETSETELEM`: message 13 of the subsystem.
pub const NFT_MSG_GETSETELEM: u8 = 13;
/// `NFT_MSG_DELSETELEM`: message 14 of the subsystem.
pub const NFT_MSG_DELSETELEM: u8 = 14;
/// `NFT_MSG_NEWGEN`: message 15 of the subsystem.
pub const NFT_MSG_NEWGEN: u8 = 15;
/// `NFT_MSG_GETGEN`: message 16 of the subsystem.
pub const NFT_MSG_GETGEN: u8 = 16;

/// `NFT_NAME_MAXLEN`: bytes of a name, its NUL included.
pub const NFT_NAME_MAXLEN: usize = 256;
/// `NFT_USERDATA_MAXLEN`: bytes of user data.
pub const NFT_USERDATA_MAXLEN: usize = 256;

/// `NFTA_LIST_ELEM`: one entry of a list.
pub const NFTA_LIST_ELEM: u16 = 1;

/// `NFTA_TABLE_NAME`: text.
pub const NFTA_TABLE_NAME: u16 = 1;
/// `NFTA_TABLE_FLAGS`: be32, `NFT_TABLE_F_*`.
pub const NFTA_TABLE_FLAGS: u16 = 2;

/// `NFT_TABLE_F_OWNER`: only the socket that made the table may change it. Linux 5.12.
pub const NFT_TABLE_F_OWNER: u32 = 2;
/// `NFT_TABLE_F_PERSIST`: the table outlives its owner's socket, without an owner. Linux 6.9.
pub const NFT_TABLE_F_PERSIST: u32 = 4;

/// `NFTA_CHAIN_TABLE`: text.
pub const NFTA_CHAIN_TABLE: u16 = 1;
/// `NFTA_CHAIN_NAME`: text.
pub const NFTA_CHAIN_NAME: u16 = 3;
/// `NFTA_CHAIN_HOOK`: nest of `NFTA_HOOK_*`: makes it a base chain.
pub const NFTA_CHAIN_HOOK: u16 = 4;
/// `NFTA_CHAIN_POLICY`: be32, a verdict.
pub const NFTA_CHAIN_POLICY: u16 = 5;
/// `NFTA_CHAIN_TYPE`: text, `filter`.
pub const NFTA_CHAIN_TYPE: u16 = 7;

/// `NFTA_HOOK_HOOKNUM`: be32, `NF_INET_*`.
pub const NFTA_HOOK_HOOKNUM: u16 = 1;
/// `NFTA_HOOK_PRIORITY`: be32, signed.
pub const NFTA_HOOK_PRIORITY: u16 = 2;

/// `NFTA_HOOK_DEV`: text: the one device of an ingress hook.
pub const NFTA_HOOK_DEV: u16 = 3;
/// `NFTA_HOOK_DEVS`: nest of `NFTA_DEVICE_NAME`: the devices of an ingress hook.
pub const NFTA_HOOK_DEVS: u16 = 4;
/// `NFTA_DEVICE_NAME`: text.
pub const NFTA_DEVICE_NAME: u16 = 1;

/// `NFTA_RULE_TABLE`: text.
pub const NFTA_RULE_TABLE: u16 = 1;
/// `NFTA_RULE_CHAIN`: text.
pub const NFTA_RULE_CHAIN: u16 = 2;
/// `NFTA_RULE_EXPRESSIONS`: list of `NFTA_EXPR_*`.
pub const NFTA_RULE_EXPRESSIONS: u16 = 4;

/// `NFTA_EXPR_NAME`: text.
pub const NFTA_EXPR_NAME: u16 = 1;
/// `NFTA_EXPR_DATA`: nest, its attributes depend on the name.
pub const NFTA_EXPR_DATA: u16 = 2;

/// `NFTA_SET_TABLE`: text.
pub const NFTA_SET_TABLE: u16 = 1;
/// `NFTA_SET_NAME`: text.
pub const NFTA_SET_NAME: u16 = 2;
/// `NFTA_SET_FLAGS`: be32, `NFT_SET_*`.
pub const NFTA_SET_FLAGS: u16 = 3;
/// `NFTA_SET_KEY_TYPE`: be32: a number between `nft` and itself, the kernel only keeps it.
pub const NFTA_SET_KEY_TYPE: u16 = 4;
/// `NFTA_SET_KEY_LEN`: be32, bytes.
pub const NFTA_SET_KEY_LEN: u16 = 5;
/// `NFTA_SET_DESC`: nest of `NFTA_SET_DESC_*`.
pub const NFTA_SET_DESC: u16 = 9;
/// `NFTA_SET_ID`: be32: names the set inside the batch.
pub const NFTA_SET_ID: u16 = 10;
/// `NFTA_SET_TIMEOUT`: be64 ms: of elements that bring none.
pub const NFTA_SET_TIMEOUT: u16 = 11;
/// `NFTA_SET_GC_INTERVAL`: be32 ms.
pub const NFTA_SET_GC_INTERVAL: u16 = 12;
/// `NFTA_SET_USERDATA`: bytes of `nft`, the kernel only keeps them.
pub const NFTA_SET_USERDATA: u16 = 13;

/// `NFTA_SET_EXPR`: nest of `NFTA_EXPR_*`: what each element carries, as a counter.
pub const NFTA_SET_EXPR: u16 = 17;

/// `NFTA_SET_DESC_SIZE`: be32: most elements.
pub const NFTA_SET_DESC_SIZE: u16 = 1;

/// `NFT_SET_INTERVAL`: the elements are starts and ends of ranges.
pub const NFT_SET_INTERVAL: u32 = 4;
/// `NFT_SET_TIMEOUT`: the elements may have timeouts.
pub const NFT_SET_TIMEOUT: u32 = 0x10;

/// `NFTA_SET_ELEM_LIST_TABLE`: text.
pub const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
/// `NFTA_SET_ELEM_LIST_SET`: text.
pub const NFTA_SET_ELEM_LIST_SET: u16 = 2;
/// `NFTA_SET_ELEM_LIST_ELEMENTS`: list of `NFTA_SET_ELEM_*`.
pub const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;

/// `NFTA_SET_ELEM_KEY`: nest of `NFTA_DATA_*`.
pub const NFTA_SET_ELEM_KEY: u16 = 1;
/// `NFTA_SET_ELEM_FLAGS`: be32, `NFT_SET_ELEM_*`.
pub const NFTA_SET_ELEM_FLAGS: u16 = 3;
/// `NFTA_SET_ELEM_TIMEOUT`: be64 ms.
pub const NFTA_SET_ELEM_TIMEOUT: u16 = 4;
/// `NFTA_SET_ELEM_EXPIRATION`: be64 ms: what is left of the timeout.
pub const NFTA_SET_ELEM_EXPIRATION: u16 = 5;

/// `NFTA_SET_ELEM_EXPR`: nest of `NFTA_EXPR_*`: what the element carries.
pub const NFTA_SET_ELEM_EXPR: u16 = 7;

/// `NFT_SET_ELEM_INTERVAL_END`: the key is the first behind a range.
pub const NFT_SET_ELEM_INTERVAL_END: u32 = 1;
/// `NFT_SET_ELEM_CATCHALL`: the element without a key.
pub const NFT_SET_ELEM_CATCHALL: u32 = 2;

/// `NFTA_DATA_VALUE`: bytes.
pub const NFTA_DATA_VALUE: u16 = 1;
/// `NFTA_DATA_VERDICT`: nest of `NFTA_VERDICT_*`.
pub const NFTA_DATA_VERDICT: u16 = 2;

/// `NFTA_VERDICT_CODE`: be32.
pub const NFTA_VERDICT_CODE: u16 = 1;

/// `NFTA_META_DREG`: be32, register.
pub const NFTA_META_DREG: u16 = 1;
/// `NFTA_META_KEY`: be32, `NFT_META_*`.
pub const NFTA_META_KEY: u16 = 2;

/// `NFT_META_NFPROTO`: the packet's protocol, one byte.
pub const NFT_META_NFPROTO: u32 = 15;

/// `NFTA_CMP_SREG`: be32, register.
pub const NFTA_CMP_SREG: u16 = 1;
/// `NFTA_CMP_OP`: be32, `NFT_CMP_*`.
pub const NFTA_CMP_OP: u16 = 2;
/// `NFTA_CMP_DATA`: nest of `NFTA_DATA_*`.
pub const NFTA_CMP_DATA: u16 = 3;

/// `NFT_CMP_EQ`: equal.
pub const NFT_CMP_EQ: u32 = 0;

/// `NFTA_PAYLOAD_DREG`: be32, register.
pub const NFTA_PAYLOAD_DREG: u16 = 1;
/// `NFTA_PAYLOAD_BASE`: be32, `NFT_PAYLOAD_*`.
pub const NFTA_PAYLOAD_BASE: u16 = 2;
/// `NFTA_PAYLOAD_OFFSET`: be32, bytes.
pub const NFTA_PAYLOAD_OFFSET: u16 = 3;
/// `NFTA_PAYLOAD_LEN`: be32, bytes.
pub const NFTA_PAYLOAD_LEN: u16 = 4;

/// `NFT_PAYLOAD_NETWORK_HEADER`: offsets count from the IP header.
pub const NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;

/// `NFTA_LOOKUP_SET`: text.
pub const NFTA_LOOKUP_SET: u16 = 1;
/// `NFTA_LOOKUP_SREG`: be32, register.
pub const NFTA_LOOKUP_SREG: u16 = 2;
/// `NFTA_LOOKUP_SET_ID`: be32: `NFTA_SET_ID` of a set of the same batch.
pub const NFTA_LOOKUP_SET_ID: u16 = 4;

/// `NFTA_IMMEDIATE_DREG`: be32, register.
pub const NFTA_IMMEDIATE_DREG: u16 = 1;
/// `NFTA_IMMEDIATE_DATA`: nest of `NFTA_DATA_*`.
pub const NFTA_IMMEDIATE_DATA: u16 = 2;

/// `NFT_REG_VERDICT`: register: the verdict.
pub const NFT_REG_VERDICT: u32 = 0;
/// `NFT_REG_1`: register: the first of 16 bytes.
pub const NFT_REG_1: u32 = 1;

/// `NFTA_BITWISE_SREG`: be32, register.
pub const NFTA_BITWISE_SREG: u16 = 1;
/// `NFTA_BITWISE_DREG`: be32, register.
pub const NFTA_BITWISE_DREG: u16 = 2;
/// `NFTA_BITWISE_LEN`: be32, bytes.
pub const NFTA_BITWISE_LEN: u16 = 3;
/// `NFTA_BITWISE_MASK`: nest of `NFTA_DATA_*`.
pub const NFTA_BITWISE_MASK: u16 = 4;
/// `NFTA_BITWISE_XOR`: nest of `NFTA_DATA_*`.
pub const NFTA_BITWISE_XOR: u16 = 5;

/// `NFTA_REJECT_TYPE`: be32, `NFT_REJECT_*`.
pub const NFTA_REJECT_TYPE: u16 = 1;
/// `NFTA_REJECT_ICMP_CODE`: u8.
pub const NFTA_REJECT_ICMP_CODE: u16 = 2;
/// `NFT_REJECT_ICMPX_UNREACH`: an ICMP or ICMPv6 error, as fits the packet.
pub const NFT_REJECT_ICMPX_UNREACH: u32 = 2;
/// `NFT_REJECT_ICMPX_PORT_UNREACH`: what `nft` means by `reject` alone.
pub const NFT_REJECT_ICMPX_PORT_UNREACH: u8 = 1;

/// `NFTA_COUNTER_BYTES`: be64.
pub const NFTA_COUNTER_BYTES: u16 = 1;
/// `NFTA_COUNTER_PACKETS`: be64.
pub const NFTA_COUNTER_PACKETS: u16 = 2;

/// `NFTA_GEN_ID`: be32.
pub const NFTA_GEN_ID: u16 = 1;
/// `NFTA_GEN_PROC_PID`: be32: who made the change.
pub const NFTA_GEN_PROC_PID: u16 = 2;
/// `NFTA_GEN_PROC_NAME`: text: its name, 15 bytes at most.
pub const NFTA_GEN_PROC_NAME: u16 = 3;
