//! The numbers of `core::wire::uapi` against the kernel's headers, by a C program that prints what they say.

use edgeban_core::addr::Family;
use edgeban_core::wire::uapi::{
    errno, ip_set, netfilter, netlink, nf_tables, nfnetlink, nfnetlink_conntrack, rtnetlink, sock_diag, x_tables,
    xt_set,
};
use edgeban_core::wire::xt::rule::Rule;
use edgeban_core::wire::xt::set::SetMatch;
use edgeban_core::wire::xt::{self, request};
use std::fmt::Write as _;
use std::process::Command;

/// Every `pub const NAME` of a file with its value as text: read from the source, so that none is forgotten.
fn names(source: &str) -> Vec<&str> {
    source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub const "))
        .filter_map(|rest| rest.split_once(':').map(|(name, _)| name))
        .filter(|name| !name.starts_with("fn ") && !name.starts_with('$'))
        .collect()
}

macro_rules! values {
    ($module:ident: $($name:ident)*) => {
        vec![$((stringify!($name), i64::try_from($module::$name).unwrap())),*]
    };
}

#[test]
fn the_constants_are_those_of_the_headers() {
    let directory = env!("CARGO_TARGET_TMPDIR");
    let all = [
        (include_str!("../../core/src/wire/uapi/netlink.rs"), netlink_values()),
        (include_str!("../../core/src/wire/uapi/nfnetlink.rs"), nfnetlink_values()),
        (include_str!("../../core/src/wire/uapi/nfnetlink_conntrack.rs"), nfnetlink_conntrack_values()),
        (include_str!("../../core/src/wire/uapi/sock_diag.rs"), sock_diag_values()),
        (include_str!("../../core/src/wire/uapi/netfilter.rs"), netfilter_values()),
        (include_str!("../../core/src/wire/uapi/nf_tables.rs"), nf_tables_values()),
        (include_str!("../../core/src/wire/uapi/rtnetlink.rs"), rtnetlink_values()),
        (include_str!("../../core/src/wire/uapi/x_tables.rs"), x_tables_values()),
        (include_str!("../../core/src/wire/uapi/xt_set.rs"), xt_set_values()),
        (include_str!("../../core/src/wire/uapi/ip_set.rs"), ip_set_values()),
    ];
    let mut ours: Vec<(&str, i64)> = Vec::new();
    for (source, values) in all {
        assert_eq!(
            names(source),
            values.iter().map(|&(name, _)| name).collect::<Vec<_>>(),
            "a constant is not listed here"
        );
        ours.extend(values);
    }
    ours.extend(errno_values());
    ours.extend(xt_layouts());
    let mut program = String::from(
        "#include <errno.h>\n#include <stdio.h>\n#include <linux/netlink.h>\n#include <linux/netfilter.h>\n\
         #include <limits.h>\n#include <stddef.h>\n#include <linux/netfilter_ipv4/ip_tables.h>\n\
         #include <linux/netfilter_ipv6/ip6_tables.h>\n#include <linux/netfilter/xt_set.h>\n\
         #include <linux/netfilter_ipv4.h>\n#include <linux/netfilter/nfnetlink.h>\n\
         #include <linux/netfilter/nfnetlink_conntrack.h>\n#include <linux/sock_diag.h>\n#include <linux/inet_diag.h>\n\
         #include <netinet/tcp.h>\n#include <sys/socket.h>\n\
         #include <linux/netfilter/nf_tables.h>\n#include <linux/netfilter/ipset/ip_set.h>\n#include <linux/netfilter/ipset/ip_set_hash.h>\n\
         #include <sys/socket.h>\n#include <linux/rtnetlink.h>\n#include <linux/if.h>\n\
         #define INET_DIAG_SOCKID_LEN sizeof(struct inet_diag_sockid)\n\
         #define IFADDRMSG_LEN sizeof(struct ifaddrmsg)\n#define RTMSG_LEN sizeof(struct rtmsg)\n\
         #define IFINFOMSG_LEN sizeof(struct ifinfomsg)\n#define RTNEXTHOP_LEN sizeof(struct rtnexthop)\n#ifndef ERESTART\n#include <asm/errno.h>\n#endif\n\
         #define NFGEN_HDRLEN sizeof(struct nfgenmsg)\n#ifndef NFT_TABLE_F_PERSIST\n#define NFT_TABLE_F_PERSIST 4\n#endif\n\
         #ifndef NFT_SET_ELEM_CATCHALL\n\
         #define NFT_SET_ELEM_CATCHALL 2\n#endif\nint main(void) {\n",
    );
    for (name, _) in &ours {
        let _ = writeln!(program, "printf(\"{name} %lld\\n\", (long long)({name}));");
    }
    program.push_str("return 0; }\n");
    let (source, binary) = (format!("{directory}/uapi.c"), format!("{directory}/uapi"));
    std::fs::write(&source, program).unwrap();
    let status = Command::new("cc").args(["-Wall", "-o", &binary, &source]).status();
    assert!(status.is_ok_and(|status| status.success()), "this test needs cc and the Linux headers");
    let output = Command::new(&binary).output().unwrap();
    let theirs = String::from_utf8(output.stdout).unwrap();
    let ours: String = ours.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(ours, theirs, "edgeban's value, and the header's");
    }
    assert_eq!(ours.lines().count(), theirs.lines().count());
}

