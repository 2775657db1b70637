//! Sets as a whole: `IPSET_CMD_CREATE`, `DESTROY`, `FLUSH`, `HEADER` and `LIST`.

use super::{SetType, attr_name, attr_net32, family, number, request};
use crate::addr::Family;
use crate::wire::buf::{Attrs, Full, Malformed, Writer};
use crate::wire::nl::Tag;
use crate::wire::uapi::ip_set::{
    IPSET_ATTR_DATA, IPSET_ATTR_FAMILY, IPSET_ATTR_FLAGS, IPSET_ATTR_HASHSIZE, IPSET_ATTR_MAXELEM, IPSET_ATTR_REVISION,
    IPSET_ATTR_SETNAME, IPSET_ATTR_TIMEOUT, IPSET_ATTR_TYPENAME, IPSET_CMD_CREATE, IPSET_CMD_DESTROY, IPSET_CMD_FLUSH,
    IPSET_CMD_HEADER, IPSET_CMD_LIST, IPSET_FLAG_LIST_HEADER,
};
use crate::wire::uapi::netlink::{NLM_F_CREATE, NLM_F_DUMP};

/// Creates a set whose elements may have timeouts, and have none by default.
/// `ipset -exist create NAME TYPE family F timeout 0 hashsize H maxelem M`.
///
/// A set of that name stays as it is with its elements, if type, `maxelem`, default timeout and extensions are the same;
/// else the answer is EEXIST (17). The kernel does **not** compare the families (nor revisions and hash sizes): ask for
/// the header ([`Command::Header`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Create<'a> {
    /// The set's name, 31 bytes at most.
    pub name: &'a str,
    /// The type.
    pub kind: SetType,
    /// Whose addresses.
    pub family: Family,
    /// The type's revision, of those that the kernel has.
    pub revision: u8,
    /// Buckets to begin with; the kernel doubles them as the set fills. `None` is its 1024.
    pub hashsize: Option<u32>,
    /// Most elements; then `IPSET_ERR_HASH_FULL`. `None` is the kernel's 65536.
    pub maxelem: Option<u32>,
}

impl Create<'_> {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, protocol: u8, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, protocol, IPSET_CMD_CREATE, NLM_F_CREATE, tag, &|w| {
            attr_name(w, self.name)?;
            w.attr_str(IPSET_ATTR_TYPENAME, self.kind.name())?;
            w.attr(IPSET_ATTR_REVISION, &[self.revision])?;
            w.attr(IPSET_ATTR_FAMILY, &[number(self.family)])?;
            w.nest(IPSET_ATTR_DATA, |w| {
                attr_net32(w, IPSET_ATTR_TIMEOUT, 0)?;
                if let Some(size) = self.hashsize {
                    attr_net32(w, IPSET_ATTR_HASHSIZE, size)?;
                }
                self.maxelem.map_or(Ok(()), |most| attr_net32(w, IPSET_ATTR_MAXELEM, most))
            })
        })
    }
}

/// What is done with a set of which only the name is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// `ipset -exist destroy NAME`; `IPSET_ERR_BUSY` while a rule or a list uses it. That there is none is no error
    /// (Linux 6.18), or ENOENT.
    Destroy,
    /// `ipset flush NAME`: deletes all elements.
    Flush,
    /// Asks for its [`SetHeader`].
    Header,
    /// `ipset list NAME`: asks for all of it; the answers are [`super::list::SetPart`]s, then DONE. ENOENT if there is none.
    List,
    /// `ipset list -terse NAME`: asks for what it is and how full, the first of the answers to `List` without elements.
    Terse,
}

impl Command {
    /// Writes the message. HEADER is answered by data, and with an acked tag by an ack behind it; LIST has no ack.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(self, name: &str, protocol: u8, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        let (command, flags) = match self {
            Self::Destroy => (IPSET_CMD_DESTROY, 0),
            Self::Flush => (IPSET_CMD_FLUSH, 0),
            Self::Header => (IPSET_CMD_HEADER, 0),
            Self::List | Self::Terse => (IPSET_CMD_LIST, NLM_F_DUMP),
        };
        request(w, protocol, command, flags, tag, &|w| {
            attr_name(w, name)?;
            if self == Self::Terse { attr_net32(w, IPSET_ATTR_FLAGS, IPSET_FLAG_LIST_HEADER) } else { Ok(()) }
        })
    }
}

/// What a set is: the answer to HEADER, and the beginning of the first answer to LIST.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetHeader<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its type's name.
    pub kind: &'a [u8],
    /// The family of its elements; `None` if they have none, or another.
    pub family: Option<Family>,
    /// The type's revision that it was created with.
    pub revision: u8,
}

impl<'a> SetHeader<'a> {
    /// Reads the attributes behind the netfilter header.
    ///
    /// # Errors
    /// [`Malformed`] if one is missing.
    pub fn parse(attrs: &'a [u8]) -> Result<Self, Malformed> {
        let find = |kind| Attrs::new(attrs).find(kind)?.ok_or(Malformed);
        Ok(Self {
            name: find(IPSET_ATTR_SETNAME)?.text(),
            kind: find(IPSET_ATTR_TYPENAME)?.text(),
            family: family(find(IPSET_ATTR_FAMILY)?.u8()?),
            revision: find(IPSET_ATTR_REVISION)?.u8()?,
        })
    }

    /// Whether it is a set of this type and family.
    #[must_use]
    pub fn is(&self, kind: SetType, family: Family) -> bool {
        self.kind == kind.name().as_bytes() && self.family == Some(family)
    }
}
