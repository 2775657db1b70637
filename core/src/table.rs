//! A fixed-capacity map with stable slots and intrusive lists, safe against chosen keys.
//!
//! Entries lie densely in one array that fills from its start, so memory becomes resident only with use; a separate
//! index of 4-byte cells maps hashes to slots (open addressing, linear probing, backward-shift removal). The hash is
//! SipHash-1-3 under a key that only this process knows: an attacker who chooses addresses cannot choose collisions.
//! Each entry can be in one [`List`] at a time, which orders it (least recently used, waiting, in flight) for 8 bytes.
//!
//! A full table hands the value back.

use core::hash::{Hash, Hasher};
use heapless::Vec;
use siphasher::sip::SipHasher13;

/// A place in a [`Table`], stable from insertion to removal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot(u32);

impl Slot {
    const fn of(link: Link) -> Option<Self> {
        match link.checked_sub(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    const fn link(self) -> Link {
        self.0.wrapping_add(1)
    }
}

/// A slot's number plus one, or 0 for none: an empty table is all zero bytes, so that it lies in `.bss` and costs
/// nothing until it is used.
type Link = u32;

/// Index cells hold the slot's number plus one in their low 24 bits (0 is an empty cell) and 8 bits of the hash above
/// them, so that most foreign keys are told apart without touching the entry.
const SLOT_BITS: u32 = 24;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// The secret of a table's hash.
#[derive(Clone, Copy, Default)]
pub struct HashKey(pub u64, pub u64);

impl HashKey {
    /// The key of 16 random bytes.
    #[must_use]
    pub const fn from_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]: [u8; 16]) -> Self {
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes([i, j, k, l, m, n, o, p]))
    }
}

#[derive(Clone, Copy)]
struct Node<K, V> {
    prev: Link,
    next: Link,
    value: V,
    key: K,
}

/// An ordered chain of entries of one table. Entries are pushed at its front and taken from its back.
#[derive(Clone, Copy, Debug)]
pub struct List {
    front: Link,
    back: Link,
    len: u32,
}

impl List {
    /// The empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { front: 0, back: 0, len: 0 }
    }

    /// How many entries the list has.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether the list has no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry that was pushed first.
    #[must_use]
    pub const fn back(&self) -> Option<Slot> {
        Slot::of(self.back)
    }
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

/// A map of at most `N` entries with an index of `I` cells. `I` is a power of two and at least `2 * N`.
pub struct Table<K, V, const N: usize, const I: usize> {
    key: HashKey,
    nodes: Vec<Node<K, V>, N>,
    /// First free slot below the array's end, chained by `next`.
    free: Link,
    len: u32,
    index: [u32; I],
}

impl<K: Copy + Eq + Hash, V: Copy, const N: usize, const I: usize> Table<K, V, N, I> {
    const SHAPE: () =
        assert!(I.is_power_of_two() && I >= 2 * N && N < (1 << SLOT_BITS), "index too small for the table");

    /// An empty table. Its hash key must be set before the first insertion.
    #[must_use]
    pub const fn new() -> Self {
        let () = Self::SHAPE;
        Self { key: HashKey(0, 0), nodes: Vec::new(), free: 0, len: 0, index: [0; I] }
    }

    /// Sets the hash key of a table that is still empty; later calls change nothing.
    pub fn set_key(&mut self, key: HashKey) {
        if self.nodes.is_empty() {
            self.key = key;
        }
    }

