//! What the kernel speaks: `IPSET_CMD_PROTOCOL` and `IPSET_CMD_TYPE`, with their answers.

use super::{SetType, attr_name, number, request};
use crate::addr::Family;
use crate::wire::buf::{Attrs, Full, Malformed, Writer};
use crate::wire::nl::Tag;
use crate::wire::uapi::ip_set::{
    IPSET_ATTR_FAMILY, IPSET_ATTR_INDEX, IPSET_ATTR_PROTOCOL, IPSET_ATTR_PROTOCOL_MIN, IPSET_ATTR_REVISION,
    IPSET_ATTR_REVISION_MIN, IPSET_ATTR_TYPENAME, IPSET_CMD_GET_BYNAME, IPSET_CMD_PROTOCOL, IPSET_CMD_TYPE,
    IPSET_PROTOCOL, IPSET_PROTOCOL_MIN,
};

/// Asks which versions of the protocol the kernel speaks. Any version may ask. The answer is a [`ProtocolRange`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GetProtocol;

impl GetProtocol {
    /// Writes the message. With a silent tag the answer alone comes, with an acked one an ack behind it.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, IPSET_PROTOCOL, IPSET_CMD_PROTOCOL, 0, tag, &|_| Ok(()))
    }
}

/// The versions that the kernel speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProtocolRange {
    /// The newest.
    pub max: u8,
    /// The oldest. Kernels before 4.20 do not say it, and speak one only.
    pub min: u8,
}

impl ProtocolRange {
    /// Reads the attributes behind the netfilter header.
    ///
    /// # Errors
    /// [`Malformed`] if there is no version.
    pub fn parse(attrs: &[u8]) -> Result<Self, Malformed> {
        let attrs = Attrs::new(attrs);
        let max = attrs.clone().find(IPSET_ATTR_PROTOCOL)?.ok_or(Malformed)?.u8()?;
        let min = attrs.find(IPSET_ATTR_PROTOCOL_MIN)?.map_or(Ok(max), |attr| attr.u8())?;
        Ok(Self { max, min })
    }

    /// The newest version that both sides speak.
    #[must_use]
    pub fn choose(self) -> Option<u8> {
        let version = self.max.min(IPSET_PROTOCOL);
        (version >= self.min && version >= IPSET_PROTOCOL_MIN).then_some(version)
    }
}

/// Asks which revisions of a type the kernel has, and loads its module. The answer is a [`RevisionRange`], or
/// `IPSET_ERR_FIND_TYPE`. `hash:ip` and `hash:net` have the same for both families.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetType {
    /// The type.
    pub kind: SetType,
    /// For sets of this family.
    pub family: Family,
}

impl GetType {
    /// Writes the message; `tag` as in [`GetProtocol::emit`].
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, protocol: u8, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, protocol, IPSET_CMD_TYPE, 0, tag, &|w| {
            w.attr_str(IPSET_ATTR_TYPENAME, self.kind.name())?;
            w.attr(IPSET_ATTR_FAMILY, &[number(self.family)])
        })
    }
}

/// The revisions of a type that the kernel has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RevisionRange {
    /// The newest.
    pub max: u8,
    /// The oldest.
    pub min: u8,
}

impl RevisionRange {
    /// Reads the attributes behind the netfilter header.
    ///
    /// # Errors
    /// [`Malformed`] if one is missing.
    pub fn parse(attrs: &[u8]) -> Result<Self, Malformed> {
        let attrs = Attrs::new(attrs);
        let max = attrs.clone().find(IPSET_ATTR_REVISION)?.ok_or(Malformed)?.u8()?;
        let min = attrs.find(IPSET_ATTR_REVISION_MIN)?.ok_or(Malformed)?.u8()?;
        Ok(Self { max, min })
    }
}

/// Asks for a set's index, which is what a rule holds of it (`struct xt_set_info`, `index`). Version 7 only. The answer
/// is a [`SetIndex`], or ENOENT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetIndex<'a> {
    /// The set's name.
    pub name: &'a str,
}

impl GetIndex<'_> {
    /// Writes the message; `tag` as in [`GetProtocol::emit`].
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, IPSET_PROTOCOL, IPSET_CMD_GET_BYNAME, 0, tag, &|w| attr_name(w, self.name))
    }
}

/// A set's index, and the family of its elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetIndex {
    /// The index; no set has 65535.
    pub index: u16,
    /// The family.
    pub family: Option<Family>,
}

impl SetIndex {
    /// Reads the attributes behind the netfilter header.
    ///
    /// # Errors
    /// [`Malformed`] if one is missing.
    pub fn parse(attrs: &[u8]) -> Result<Self, Malformed> {
        let attrs = Attrs::new(attrs);
        let index = attrs.clone().find(IPSET_ATTR_INDEX)?.ok_or(Malformed)?.be16()?;
        let family = super::family(attrs.find(IPSET_ATTR_FAMILY)?.ok_or(Malformed)?.u8()?);
        Ok(Self { index, family })
    }
}
