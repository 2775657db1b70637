//! A fixed-capacity map with stable slots and intrusive lists, safe against chosen keys.
//!
//! Entries lie densely in one array that fills from its start, so memory becomes resident only with use; a separate
//! index of 4-byte cells maps hashes to slots (open addressing, linear probing, backward-shift removal). The hash is
//! SipHash-1-3 under a key that only this process knows: an attacker who chooses addresses cannot choose collisions.
//! Each entry can be in one [`List`] at a time, which orders it (least recently used, waiting, in flight) for 8 bytes.
//!
//! The index grows with use, too: it begins with `FIRST` cells and doubles whenever it is half full, up to the size
//! that there is memory for. A doubling is spread over the insertions that follow, `STEP` cells each (linear hashing):
//! an entry's probe begins where the double size says if its cell in the half size was visited already, else where that
//! says. So no insertion ever takes longer than a few microseconds, however many entries there are.
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

    /// Which place of its table it is, see [`Table::slot_at`].
    #[must_use]
    pub fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
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

/// Cells of a new table's index: one page. In this crate's own tests few, so that they see it grow.
const FIRST: usize = if cfg!(test) { 4 * STEP } else { 1024 };

/// Cells of the half size that each insertion visits while the index doubles. Two would do to be ready before it is half
/// full again.
const STEP: usize = 8;

// A half size is half full when its doubling begins: no run of full cells reaches from the first cells that are visited
// to the last, where what ran over the end belongs, nor from the last to their doubles.
static_assertions::const_assert!(FIRST >= 4 * STEP && FIRST.is_power_of_two());

/// What stands in `prev` of a place that holds no entry.
const VACANT: Link = u32::MAX;

/// The secret of a table's hash.
#[derive(Clone, Copy, Default)]
pub struct HashKey(pub u64, pub u64);

