//! The answers to LIST: one or more messages a set, each with some of its members; the first also says what the set is.

use super::set::SetHeader;
use crate::addr::{Addr, Family};
use crate::wire::buf::{Attr, Attrs, Malformed};
use crate::wire::uapi::ip_set::{
    IPSET_ATTR_ADT, IPSET_ATTR_CIDR, IPSET_ATTR_DATA, IPSET_ATTR_ELEMENTS, IPSET_ATTR_HASHSIZE, IPSET_ATTR_INDEX,
    IPSET_ATTR_IP, IPSET_ATTR_IPADDR_IPV4, IPSET_ATTR_IPADDR_IPV6, IPSET_ATTR_MAXELEM, IPSET_ATTR_REFERENCES,
    IPSET_ATTR_SETNAME, IPSET_ATTR_TIMEOUT, IPSET_ATTR_TYPENAME,
};

/// The parameters of a set, as `ipset list` shows them in its header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameters {
    /// The index that rules refer to it by; version 7 only.
    pub index: Option<u16>,
    /// Buckets.
    pub hashsize: u32,
    /// Most elements.
    pub maxelem: u32,
    /// Seconds that elements last which bring no timeout (0: for ever); `None` is a set without timeouts.
    pub timeout: Option<u32>,
    /// Rules, lists and dumps that use the set.
    pub references: u32,
    /// Elements, expired ones that are not yet collected included. Kernels before 4.12 do not say it.
    pub elements: Option<u32>,
}

impl Parameters {
    fn parse(data: Attrs<'_>, index: Option<Attr<'_>>) -> Result<Self, Malformed> {
        let number = |kind| data.clone().find(kind)?.map(Attr::be32).transpose();
        Ok(Self {
            index: index.map(Attr::be16).transpose()?,
            hashsize: number(IPSET_ATTR_HASHSIZE)?.ok_or(Malformed)?,
            maxelem: number(IPSET_ATTR_MAXELEM)?.ok_or(Malformed)?,
            timeout: number(IPSET_ATTR_TIMEOUT)?,
            references: number(IPSET_ATTR_REFERENCES)?.ok_or(Malformed)?,
            elements: number(IPSET_ATTR_ELEMENTS)?,
        })
    }
}

/// An element as the kernel lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The address.
    pub addr: Addr,
    /// The family of the set it is in: an IPv6 set can hold `::ffff:192.0.2.1`, which [`Addr`] calls IPv4.
    pub family: Family,
    /// The prefix length, in a `hash:net` set.
    pub cidr: Option<u8>,
    /// Seconds that are left; 0 is for ever. `None` in a set without timeouts.
    pub timeout: Option<u32>,
}

/// One answer: what the set is, if it is the first, and some members. After a [`Malformed`] the members end.
#[derive(Clone, Debug)]
pub struct SetPart<'a> {
    /// The set's name.
    pub name: &'a [u8],
    /// In the first answer of a `hash` set.
    pub header: Option<(SetHeader<'a>, Parameters)>,
    members: Attrs<'a>,
}

impl<'a> SetPart<'a> {
    /// Reads the attributes behind the netfilter header.
    ///
    /// # Errors
    /// [`Malformed`] if the name is missing, or the header is not whole.
    pub fn parse(attrs: &'a [u8]) -> Result<Self, Malformed> {
        let all = Attrs::new(attrs);
        let find = |kind| all.clone().find(kind);
        let name = find(IPSET_ATTR_SETNAME)?.ok_or(Malformed)?.text();
        let header = match (find(IPSET_ATTR_TYPENAME)?, find(IPSET_ATTR_DATA)?) {
            (Some(_), Some(data)) => {
                Some((SetHeader::parse(attrs)?, Parameters::parse(data.nested(), find(IPSET_ATTR_INDEX)?)?))
            }
            _ => None,
        };
        let members = find(IPSET_ATTR_ADT)?.map_or(Attrs::new(&[]), Attr::nested);
        Ok(Self { name, header, members })
    }
}

impl Iterator for SetPart<'_> {
    type Item = Result<Member, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.members.next()?.and_then(|entry| member(entry.nested()));
        if member.is_err() {
            self.members = Attrs::new(&[]);
        }
        Some(member)
    }
}

fn member(attrs: Attrs<'_>) -> Result<Member, Malformed> {
    let (mut key, mut cidr, mut timeout) = (None, None, None);
    for attr in attrs {
        let attr = attr?;
        match attr.kind {
            IPSET_ATTR_IP => key = attr.nested().next().transpose()?,
            IPSET_ATTR_CIDR => cidr = Some(attr.u8()?),
            IPSET_ATTR_TIMEOUT => timeout = Some(attr.be32()?),
            _ => {}
        }
    }
    let key = key.ok_or(Malformed)?;
    let (addr, family) = match key.kind {
        IPSET_ATTR_IPADDR_IPV4 => (Addr::v4(key.value.try_into().map_err(|_| Malformed)?), Family::V4),
        IPSET_ATTR_IPADDR_IPV6 => (Addr::v6(key.value.try_into().map_err(|_| Malformed)?), Family::V6),
        _ => return Err(Malformed),
    };
    Ok(Member { addr, family, cidr, timeout })
}