fn netlink_values() -> Vec<(&'static str, i64)> {
    values!(netlink: NLMSG_HDRLEN NLA_HDRLEN NLA_ALIGNTO NLA_F_NESTED NLA_F_NET_BYTEORDER NETLINK_NETFILTER
        NETLINK_ADD_MEMBERSHIP NETLINK_CAP_ACK NETLINK_EXT_ACK NLM_F_REQUEST NLM_F_MULTI NLM_F_ACK NLM_F_DUMP_INTR
        NLM_F_DUMP NLM_F_EXCL NLM_F_CREATE NLM_F_APPEND NLM_F_CAPPED NLM_F_ACK_TLVS NLMSG_NOOP NLMSG_ERROR
        NLMSG_DONE NLMSG_OVERRUN NLMSG_MIN_TYPE NLMSGERR_ATTR_MSG NLMSGERR_ATTR_OFFS)
}

fn nfnetlink_values() -> Vec<(&'static str, i64)> {
    values!(nfnetlink: NFGEN_HDRLEN NFNETLINK_V0 NFNL_SUBSYS_CTNETLINK NFNL_SUBSYS_NFTABLES NFNL_SUBSYS_IPSET NFNL_MSG_BATCH_BEGIN
        NFNL_MSG_BATCH_END NFNL_BATCH_GENID NFNLGRP_NFTABLES)
}

fn nfnetlink_conntrack_values() -> Vec<(&'static str, i64)> {
    values!(nfnetlink_conntrack: IPCTNL_MSG_CT_NEW IPCTNL_MSG_CT_GET IPCTNL_MSG_CT_DELETE CTA_TUPLE_ORIG
        CTA_TUPLE_REPLY CTA_ID CTA_ZONE CTA_TUPLE_IP CTA_TUPLE_PROTO CTA_IP_V4_SRC CTA_IP_V6_SRC)
}

fn sock_diag_values() -> Vec<(&'static str, i64)> {
    values!(sock_diag: SOCK_DIAG_BY_FAMILY SOCK_DESTROY INET_DIAG_SOCKID_LEN IPPROTO_TCP AF_INET AF_INET6
        TCP_ESTABLISHED TCP_SYN_SENT TCP_SYN_RECV TCP_FIN_WAIT1 TCP_FIN_WAIT2 TCP_CLOSE_WAIT TCP_LAST_ACK TCP_CLOSING)
}

fn netfilter_values() -> Vec<(&'static str, i64)> {
    values!(netfilter: NFPROTO_UNSPEC NFPROTO_INET NFPROTO_IPV4 NFPROTO_IPV6 NF_INET_PRE_ROUTING
        NF_INET_LOCAL_IN NF_INET_FORWARD NF_INET_LOCAL_OUT NF_INET_POST_ROUTING NF_INET_INGRESS NF_IP_PRI_RAW
        NF_IP_PRI_MANGLE NF_IP_PRI_FILTER NF_DROP NF_ACCEPT)
}

