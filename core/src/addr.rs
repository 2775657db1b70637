//! IP addresses and prefixes: the only place where text becomes an address.
//!
//! An [`Addr`] is 16 bytes: IPv6 as it is, IPv4 as its mapped form `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2). So a mapped
//! address in a log *is* the IPv4 address, which is what the packet on the wire carries.
//!
//! Not supported: names (edgeban never resolves), octal or short IPv4 forms (`010.1.1.1`, `10.1`).

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::net::Ipv6Addr;
use core::str;
use heapless::String;

const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// Longest text form of an address that is read, scope included (`INET6_ADDRSTRLEN` 46, `%`, `IFNAMSIZ` 16).
pub(crate) const TEXT_MAX: usize = 64;

/// An IPv4 or IPv6 address.
#[derive(Clone, Copy, Eq)]
pub struct Addr([u8; 16]);

// Every look-up compares and hashes an address: as numbers, not as slices of bytes, which would call memcmp, and hash
// their length too.
impl PartialEq for Addr {
    fn eq(&self, other: &Self) -> bool {
        u128::from_ne_bytes(self.0) == u128::from_ne_bytes(other.0)
    }
}

impl Ord for Addr {
    fn cmp(&self, other: &Self) -> Ordering {
        u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
    }
}

impl PartialOrd for Addr {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Addr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = self.0;
        state.write_u64(u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
        state.write_u64(u64::from_ne_bytes([i, j, k, l, m, n, o, p]));
    }
}

/// Which protocol an address belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// IPv4, 4-byte addresses.
    V4,
    /// IPv6, 16-byte addresses.
    V6,
}

/// The text is not an address (or not a prefix).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAnAddress;

/// An address range `base/len`, host bits cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    base: Addr,
    /// Counted in the 128 bits of [`Addr`]: an IPv4 `/8` is 104 here.
    bits: u8,
}

impl Addr {
    /// The IPv4 address `a.b.c.d`.
    #[must_use]
    pub const fn v4([a, b, c, d]: [u8; 4]) -> Self {
        Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d])
    }

    /// The IPv6 address of these bytes in network order; a v4-mapped one is the IPv4 address.
    #[must_use]
    pub const fn v6(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// The 16 bytes, IPv4 in its mapped form.
    #[must_use]
    pub const fn octets(self) -> [u8; 16] {
        self.0
    }

    /// The four bytes in network order if this is IPv4.
    #[must_use]
    pub fn as_v4(self) -> Option<[u8; 4]> {
        let (head, tail) = self.0.split_first_chunk::<12>()?;
        if *head == MAPPED { tail.try_into().ok() } else { None }
    }

    /// The address family.
    #[must_use]
    pub fn family(self) -> Family {
        if self.as_v4().is_some() { Family::V4 } else { Family::V6 }
    }

    /// Reads an address that fills the whole text: dotted IPv4 without leading zeros, or IPv6 (RFC 4291 text forms,
    /// without brackets). A scope (`%eth0`, RFC 4007) is dropped, and only taken on link-local addresses.
    ///
    /// # Errors
    /// [`NotAnAddress`] for anything else.
    pub fn parse(text: &[u8]) -> Result<Self, NotAnAddress> {
        if let Some(v4) = parse_v4(text) {
            return Ok(Self::v4(v4));
        }
        if text.len() > TEXT_MAX {
            return Err(NotAnAddress);
        }
        let text = str::from_utf8(text).map_err(|_| NotAnAddress)?;
        let (text, scope) = match text.split_once('%') {
            Some((text, scope)) => (text, Some(scope)),
            None => (text, None),
        };
        let v6: Ipv6Addr = text.parse().map_err(|_| NotAnAddress)?;
        match scope {
            None => {}
            Some(scope) if v6.is_unicast_link_local() && is_scope(scope) => {}
            Some(_) => return Err(NotAnAddress),
        }
        Ok(Self(v6.octets()))
    }
}

/// An interface name or index as the kernel allows it: 1 to 15 printable bytes without `/` or space.
fn is_scope(text: &str) -> bool {
    (1..16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b'%')
}

