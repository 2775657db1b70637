//! Which ban ends first: a binary heap of slots over the ban table, with each ban's place in the heap kept in the ban,
//! so that any of them can leave at once.

use super::Ban;
use crate::addr::Addr;
use crate::table::{Slot, Table};
use core::mem;
use heapless::Vec;

/// A ban's place in the heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position(u32);

impl Position {
    /// In no heap.
    pub const NONE: Self = Self(u32::MAX);

    fn new(at: usize) -> Self {
        Self(u32::try_from(at).unwrap_or(u32::MAX))
    }

    fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// The bans of a table in the order of their ends; permanent ones are last.
pub struct Heap<const N: usize> {
    slots: Vec<Slot, N>,
}

type BanTable<const N: usize, const I: usize> = Table<Addr, Ban, N, I>;

fn end<const N: usize, const I: usize>(table: &BanTable<N, I>, slot: Slot) -> u64 {
    table.get(slot).and_then(|ban| ban.until).map_or(u64::MAX, |until| until.as_millis())
}

impl<const N: usize> Heap<N> {
    /// The empty heap.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// The ban that ends first.
    #[must_use]
    pub fn first(&self) -> Option<Slot> {
        self.slots.first().copied()
    }

    /// Adds a ban that is not in the heap. There is room: the heap holds as many as the table.
    pub fn insert<const I: usize>(&mut self, table: &mut BanTable<N, I>, slot: Slot) {
        let at = self.slots.len();
        if self.slots.push(slot).is_ok() {
            self.settle(table, at);
        }
    }

    /// Takes a ban out that is in the heap.
    pub fn remove<const I: usize>(&mut self, table: &mut BanTable<N, I>, slot: Slot) {
        let Some(at) = table.get_mut(slot).map(|ban| mem::replace(&mut ban.position, Position::NONE).get()) else {
            return;
        };
        if at < self.slots.len() {
            self.slots.swap_remove(at);
            self.settle(table, at);
        }
    }

    /// Moves the ban at `at` to where its end belongs.
    fn settle<const I: usize>(&mut self, table: &mut BanTable<N, I>, mut at: usize) {
        let Some(slot) = self.slots.get(at).copied() else { return };
        let key = end(table, slot);
        while at > 0 {
            let parent = (at - 1) / 2;
            match self.slots.get(parent).copied() {
                Some(other) if end(table, other) > key => self.put(table, at, other),
                _ => break,
            }
            at = parent;
        }
        loop {
            let left = 2 * at + 1;
            let child = [left, left + 1]
                .into_iter()
                .filter_map(|child| self.slots.get(child).map(|slot| (end(table, *slot), child, *slot)))
                .min_by_key(|(end, ..)| *end);
            match child {
                Some((end, child, other)) if end < key => {
                    self.put(table, at, other);
                    at = child;
                }
                _ => break,
            }
        }
        self.put(table, at, slot);
    }

    fn put<const I: usize>(&mut self, table: &mut BanTable<N, I>, at: usize, slot: Slot) {
        if let Some(place) = self.slots.get_mut(at) {
            *place = slot;
        }
        if let Some(ban) = table.get_mut(slot) {
            ban.position = Position::new(at);
        }
    }
}

impl<const N: usize> Default for Heap<N> {
    fn default() -> Self {
        Self::new()
    }
}
