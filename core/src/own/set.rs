//! A sorted set of addresses, each this machine's own or a gateway's.

use crate::addr::Addr;
use crate::limits;
use heapless::Vec;

#[derive(Clone, Copy, Debug)]
struct Entry {
    addr: Addr,
    gateway: bool,
}

static_assertions::const_assert!(size_of::<Entry>() == 17);

/// At most `limits::OWN` addresses.
#[derive(Debug)]
pub struct Set {
    entries: Vec<Entry, { limits::OWN }>,
}

/// What [`Set::insert`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Inserted {
    /// The set has it now.
    New,
    /// The set had it already.
    Known,
    /// No room; the set does not have it.
    Full,
}

impl Set {
    /// The empty set.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Becomes the same as `other`. (To swap the two would touch all their memory, used or not.)
    pub fn copy_from(&mut self, other: &Self) {
        self.entries.clear();
        // As large as the other.
        let _ = self.entries.extend_from_slice(&other.entries);
    }

    /// How many addresses.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an address; one that is a gateway's and this machine's is this machine's.
    pub fn insert(&mut self, addr: Addr, gateway: bool) -> Inserted {
        match self.entries.binary_search_by_key(&addr, |entry| entry.addr) {
            Ok(at) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    entry.gateway &= gateway;
                }
                Inserted::Known
            }
            Err(at) if self.entries.insert(at, Entry { addr, gateway }).is_ok() => Inserted::New,
            Err(_) => Inserted::Full,
        }
    }

    /// Whether the set has `addr`, and as a gateway.
    pub fn find(&self, addr: Addr) -> Option<bool> {
        let at = self.entries.binary_search_by_key(&addr, |entry| entry.addr).ok()?;
        self.entries.get(at).map(|entry| entry.gateway)
    }

    /// Every address, and whether it is a gateway's, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (Addr, bool)> {
        self.entries.iter().map(|entry| (entry.addr, entry.gateway))
    }
}