/// Dotted decimal, four fields of 0 to 255 without leading zeros. Most addresses in logs are of this form, so it has a
/// path of its own.
fn parse_v4(text: &[u8]) -> Option<[u8; 4]> {
    if text.len() > 15 {
        return None;
    }
    let mut octets = [0u8; 4];
    let mut rest = text;
    for (n, octet) in octets.iter_mut().enumerate() {
        let mut value: u16 = 0;
        let mut digits = 0u8;
        while let Some((&b, tail)) = rest.split_first() {
            if !b.is_ascii_digit() {
                break;
            }
            if digits > 0 && value == 0 {
                return None; // a leading zero is octal to some programs and decimal to others
            }
            value = value * 10 + u16::from(b - b'0');
            digits += 1;
            if value > 255 {
                return None;
            }
            rest = tail;
        }
        if digits == 0 {
            return None;
        }
        *octet = u8::try_from(value).ok()?;
        if n < 3 {
            rest = rest.strip_prefix(b".")?;
        }
    }
    rest.is_empty().then_some(octets)
}

impl fmt::Display for Addr {
    /// Dotted decimal, or RFC 5952 text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_v4() {
            Some(v4) => f.pad(&dotted(v4)),
            None => fmt::Display::fmt(&Ipv6Addr::from(self.0), f),
        }
    }
}