    /// Entries in the table.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether the table has no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether an insertion would be refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.free == 0 && self.nodes.is_full()
    }

    fn hash(&self, key: &K) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        key.hash(&mut hasher);
        hasher.finish()
    }

    /// The cell where a hash's probe begins, and the tag that its cell carries.
    fn home(hash: u64) -> (usize, u32) {
        let [a, b, c, d, _, _, _, tag] = hash.to_le_bytes();
        let low = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(0);
        (low & (I - 1), u32::from(tag) << SLOT_BITS)
    }

    fn node(&self, slot: u32) -> Option<&Node<K, V>> {
        self.nodes.get(usize::try_from(slot).ok()?)
    }

    fn node_mut(&mut self, slot: u32) -> Option<&mut Node<K, V>> {
        self.nodes.get_mut(usize::try_from(slot).ok()?)
    }

    fn linked_mut(&mut self, link: Link) -> Option<&mut Node<K, V>> {
        self.node_mut(Slot::of(link)?.0)
    }

    /// The cell that points at `key`'s entry, and the slot.
    fn probe(&self, key: &K) -> Option<(usize, u32)> {
        let (mut at, tag) = Self::home(self.hash(key));
        loop {
            let cell = *self.index.get(at)?;
            if cell == 0 {
                return None;
            }
            if cell & !SLOT_MASK == tag {
                let slot = (cell & SLOT_MASK) - 1;
                if self.node(slot)?.key == *key {
                    return Some((at, slot));
                }
            }
            at = (at + 1) & (I - 1);
        }
    }

    /// The slot of `key`'s entry.
    #[must_use]
    pub fn find(&self, key: &K) -> Option<Slot> {
        self.probe(key).map(|(_, slot)| Slot(slot))
    }

    /// The slot that cell `cell` of the index (0 to `I - 1`) points at: going through all cells visits every entry.
    #[must_use]
    pub fn slot_at(&self, cell: usize) -> Option<Slot> {
        match self.index.get(cell) {
            None | Some(0) => None,
            Some(cell) => Some(Slot((cell & SLOT_MASK) - 1)),
        }
    }

    /// The key of an entry.
    #[must_use]
    pub fn key(&self, slot: Slot) -> Option<K> {
        self.node(slot.0).map(|node| node.key)
    }

    /// The value of an entry.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&V> {
        self.node(slot.0).map(|node| &node.value)
    }

    /// The value of an entry, to change.
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut V> {
        self.node_mut(slot.0).map(|node| &mut node.value)
    }

    /// Adds an entry for a key that the table does not hold ([`Table::find`] said so).
    ///
    /// # Errors
    /// Hands the value back if the table is full.
    pub fn insert(&mut self, key: K, value: V) -> Result<Slot, V> {
        let node = Node { prev: 0, next: 0, value, key };
        let slot = match Slot::of(self.free) {
            Some(slot) => {
                let Some(place) = self.node_mut(slot.0) else { return Err(value) };
                let next = place.next;
                *place = node;
                self.free = next;
                slot.0
            }
            None => {
                let Ok(slot) = u32::try_from(self.nodes.len()) else { return Err(value) };
                if self.nodes.push(node).is_err() {
                    return Err(value);
                }
                slot
            }
        };
        let (mut at, tag) = Self::home(self.hash(&key));
        while let Some(cell) = self.index.get_mut(at) {
            if *cell == 0 {
                *cell = tag | (slot + 1);
                break;
            }
            at = (at + 1) & (I - 1);
        }
        self.len += 1;
        Ok(Slot(slot))
    }

    /// Takes an entry out. It must be in no list.
    pub fn remove(&mut self, slot: Slot) -> Option<V> {
        let key = self.node(slot.0)?.key;
        let (mut hole, found) = self.probe(&key)?;
        if found != slot.0 {
            return None;
        }
        // Close the gap: move back each later entry of the run whose probe passed over the hole.
        let mut at = hole;
        loop {
            at = (at + 1) & (I - 1);
            let cell = *self.index.get(at)?;
            if cell == 0 {
                break;
            }
            let moved = self.node((cell & SLOT_MASK) - 1)?.key;
            let (home, _) = Self::home(self.hash(&moved));
            if (at.wrapping_sub(home) & (I - 1)) >= (at.wrapping_sub(hole) & (I - 1)) {
                *self.index.get_mut(hole)? = cell;
                hole = at;
            }
        }
        *self.index.get_mut(hole)? = 0;
        let next = self.free;
        let node = self.node_mut(slot.0)?;
        node.next = next;
        let value = node.value;
        self.free = slot.link();
        self.len -= 1;
        Some(value)
    }

    /// Puts an entry that is in no list at the front of `list`.
    pub fn push(&mut self, list: &mut List, slot: Slot) {
        let front = list.front;
        let Some(node) = self.node_mut(slot.0) else { return };
        node.prev = 0;
        node.next = front;
        match self.linked_mut(front) {
            Some(old) => old.prev = slot.link(),
            None => list.back = slot.link(),
        }
        list.front = slot.link();
        list.len += 1;
    }

    /// Takes an entry out of `list`, in which it is.
    pub fn unlink(&mut self, list: &mut List, slot: Slot) {
        let Some(&Node { prev, next, .. }) = self.node(slot.0) else { return };
        match self.linked_mut(prev) {
            Some(node) => node.next = next,
            None => list.front = next,
        }
        match self.linked_mut(next) {
            Some(node) => node.prev = prev,
            None => list.back = prev,
        }
        list.len -= 1;
    }

    /// The entry after `slot` on the way from a list's back to its front.
    #[must_use]
    pub fn towards_front(&self, slot: Slot) -> Option<Slot> {
        Slot::of(self.node(slot.0)?.prev)
    }

    /// Takes the entry that was pushed first out of `list`.
    pub fn pop(&mut self, list: &mut List) -> Option<Slot> {
        let slot = list.back()?;
        self.unlink(list, slot);
        Some(slot)
    }
}

