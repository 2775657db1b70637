//! `asm/errno.h`: error numbers, which differ between architectures (MIPS numbers those above 34 by itself). And
//! `linux/netfilter/ipset/ip_set.h` and `ip_set_hash.h`: ipset's own codes, above all of them.

/// Makes the constants with their MIPS value behind the one of `asm-generic/errno.h`, and the table of their names.
macro_rules! errno {
    ($($(#[$doc:meta])* $name:ident = $generic:literal | $mips:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: i32 = if MIPS { $mips } else { $generic };
        )*

        /// The C name of an error number, if it is one of those above.
        #[must_use]
        pub const fn name(errno: i32) -> Option<&'static str> {
            match errno {
                $($name => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

const MIPS: bool =
    cfg!(any(target_arch = "mips", target_arch = "mips32r6", target_arch = "mips64", target_arch = "mips64r6"));

errno! {
    /// Not permitted: no `CAP_NET_ADMIN`, or a table that another owns.
    EPERM = 1 | 1;
    /// No such table, chain, set or element.
    ENOENT = 2 | 2;
    /// Interrupted by a signal.
    EINTR = 4 | 4;
    /// Try again.
    EAGAIN = 11 | 11;
    /// The kernel is out of memory.
    ENOMEM = 12 | 12;
    /// Not allowed.
    EACCES = 13 | 13;
    /// In use.
    EBUSY = 16 | 16;
    /// It exists, and differs or was asked not to.
    EEXIST = 17 | 17;
    /// The kernel does not take the request.
    EINVAL = 22 | 22;
    /// A set is full.
    ENFILE = 23 | 23;
    /// No space.
    ENOSPC = 28 | 28;
    /// A number is out of range.
    ERANGE = 34 | 34;
    /// A name is too long.
    ENAMETOOLONG = 36 | 78;
    /// Too deep.
    ELOOP = 40 | 90;
    /// A number does not fit.
    EOVERFLOW = 75 | 79;
    /// The ruleset has another generation than the batch was made for.
    ERESTART = 85 | 91;
    /// The datagram is larger than the socket's send buffer.
    EMSGSIZE = 90 | 97;
    /// No such protocol: the kernel has no nf_tables.
    EPROTONOSUPPORT = 93 | 120;
    /// Not supported.
    EOPNOTSUPP = 95 | 122;
    /// No such address family.
    EAFNOSUPPORT = 97 | 124;
    /// Answers were lost: the receive buffer was full.
    ENOBUFS = 105 | 132;
    /// Took too long.
    ETIMEDOUT = 110 | 145;
    /// The socket is another one by now (sock_diag's cookie).
    ESTALE = 116 | 151;
    /// `IPSET_ERR_PROTOCOL`: another version of ipset's protocol.
    IPSET_ERR_PROTOCOL = 4097 | 4097;
    /// `IPSET_ERR_FIND_TYPE`: no such type of set.
    IPSET_ERR_FIND_TYPE = 4098 | 4098;
    /// `IPSET_ERR_MAX_SETS`: the kernel takes no more sets.
    IPSET_ERR_MAX_SETS = 4099 | 4099;
    /// `IPSET_ERR_BUSY`: a rule, a list or a dump uses the set.
    IPSET_ERR_BUSY = 4100 | 4100;
    /// `IPSET_ERR_EXIST_SETNAME2`: a set of the new name exists.
    IPSET_ERR_EXIST_SETNAME2 = 4101 | 4101;
    /// `IPSET_ERR_TYPE_MISMATCH`: the sets have different types.
    IPSET_ERR_TYPE_MISMATCH = 4102 | 4102;
    /// `IPSET_ERR_EXIST`: the element exists, or does not (deleting); only with `NLM_F_EXCL`.
    IPSET_ERR_EXIST = 4103 | 4103;
    /// `IPSET_ERR_INVALID_CIDR`: no such prefix length.
    IPSET_ERR_INVALID_CIDR = 4104 | 4104;
    /// `IPSET_ERR_INVALID_NETMASK`: no such netmask.
    IPSET_ERR_INVALID_NETMASK = 4105 | 4105;
    /// `IPSET_ERR_INVALID_FAMILY`: the type does not know the family.
    IPSET_ERR_INVALID_FAMILY = 4106 | 4106;
    /// `IPSET_ERR_TIMEOUT`: the set was made without timeouts.
    IPSET_ERR_TIMEOUT = 4107 | 4107;
    /// `IPSET_ERR_REFERENCED`: the set is in use.
    IPSET_ERR_REFERENCED = 4108 | 4108;
    /// `IPSET_ERR_IPADDR_IPV4`: an IPv4 address was expected.
    IPSET_ERR_IPADDR_IPV4 = 4109 | 4109;
    /// `IPSET_ERR_IPADDR_IPV6`: an IPv6 address was expected.
    IPSET_ERR_IPADDR_IPV6 = 4110 | 4110;
    /// `IPSET_ERR_HASH_FULL`: the set is full.
    IPSET_ERR_HASH_FULL = 4352 | 4352;
    /// `IPSET_ERR_HASH_ELEM`: an element of zeros, which cannot be.
    IPSET_ERR_HASH_ELEM = 4353 | 4353;
}

#[cfg(test)]
mod tests {
    use linux_raw_sys::errno as theirs;

    #[test]
    fn agrees_with_linux_raw_sys_on_this_architecture() {
        macro_rules! same {
            ($($name:ident)*) => {
                $(assert_eq!(i64::from(super::$name), i64::from(theirs::$name), stringify!($name));)*
            };
        }
        same!(
            EPERM ENOENT EINTR EAGAIN ENOMEM EACCES EBUSY EEXIST EINVAL ENFILE ENOSPC ERANGE
            ENAMETOOLONG ELOOP EOVERFLOW ERESTART EMSGSIZE EPROTONOSUPPORT EOPNOTSUPP EAFNOSUPPORT
            ENOBUFS ETIMEDOUT ESTALE
        );
    }

    #[test]
    fn names_are_found() {
        assert_eq!(super::name(super::ENOBUFS), Some("ENOBUFS"));
        assert_eq!(super::name(4352), Some("IPSET_ERR_HASH_FULL"));
        assert_eq!(super::name(0), None);
    }
}