impl HashKey {
    /// The key of 16 random bytes.
    #[must_use]
    pub const fn from_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]: [u8; 16]) -> Self {
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes([i, j, k, l, m, n, o, p]))
    }

    /// The hash of some bytes.
    #[must_use]
    pub fn hash(self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write(bytes);
        hasher.finish()
    }

    /// The `number`-th of many numbers that nobody without the key can foretell.
    #[must_use]
    pub fn draw(self, number: u64) -> u64 {
        self.hash(&number.to_be_bytes())
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

    /// The entry that was pushed last.
    #[must_use]
    pub const fn front(&self) -> Option<Slot> {
        Slot::of(self.front)
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

/// A map of at most `N` entries with an index of at most `I` cells. `I` is a power of two and at least `2 * N`.
pub struct Table<K, V, const N: usize, const I: usize> {
    key: HashKey,
    nodes: Vec<Node<K, V>, N>,
    /// First free slot below the array's end, chained by `next`.
    free: Link,
    len: u32,
    /// Cells of the index, less one, without the bits of the first size: 0 in a new table.
    grown: usize,
    /// While the index doubles: cells of the half size that were visited. 0 else.
    visited: usize,
    index: [u32; I],
}

impl<K: Copy + Eq + Hash, V: Copy, const N: usize, const I: usize> Table<K, V, N, I> {
    const SHAPE: () =
        assert!(I.is_power_of_two() && I >= 2 * N && N < (1 << SLOT_BITS), "index too small for the table");

    /// An empty table. Its hash key must be set before the first insertion.
    #[must_use]
    pub const fn new() -> Self {
        let () = Self::SHAPE;
        Self { key: HashKey(0, 0), nodes: Vec::new(), free: 0, len: 0, grown: 0, visited: 0, index: [0; I] }
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

    /// Cells of the index, less one.
    const fn mask(&self) -> usize {
        self.grown | (if I < FIRST { I } else { FIRST } - 1)
    }

    /// The cell where a hash's probe begins, and the tag that its cell carries.
    fn home(&self, hash: u64) -> (usize, u32) {
        let [a, b, c, d, _, _, _, tag] = hash.to_le_bytes();
        let low = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(0);
        let whole = self.mask();
        let half = low & (whole >> 1);
        let at = if self.visited == 0 || half < self.visited { low & whole } else { half };
        (at, u32::from(tag) << SLOT_BITS)
    }

    /// Puts a cell that is in no place of the index into the first empty one of its probe.
    fn place(&mut self, mut at: usize, cell: u32) {
        let mask = self.mask();
        while let Some(place) = self.index.get_mut(at) {
            if *place == 0 {
                *place = cell;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Begins to double the index if it is half full, and goes on doubling it.
    fn grow(&mut self) {
        let mask = self.mask();
        if self.visited == 0 {
            if usize::try_from(self.len).is_ok_and(|len| 2 * len <= mask) || mask + 1 >= I {
                return;
            }
            self.grown = 2 * mask + 1;
        }
        // Up to an empty cell, so that all entries whose probe begins in these cells lie in them. Each is put into place
        // anew, in their order: whatever its probe passes over is in place already, and its own cell is free.
        let half = self.mask() >> 1;
        let (begin, least) = (self.visited, (self.visited + STEP).min(half + 1));
        let mut end = begin;
        while self.index.get(end).is_some_and(|cell| end < least || *cell != 0) {
            end += 1;
        }
        self.visited = end.min(half + 1);
        for at in begin..end {
            let Some(cell) = self.index.get_mut(at).map(core::mem::take).filter(|cell| *cell != 0) else { continue };
            let Some(key) = self.node((cell & SLOT_MASK) - 1).map(|node| node.key) else { continue };
            let (home, _) = self.home(self.hash(&key));
            self.place(home, cell);
        }
        if self.visited > half {
            self.visited = 0;
        }
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
        let (mut at, tag) = self.home(self.hash(key));
        let mask = self.mask();
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
            at = (at + 1) & mask;
        }
    }

    /// The slot of `key`'s entry.
    #[must_use]
    pub fn find(&self, key: &K) -> Option<Slot> {
        self.probe(key).map(|(_, slot)| Slot(slot))
    }

    /// Places that hold entries or held some: going through them by [`Table::slot_at`] visits every entry.
    #[must_use]
    pub fn places(&self) -> usize {
        self.nodes.len()
    }

    /// The entry in a place (0 to [`Table::places`]), if there is one. It stays there until it is removed.
    #[must_use]
    pub fn slot_at(&self, place: usize) -> Option<Slot> {
        let node = self.nodes.get(place)?;
        u32::try_from(place).ok().filter(|_| node.prev != VACANT).map(Slot)
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
        self.grow();
        let (home, tag) = self.home(self.hash(&key));
        self.place(home, tag | (slot + 1));
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
        let mask = self.mask();
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let cell = *self.index.get(at)?;
            if cell == 0 {
                break;
            }
            let moved = self.node((cell & SLOT_MASK) - 1)?.key;
            let (home, _) = self.home(self.hash(&moved));
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                *self.index.get_mut(hole)? = cell;
                hole = at;
            }
        }
        *self.index.get_mut(hole)? = 0;
        let next = self.free;
        let node = self.node_mut(slot.0)?;
        node.prev = VACANT;
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

    /// The entry after `slot` on the way from a list's front to its back.
    #[must_use]
    pub fn towards_back(&self, slot: Slot) -> Option<Slot> {
        Slot::of(self.node(slot.0)?.next)
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

    type Large = Table<u64, u64, 4096, 8192>;

    /// Every probe of the index leads to its entry, and every entry has one cell.
    fn sound<const N: usize, const I: usize>(table: &Table<u64, u64, N, I>) {
        let used = table.index.iter().filter(|cell| **cell != 0).count();
        let entries: StdVec<Slot> = (0..table.places()).filter_map(|place| table.slot_at(place)).collect();
        assert_eq!((used, entries.len()), (table.len().try_into().unwrap(), used));
        assert!(table.index.iter().skip(table.mask() + 1).all(|cell| *cell == 0), "cells outside of the index");
        for slot in entries {
            assert_eq!(table.find(&table.key(slot).unwrap()), Some(slot));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn nothing_is_lost_while_the_index_grows(
            // How many keys come, and how many of a hundred leave, one after the other.
            waves in prop::collection::vec((1u64..1500, 0u64..100), 1..8),
            k0: u64,
        ) {
            let mut table = Large::new();
            table.set_key(HashKey(k0, !k0));
            let mut model = BTreeMap::new();
            let mut key = 0;
            for (come, leave) in waves {
                for _ in 0..come {
                    key += 1;
                    prop_assert_eq!(table.find(&key), None);
                    match table.insert(key, !key) {
                        Ok(_) => prop_assert_eq!(model.insert(key, !key), None),
                        Err(_) => prop_assert_eq!(model.len(), 4096),
                    }
                    if key.is_multiple_of(7) && model.remove(&(key / 2)).is_some() {
                        let slot = table.find(&(key / 2)).unwrap();
                        prop_assert_eq!(table.remove(slot), Some(!(key / 2)));
                    }
                }
                sound(&table);
                model.retain(|key, value| {
                    let stays = key.wrapping_mul(k0 | 1) % 100 >= leave;
                    if !stays {
                        let removed = table.find(key).and_then(|slot| table.remove(slot));
                        assert_eq!(removed, Some(*value));
                    }
                    stays
                });
                sound(&table);
                for (key, value) in &model {
                    prop_assert_eq!(table.find(key).and_then(|slot| table.get(slot)), Some(value));
                }
            }
        }
    }

    #[test]
    fn the_index_is_as_large_as_its_entries_need() {
        let mut table = Large::new();
        assert_eq!(table.mask() + 1, FIRST);
        for n in 0..4096u64 {
            table.insert(n, 0).unwrap();
            let cells = table.mask() + 1;
            let entries = usize::try_from(n + 1).unwrap();
            assert!(cells >= FIRST && 2 * entries <= cells + 2, "{entries} entries in {cells} cells");
            assert!(cells == FIRST || cells <= 4 * entries, "{cells} cells for {entries} entries");
            // Ready long before it is half full again.
            assert!(table.visited == 0 || 8 * entries < 3 * cells, "{entries} entries, {} visited", table.visited);
        }
        sound(&table);
        assert_eq!((table.mask() + 1, table.insert(4096, 0)), (8192, Err(0)));
    }

    #[test]
    fn keys_that_collide_at_every_size_are_found_while_the_index_grows() {
        // As if the secret were known: all homes are one cell of the first size, and half of them one of the last.
        let zero = Large::new();
        let low = |key: &u64, bits: u64| zero.hash(key) & 0xffff_ffff & (bits - 1);
        let mut keys: StdVec<u64> = (0u64..).filter(|key| low(key, 8) == 7).take(400).collect();
        keys.extend((1u64 << 32..).filter(|key| low(key, 1024) == 1023).take(400));
        let mut table = Large::new();
        for (n, key) in (0..).zip(&keys) {
            table.insert(*key, n).unwrap();
            sound(&table);
        }
        for key in keys.iter().step_by(2) {
            let slot = table.find(key).unwrap();
            table.remove(slot);
        }
        sound(&table);
        assert_eq!(table.len(), 400);
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
        let chosen: StdVec<u64> = (0u64..).filter(|k| zero.hash(k) & 127 == 7).take(64).collect();
        let mut keyed = Small::new();
        keyed.set_key(HashKey(0x1234_5678, 0x9abc_def0));
        let mut homes: StdVec<u64> = chosen.iter().map(|k| keyed.hash(k) & 127).collect();
        homes.sort_unstable();
        homes.dedup();
        assert!(homes.len() > 32, "{} distinct homes", homes.len());
    }
}