fn nf_tables_values() -> Vec<(&'static str, i64)> {
    values!(nf_tables: NFT_MSG_NEWTABLE NFT_MSG_GETTABLE NFT_MSG_DELTABLE NFT_MSG_NEWCHAIN NFT_MSG_GETCHAIN
        NFT_MSG_DELCHAIN NFT_MSG_NEWRULE NFT_MSG_GETRULE NFT_MSG_DELRULE NFT_MSG_NEWSET NFT_MSG_GETSET
        NFT_MSG_DELSET NFT_MSG_NEWSETELEM NFT_MSG_GETSETELEM NFT_MSG_DELSETELEM NFT_MSG_NEWGEN NFT_MSG_GETGEN
        NFT_NAME_MAXLEN NFT_USERDATA_MAXLEN NFTA_LIST_ELEM NFTA_TABLE_NAME NFTA_TABLE_FLAGS NFT_TABLE_F_OWNER
        NFT_TABLE_F_PERSIST NFTA_CHAIN_TABLE NFTA_CHAIN_NAME NFTA_CHAIN_HOOK NFTA_CHAIN_POLICY NFTA_CHAIN_TYPE
        NFTA_HOOK_HOOKNUM NFTA_HOOK_PRIORITY NFTA_HOOK_DEV NFTA_HOOK_DEVS NFTA_DEVICE_NAME NFTA_RULE_TABLE
        NFTA_RULE_CHAIN NFTA_RULE_EXPRESSIONS NFTA_EXPR_NAME NFTA_EXPR_DATA NFTA_SET_TABLE NFTA_SET_NAME
        NFTA_SET_FLAGS NFTA_SET_KEY_TYPE NFTA_SET_KEY_LEN NFTA_SET_DESC NFTA_SET_ID NFTA_SET_TIMEOUT
        NFTA_SET_GC_INTERVAL NFTA_SET_USERDATA NFTA_SET_EXPR NFTA_SET_DESC_SIZE NFT_SET_INTERVAL NFT_SET_TIMEOUT
        NFTA_SET_ELEM_LIST_TABLE NFTA_SET_ELEM_LIST_SET NFTA_SET_ELEM_LIST_ELEMENTS NFTA_SET_ELEM_KEY
        NFTA_SET_ELEM_FLAGS NFTA_SET_ELEM_TIMEOUT NFTA_SET_ELEM_EXPIRATION NFTA_SET_ELEM_EXPR NFT_SET_ELEM_INTERVAL_END NFT_SET_ELEM_CATCHALL
        NFTA_DATA_VALUE NFTA_DATA_VERDICT NFTA_VERDICT_CODE NFTA_META_DREG NFTA_META_KEY NFT_META_NFPROTO
        NFTA_CMP_SREG NFTA_CMP_OP NFTA_CMP_DATA NFT_CMP_EQ NFTA_PAYLOAD_DREG NFTA_PAYLOAD_BASE NFTA_PAYLOAD_OFFSET
        NFTA_PAYLOAD_LEN NFT_PAYLOAD_NETWORK_HEADER NFTA_LOOKUP_SET NFTA_LOOKUP_SREG NFTA_LOOKUP_SET_ID
        NFTA_IMMEDIATE_DREG NFTA_IMMEDIATE_DATA NFT_REG_VERDICT NFT_REG_1 NFTA_BITWISE_SREG NFTA_BITWISE_DREG
        NFTA_BITWISE_LEN NFTA_BITWISE_MASK NFTA_BITWISE_XOR NFTA_REJECT_TYPE NFTA_REJECT_ICMP_CODE
        NFT_REJECT_ICMPX_UNREACH NFT_REJECT_ICMPX_PORT_UNREACH NFTA_COUNTER_BYTES NFTA_COUNTER_PACKETS NFTA_GEN_ID
        NFTA_GEN_PROC_PID NFTA_GEN_PROC_NAME)
}

fn rtnetlink_values() -> Vec<(&'static str, i64)> {
    values!(rtnetlink: AF_INET AF_INET6 RTM_NEWLINK RTM_GETLINK RTM_NEWADDR RTM_DELADDR RTM_GETADDR RTM_NEWROUTE RTM_DELROUTE RTM_GETROUTE
        RTNLGRP_LINK RTNLGRP_IPV4_IFADDR RTNLGRP_IPV4_ROUTE RTNLGRP_IPV6_IFADDR RTNLGRP_IPV6_ROUTE IFINFOMSG_LEN
        IFLA_IFNAME IFF_UP IFADDRMSG_LEN IFA_ADDRESS
        IFA_LOCAL RTMSG_LEN RTNEXTHOP_LEN RTN_UNICAST RTM_F_CLONED RTA_GATEWAY RTA_MULTIPATH RTA_VIA)
}

fn x_tables_values() -> Vec<(&'static str, i64)> {
    values!(x_tables: XT_TABLE_MAXNAMELEN XT_EXTENSION_MAXNAMELEN XT_FUNCTION_MAXNAMELEN NF_INET_NUMHOOKS XT_RETURN
        IPT_SO_SET_REPLACE IPT_SO_SET_ADD_COUNTERS IPT_SO_GET_INFO IPT_SO_GET_ENTRIES IPT_SO_GET_REVISION_MATCH
        IP6T_SO_GET_REVISION_MATCH)
}

fn xt_set_values() -> Vec<(&'static str, i64)> {
    values!(xt_set: SO_IP_SET IP_SET_OP_VERSION IP_SET_OP_GET_BYNAME IPSET_INVALID_ID
        IPSET_DIM_ONE_SRC)
}

