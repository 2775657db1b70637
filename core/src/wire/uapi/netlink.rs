//! `linux/netlink.h`: message and attribute headers, flags, control messages, socket options.

/// `NLMSG_HDRLEN`: bytes of `struct nlmsghdr`.
pub const NLMSG_HDRLEN: usize = 16;
/// `NLA_HDRLEN`: bytes of `struct nlattr`.
pub const NLA_HDRLEN: usize = 4;
/// `NLA_ALIGNTO`: messages and attributes start at multiples of it.
pub const NLA_ALIGNTO: usize = 4;
/// `NLA_F_NESTED`: flag in an attribute's type: it holds attributes.
pub const NLA_F_NESTED: u16 = 0x8000;
/// `NLA_F_NET_BYTEORDER`: flag in an attribute's type: the value is big endian (ipset asks for it).
pub const NLA_F_NET_BYTEORDER: u16 = 0x4000;

/// `NETLINK_NETFILTER`: the protocol of the socket.
pub const NETLINK_NETFILTER: i32 = 12;
/// `NETLINK_ADD_MEMBERSHIP`: socket option: join a multicast group.
pub const NETLINK_ADD_MEMBERSHIP: i32 = 1;
/// `NETLINK_CAP_ACK`: socket option: error answers do not repeat the request.
pub const NETLINK_CAP_ACK: i32 = 10;
/// `NETLINK_EXT_ACK`: socket option: error answers carry `NLMSGERR_ATTR_*`.
pub const NETLINK_EXT_ACK: i32 = 11;

/// `NLM_F_REQUEST`: it is a request; the kernel ignores messages without.
pub const NLM_F_REQUEST: u16 = 0x1;
/// `NLM_F_MULTI`: one of several messages, ended by `NLMSG_DONE`.
pub const NLM_F_MULTI: u16 = 0x2;
/// `NLM_F_ACK`: answer success too.
pub const NLM_F_ACK: u16 = 0x4;
/// `NLM_F_DUMP_INTR`: the ruleset changed during the dump: ask again.
pub const NLM_F_DUMP_INTR: u16 = 0x10;
/// `NLM_F_DUMP`: answer with the whole list (`NLM_F_ROOT | NLM_F_MATCH`).
pub const NLM_F_DUMP: u16 = 0x300;
/// `NLM_F_EXCL`: fail with EEXIST if it exists.
pub const NLM_F_EXCL: u16 = 0x200;
/// `NLM_F_CREATE`: create it if it does not exist.
pub const NLM_F_CREATE: u16 = 0x400;
/// `NLM_F_APPEND`: put it at the end of the list.
pub const NLM_F_APPEND: u16 = 0x800;
/// `NLM_F_CAPPED`: in an error answer: only the header of the request is repeated.
pub const NLM_F_CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS`: in an error answer: attributes follow.
pub const NLM_F_ACK_TLVS: u16 = 0x200;

/// `NLMSG_NOOP`: to be skipped.
pub const NLMSG_NOOP: u16 = 1;
/// `NLMSG_ERROR`: `struct nlmsgerr`: an error, or an ack if the number is 0.
pub const NLMSG_ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of a dump.
pub const NLMSG_DONE: u16 = 3;
/// `NLMSG_OVERRUN`: data lost (not sent by today's kernels).
pub const NLMSG_OVERRUN: u16 = 4;
/// `NLMSG_MIN_TYPE`: types below are control messages.
pub const NLMSG_MIN_TYPE: u16 = 0x10;

/// `NLMSGERR_ATTR_MSG`: the kernel's own text, NUL-terminated.
pub const NLMSGERR_ATTR_MSG: u16 = 1;
/// `NLMSGERR_ATTR_OFFS`: u32, host order: offset of the bad attribute from the request's `nlmsghdr`.
pub const NLMSGERR_ATTR_OFFS: u16 = 2;

#[cfg(test)]
mod tests {
    use linux_raw_sys::netlink as theirs;

    #[test]
    fn agrees_with_linux_raw_sys() {
        macro_rules! same {
            ($($name:ident)*) => {
                $(assert_eq!(i64::try_from(super::$name), Ok(i64::from(theirs::$name)), stringify!($name));)*
            };
        }
        same!(
            NLA_ALIGNTO NLA_F_NESTED NLA_F_NET_BYTEORDER NETLINK_NETFILTER NETLINK_ADD_MEMBERSHIP
            NETLINK_CAP_ACK NETLINK_EXT_ACK NLM_F_REQUEST NLM_F_MULTI NLM_F_ACK NLM_F_DUMP_INTR
            NLM_F_DUMP NLM_F_EXCL NLM_F_CREATE NLM_F_APPEND NLM_F_CAPPED NLM_F_ACK_TLVS NLMSG_NOOP
            NLMSG_ERROR NLMSG_DONE NLMSG_OVERRUN NLMSG_MIN_TYPE
        );
    }
}