/// Dotted decimal. A flood makes a log line an address, and the standard library's way costs half of such a line.
fn dotted(octets: [u8; 4]) -> String<15> {
    let mut text = String::new();
    for (n, octet) in octets.into_iter().enumerate() {
        // Four times three digits and three dots: there is room.
        if n > 0 {
            let _ = text.push('.');
        }
        for (least, unit) in [(100, 100), (10, 10), (0, 1)] {
            if octet >= least {
                let _ = text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Prefix {
    /// The prefix of `len` leading bits of `addr`, counted in the address's own family; host bits are cleared.
    ///
    /// # Errors
    /// [`NotAnAddress`] if `len` is more than 32 (IPv4) or 128 (IPv6).
    pub fn new(addr: Addr, len: u8) -> Result<Self, NotAnAddress> {
        let bits = match addr.family() {
            Family::V4 if len <= 32 => len + 96,
            Family::V6 if len <= 128 => len,
            _ => return Err(NotAnAddress),
        };
        let base = u128::from_be_bytes(addr.0) & mask(bits);
        Ok(Self { base: Addr(base.to_be_bytes()), bits })
    }

    /// Reads `ADDRESS` or `ADDRESS/LENGTH`.
    ///
    /// # Errors
    /// [`NotAnAddress`] if either part is not of its form, or the length is too long for the family.
    pub fn parse(text: &[u8]) -> Result<Self, NotAnAddress> {
        let Some(slash) = text.iter().position(|&b| b == b'/') else {
            let addr = Addr::parse(text)?;
            return Self::new(addr, if addr.family() == Family::V4 { 32 } else { 128 });
        };
        let (addr, len) = text.split_at_checked(slash).ok_or(NotAnAddress)?;
        let len = len.get(1..).ok_or(NotAnAddress)?;
        if len.is_empty()
            || len.len() > 3
            || !len.iter().all(u8::is_ascii_digit)
            || (len.len() > 1 && len.first() == Some(&b'0'))
        {
            return Err(NotAnAddress);
        }
        let len: u8 = str::from_utf8(len).map_err(|_| NotAnAddress)?.parse().map_err(|_| NotAnAddress)?;
        Self::new(Addr::parse(addr)?, len)
    }

    /// Whether `addr` lies in the prefix. An IPv6 prefix never holds an IPv4 address, `::/0` included.
    #[must_use]
    pub fn contains(&self, addr: Addr) -> bool {
        self.family() == addr.family()
            && u128::from_be_bytes(addr.0) & mask(self.bits) == u128::from_be_bytes(self.base.0)
    }

    /// The prefix that holds `addr` alone.
    #[must_use]
    pub const fn one(addr: Addr) -> Self {
        Self { base: addr, bits: 128 }
    }

    /// Whether all of `other` lies in the prefix.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.bits <= other.bits && self.contains(other.base)
    }

    /// Whether they have an address in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// The first address behind the prefix; `None` if it reaches the last of its family.
    #[must_use]
    pub fn end(&self) -> Option<Addr> {
        let end = Addr(self.behind().to_be_bytes());
        let last = self.behind() == 0 || (self.family() == Family::V4 && end.family() == Family::V6);
        (!last).then_some(end)
    }

    /// The number behind that of its last address.
    fn behind(&self) -> u128 {
        u128::from_be_bytes(self.base.0).wrapping_add(1u128.checked_shl(128 - u32::from(self.bits)).unwrap_or(0))
    }

    /// Tells `take` of the prefixes of `family` that together are the addresses from `first` to the last before `end`
    /// (`None`: to the family's last), the fewest there are, ascending.
    pub fn split(family: Family, first: Addr, end: Option<Addr>, take: &mut dyn FnMut(Self)) {
        let end = match (end, family) {
            (Some(end), _) => u128::from_be_bytes(end.0),
            (None, Family::V4) => 1 << 48,
            (None, Family::V6) => 0,
        };
        let mut base = u128::from_be_bytes(first.0);
        loop {
            // 0 is all there is.
            let left = end.wrapping_sub(base);
            let bits = if left == 0 { 128 } else { 127 - left.leading_zeros() }.min(base.trailing_zeros());
            let Ok(bits) = u8::try_from(128 - bits) else { return };
            let prefix = Self { base: Addr(base.to_be_bytes()), bits };
            if prefix.family() == family {
                take(prefix);
            }
            base = prefix.behind();
            if base == end {
                return;
            }
        }
    }

    /// Whether it holds one address alone.
    #[must_use]
    pub const fn is_one(&self) -> bool {
        self.bits == 128
    }

    /// The address family of the prefix.
    #[must_use]
    pub fn family(&self) -> Family {
        if self.bits >= 96 { self.base.family() } else { Family::V6 }
    }

    /// The first address of the prefix.
    #[must_use]
    pub const fn base(&self) -> Addr {
        self.base
    }

    /// The mask in the form of [`Addr::octets`]: the last four bytes are an IPv4 prefix's.
    #[must_use]
    pub const fn mask_octets(&self) -> [u8; 16] {
        mask(self.bits).to_be_bytes()
    }

    /// The length in bits of the prefix's own family.
    #[must_use]
    pub fn length(&self) -> u8 {
        match self.family() {
            Family::V4 => self.bits - 96,
            Family::V6 => self.bits,
        }
    }
}

/// How many leading bits of an address are counted and banned as one: an attacker with a whole `/64` changes the rest at
/// will.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Widths {
    /// Of IPv4 addresses, 1 to 32.
    pub v4: u8,
    /// Of IPv6 addresses, 1 to 128.
    pub v6: u8,
}

impl Widths {
    /// Single addresses.
    pub const FULL: Self = Self { v4: 32, v6: 128 };

    /// The bits of a family.
    #[must_use]
    pub const fn of(self, family: Family) -> u8 {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    /// The address with its other bits cleared, which stands for all that share these.
    #[must_use]
    pub fn network(self, addr: Addr) -> Addr {
        self.prefix(addr).base
    }

    /// The prefix that is banned with `addr`.
    #[must_use]
    pub fn prefix(self, addr: Addr) -> Prefix {
        Prefix::new(addr, self.of(addr.family())).unwrap_or(Prefix::one(addr))
    }

    /// What is banned with `addr`, as text: the address, or the prefix.
    #[must_use]
    pub const fn show(self, addr: Addr) -> Shown {
        Shown { widths: self, addr }
    }
}

/// What [`Widths::show`] gives.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    widths: Widths,
    addr: Addr,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = self.addr.family();
        let bits = self.widths.of(family);
        fmt::Display::fmt(&self.addr, f)?;
        if bits == Widths::FULL.of(family) { Ok(()) } else { write!(f, "/{bits}") }
    }
}

/// The mask of `bits` leading ones.
const fn mask(bits: u8) -> u128 {
    match bits {
        0 => 0,
        1..=127 => u128::MAX << (128 - bits),
        _ => u128::MAX,
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.length())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;
    use proptest::prelude::*;
    use std::format;

    fn addr(text: &str) -> Addr {
        Addr::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        assert_eq!(addr("::ffff:10.1.1.1"), addr("10.1.1.1"));
        assert_eq!(addr("::ffff:a01:101").as_v4(), Some([10, 1, 1, 1]));
        assert_eq!(format!("{}", addr("::FFFF:10.1.1.1")), "10.1.1.1");
    }

    #[test]
    fn odd_spellings_are_refused() {
        for text in [
            "",
            "1",
            "1.2.3",
            "1.2.3.4.5",
            "010.1.1.1",
            "1.2.3.04",
            "1.2.3.256",
            "0x7f.0.0.1",
            " 1.2.3.4",
            "1.2.3.4 ",
            "1.2.3.4\0",
            "::1::2",
            "12345::",
            "fe80::1%",
            "fe80::1%a b",
            "2001:db8::1%eth0",
            "[::1]",
            "evil.example.com",
            "1.2.3.-4",
            "+1.2.3.4",
            "::ffff:010.1.1.1",
            "fe80::1%aaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(Addr::parse(text.as_bytes()), Err(NotAnAddress), "{text:?}");
        }
        assert_eq!(Addr::parse(b"\xff\xfe::1"), Err(NotAnAddress));
    }

    #[test]
    fn a_link_local_scope_is_dropped() {
        assert_eq!(format!("{}", addr("fe80::1%eth0")), "fe80::1");
    }

    #[test]
    fn prefixes_hold_what_they_say() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "1.2.3.4", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("::ffff:10.0.0.0/8", "10.2.3.4", true),
        ];
        for (prefix, text, want) in cases {
            assert_eq!(Prefix::parse(prefix.as_bytes()).unwrap().contains(addr(text)), want, "{prefix} {text}");
        }
        for text in
            ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/ 8", "/8", "10.0.0.0/8/8", "10.0.0.0/-1"]
        {
            assert!(Prefix::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(format!("{}", Prefix::parse(b"10.1.2.3/8").unwrap()), "10.0.0.0/8");
        for (text, one) in
            [("10.1.2.3", true), ("10.1.2.3/32", true), ("10.1.2.3/31", false), ("::1", true), ("::/127", false)]
        {
            assert_eq!(Prefix::parse(text.as_bytes()).unwrap().is_one(), one, "{text}");
        }
    }

    #[test]
    fn prefixes_end_and_overlap() {
        let prefix = |text: &str| Prefix::parse(text.as_bytes()).unwrap();
        for (text, end) in [
            ("198.51.96.0/20", Some("198.51.112.0")),
            ("255.0.0.0/8", None),
            ("0.0.0.0/0", None),
            ("10.0.0.1", Some("10.0.0.2")),
            ("255.255.255.255", None),
            ("2001:db8::/56", Some("2001:db8:0:100::")),
            ("ff00::/8", None),
            ("::/0", None),
            ("::1", Some("::2")),
            ("::fffe:0:0/96", Some("0.0.0.0")),
        ] {
            assert_eq!(prefix(text).end(), end.map(addr), "{text}");
        }
        let (wide, narrow) = (prefix("10.0.0.0/8"), prefix("10.1.0.0/16"));
        assert!(wide.covers(&narrow) && wide.covers(&wide) && !narrow.covers(&wide));
        assert!(narrow.overlaps(&wide) && !narrow.overlaps(&prefix("10.2.0.0/16")));
        assert!(!prefix("::/0").overlaps(&prefix("0.0.0.0/0")));
        assert_eq!(Prefix::one(addr("10.0.0.1")), prefix("10.0.0.1/32"));
    }

    #[test]
    fn a_range_is_split_into_the_fewest_prefixes() {
        for (first, end, want) in [
            ("10.0.0.0", Some("10.0.16.0"), "10.0.0.0/20 "),
            ("10.0.0.1", Some("10.0.0.9"), "10.0.0.1/32 10.0.0.2/31 10.0.0.4/30 10.0.0.8/32 "),
            ("255.255.255.254", None, "255.255.255.254/31 "),
            ("ffff::", None, "ffff::/16 "),
            ("2001:db8::", Some("2001:db8:0:300::"), "2001:db8::/55 2001:db8:0:200::/56 "),
            ("0.0.0.0", None, "0.0.0.0/0 "),
            ("::", None, "::/0 "),
            // The IPv4 addresses in the middle are none of IPv6's.
            ("::fffe:ffff:ffff", Some("::1:0:0:1"), "::fffe:ffff:ffff/128 ::1:0:0:0/128 "),
        ] {
            let mut text = std::string::String::new();
            let mut take = |prefix: Prefix| text += &format!("{prefix} ");
            Prefix::split(addr(first).family(), addr(first), end.map(addr), &mut take);
            assert_eq!(text, want, "{first}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(bytes: [u8; 4], six: [u8; 16], junk in "[0-9a-f:.%]{0,20}") {
            let v4 = Ipv4Addr::from(bytes);
            prop_assert_eq!(Addr::parse(format!("{v4}").as_bytes()), Ok(Addr::v4(bytes)));
            let v6 = Ipv6Addr::from(six);
            prop_assert_eq!(Addr::parse(format!("{v6}").as_bytes()), Ok(Addr::v6(six)));
            prop_assert_eq!(format!("{}", Addr::v4(bytes)), format!("{v4}"));
            prop_assert_eq!(format!("{:<20}|", Addr::v4(bytes)), format!("{v4:<20}|"));
            if !junk.contains('%') {
                prop_assert_eq!(Addr::parse(junk.as_bytes()).is_ok(), junk.parse::<core::net::IpAddr>().is_ok(), "{}", junk);
            }
        }
    }
}