/// Sizes and offsets of `core::wire::xt`, each with what C says of it.
fn xt_layouts() -> Vec<(&'static str, i64)> {
    let all = [
        ("XT_ALIGN(1)", xt::ALIGN),
        ("XT_ALIGN(41)", xt::align(41)),
        ("sizeof(struct xt_counters)", xt::COUNTERS_LEN),
        ("sizeof(struct ipt_entry)", xt::entry_len(Family::V4)),
        ("sizeof(struct ip6t_entry)", xt::entry_len(Family::V6)),
        ("sizeof(struct ipt_getinfo)", request::INFO_LEN),
        ("sizeof(struct ip6t_getinfo)", request::INFO_LEN),
        ("offsetof(struct ipt_get_entries, entrytable)", request::ENTRIES_OFFSET),
        ("offsetof(struct ip6t_get_entries, entrytable)", request::ENTRIES_OFFSET),
        ("offsetof(struct ipt_replace, entries)", request::REPLACE_LEN),
        ("offsetof(struct ip6t_replace, entries)", request::REPLACE_LEN),
        ("offsetof(struct xt_counters_info, counters)", request::COUNTERS_OFFSET),
        ("sizeof(struct xt_get_revision)", request::REVISION_LEN),
        ("sizeof(struct ip_set_req_version)", request::SetVersion::LEN),
        ("sizeof(struct ip_set_req_get_set)", request::SetByName::LEN),
        ("XT_ALIGN(sizeof(struct ipt_entry) + sizeof(struct xt_standard_target))", Rule::Return.buffer_len(Family::V4)),
        ("sizeof(struct ip6t_standard)", Rule::Return.buffer_len(Family::V6)),
        ("XT_ALIGN(sizeof(struct ipt_entry) + sizeof(struct xt_error_target))", Rule::Head("x").buffer_len(Family::V4)),
        ("sizeof(struct ip6t_error)", Rule::Head("x").buffer_len(Family::V6)),
        ("XT_ALIGN(sizeof(struct xt_entry_match) + sizeof(struct xt_set_info_match_v1))", set_len(1)),
        ("XT_ALIGN(sizeof(struct xt_entry_match) + sizeof(struct xt_set_info_match_v3))", set_len(3)),
        ("XT_ALIGN(sizeof(struct xt_entry_match) + sizeof(struct xt_set_info_match_v4))", set_len(4)),
    ];
    all.map(|(expression, ours)| (expression, i64::try_from(ours).unwrap())).to_vec()
}

fn set_len(revision: u8) -> usize {
    SetMatch { index: 0, revision }.buffer_len()
}

fn ip_set_values() -> Vec<(&'static str, i64)> {
    values!(ip_set: IPSET_PROTOCOL IPSET_PROTOCOL_MIN IPSET_MAXNAMELEN IPSET_CMD_PROTOCOL IPSET_CMD_CREATE IPSET_CMD_DESTROY
        IPSET_CMD_FLUSH IPSET_CMD_LIST IPSET_CMD_ADD IPSET_CMD_DEL IPSET_CMD_HEADER IPSET_CMD_TYPE
        IPSET_CMD_GET_BYNAME IPSET_ATTR_PROTOCOL IPSET_ATTR_SETNAME IPSET_ATTR_TYPENAME IPSET_ATTR_REVISION
        IPSET_ATTR_FAMILY IPSET_ATTR_DATA IPSET_ATTR_ADT IPSET_ATTR_LINENO IPSET_ATTR_PROTOCOL_MIN
        IPSET_ATTR_REVISION_MIN IPSET_ATTR_INDEX IPSET_ATTR_IP IPSET_ATTR_CIDR IPSET_ATTR_TIMEOUT IPSET_ATTR_HASHSIZE
        IPSET_ATTR_MAXELEM IPSET_ATTR_ELEMENTS IPSET_ATTR_REFERENCES IPSET_ATTR_IPADDR_IPV4 IPSET_ATTR_IPADDR_IPV6)
}

fn errno_values() -> Vec<(&'static str, i64)> {
    values!(errno: EPERM ENOENT EINTR EAGAIN ENOMEM EACCES EBUSY EEXIST EINVAL ENFILE ENOSPC ERANGE ENAMETOOLONG ELOOP EOVERFLOW
        ERESTART EMSGSIZE EPROTONOSUPPORT EOPNOTSUPP EAFNOSUPPORT ENOBUFS ETIMEDOUT ESTALE IPSET_ERR_PROTOCOL
        IPSET_ERR_FIND_TYPE IPSET_ERR_MAX_SETS IPSET_ERR_BUSY IPSET_ERR_EXIST_SETNAME2 IPSET_ERR_TYPE_MISMATCH
        IPSET_ERR_EXIST IPSET_ERR_INVALID_CIDR IPSET_ERR_INVALID_NETMASK IPSET_ERR_INVALID_FAMILY IPSET_ERR_TIMEOUT
        IPSET_ERR_REFERENCED IPSET_ERR_IPADDR_IPV4 IPSET_ERR_IPADDR_IPV6 IPSET_ERR_HASH_FULL IPSET_ERR_HASH_ELEM)
}