impl<K: Copy + Eq + Hash, V: Copy, const N: usize, const I: usize> Default for Table<K, V, N, I> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, VecDeque};
    use std::vec::Vec as StdVec;

    type Small = Table<u64, u32, 64, 128>;

    #[derive(Clone, Debug)]
    enum Op {
        Insert(u64, u32),
        Remove(u64),
        Find(u64),
        Pop,
    }

    fn op() -> impl Strategy<Value = Op> {
        let key = 0u64..100;
        prop_oneof![
            3 => (key.clone(), any::<u32>()).prop_map(|(k, v)| Op::Insert(k, v)),
            2 => key.clone().prop_map(Op::Remove),
            1 => key.prop_map(Op::Find),
            1 => Just(Op::Pop),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_map_and_a_queue(ops in prop::collection::vec(op(), 0..600), k0: u64, k1: u64) {
            let mut table = Small::new();
            table.set_key(HashKey(k0, k1));
            let mut list = List::new();
            let mut model = BTreeMap::new();
            let mut order = VecDeque::new();
            for op in ops {
                match op {
                    Op::Insert(k, v) => {
                        if let Some(slot) = table.find(&k) {
                            prop_assert!(model.contains_key(&k));
                            *table.get_mut(slot).unwrap() = v;
                            model.insert(k, v);
                        } else if model.len() == 64 {
                            prop_assert!(table.is_full());
                            prop_assert_eq!(table.insert(k, v), Err(v));
                        } else {
                            let slot = table.insert(k, v).unwrap();
                            table.push(&mut list, slot);
                            model.insert(k, v);
                            order.push_back(k);
                        }
                    }
                    Op::Remove(k) => {
                        let slot = table.find(&k);
                        prop_assert_eq!(slot.is_some(), model.contains_key(&k));
                        if let Some(slot) = slot {
                            table.unlink(&mut list, slot);
                            prop_assert_eq!(table.remove(slot), model.remove(&k));
                            order.retain(|other| *other != k);
                        }
                    }
                    Op::Find(k) => {
                        prop_assert_eq!(table.find(&k).and_then(|s| table.get(s)), model.get(&k));
                    }
                    Op::Pop => {
                        let key = table.pop(&mut list).and_then(|slot| {
                            let key = table.key(slot);
                            table.remove(slot);
                            key
                        });
                        prop_assert_eq!(key, order.pop_front());
                        if let Some(key) = key {
                            model.remove(&key);
                        }
                    }
                }
                prop_assert_eq!(table.len(), u32::try_from(model.len()).unwrap());
                prop_assert_eq!(list.len(), table.len());
                prop_assert_eq!(list.is_empty(), model.is_empty());
            }
            let mut walked = StdVec::new();
            let mut at = list.back();
            while let Some(slot) = at {
                walked.push(table.key(slot).unwrap());
                at = table.towards_front(slot);
            }
            prop_assert_eq!(walked, StdVec::from(order));
        }
    }

    #[test]
    fn the_key_decides_where_entries_lie() {
        let cells = |key| {
            let mut table = Small::new();
            table.set_key(key);
            for k in 0..64 {
                table.insert(k, 0).unwrap();
            }
            table.index
        };
        assert_ne!(cells(HashKey(1, 2)), cells(HashKey(3, 4)));
        assert_eq!(cells(HashKey(1, 2)), cells(HashKey(1, 2)));
    }

    #[test]
    fn colliding_keys_without_the_secret_spread_with_it() {
        // 64 keys that all begin their probe at one cell under the zero key (found by search, as an attacker without
        // the secret would) must not do so under another.
        let zero = Small::new();
        let chosen: StdVec<u64> = (0u64..).filter(|k| Small::home(zero.hash(k)).0 == 7).take(64).collect();
        let mut keyed = Small::new();
        keyed.set_key(HashKey(0x1234_5678, 0x9abc_def0));
        let mut homes: StdVec<usize> = chosen.iter().map(|k| Small::home(keyed.hash(k)).0).collect();
        homes.sort_unstable();
        homes.dedup();
        assert!(homes.len() > 32, "{} distinct homes", homes.len());
    }
}
