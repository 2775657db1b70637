//! Values as words of the system call ABI. The only file that converts with `as`.

#![expect(clippy::as_conversions, reason = "the system call ABI takes words; each function says why nothing is lost")]

/// An unsigned value: no machine that Linux runs on has words under 32 bits.
#[inline(always)]
pub(crate) const fn from_u32(value: u32) -> usize {
    value as usize
}

/// A C `int`, sign-extended as the ABI asks.
#[inline(always)]
pub(crate) const fn from_i32(value: i32) -> usize {
    value as isize as usize
}

/// The address of something that the kernel reads.
#[inline(always)]
pub(crate) fn from_ref<T>(value: &T) -> usize {
    core::ptr::from_ref(value).expose_provenance()
}

/// The address of something that the kernel writes.
#[inline(always)]
pub(crate) fn from_mut<T>(value: &mut T) -> usize {
    core::ptr::from_mut(value).expose_provenance()
}

/// The address of items that the kernel reads; the length is an argument of its own.
#[inline(always)]
pub(crate) fn from_slice<T>(slice: &[T]) -> usize {
    slice.as_ptr().expose_provenance()
}

/// The address of items that the kernel writes; the length is an argument of its own.
#[inline(always)]
pub(crate) fn from_slice_mut<T>(slice: &mut [T]) -> usize {
    slice.as_mut_ptr().expose_provenance()
}

/// A 64-bit value as words: one on 64-bit machines, a pair in memory order on 32-bit ones.
#[cfg(target_pointer_width = "64")]
type Offset = [usize; 1];
/// A 64-bit value as words: one on 64-bit machines, a pair in memory order on 32-bit ones.
#[cfg(target_pointer_width = "32")]
type Offset = [usize; 2];

/// `offset` as the words that carry it.
#[cfg(target_pointer_width = "64")]
const fn words(offset: u64) -> Offset {
    [offset as usize]
}

/// `offset` as the words that carry it: the low half first on little-endian machines, the high half first on others.
#[cfg(target_pointer_width = "32")]
const fn words(offset: u64) -> Offset {
    let (low, high) = (offset as usize, (offset >> 32) as usize);
    if cfg!(target_endian = "little") { [low, high] } else { [high, low] }
}

/// Three arguments and then a 64-bit one, as pread64(2) takes them.
///
/// On arm (EABI), mips (o32) and powerpc a pair of words begins at an even position, so a word of padding goes before
/// it (syscall(2), "Architecture-specific requirements"); x86 has no such rule, 64-bit machines need no pair.
#[inline(always)]
pub(crate) const fn with_offset([a, b, c]: [usize; 3], offset: u64) -> [usize; 6] {
    match words(offset) {
        #[cfg(target_pointer_width = "64")]
        [whole] => [a, b, c, whole, 0, 0],
        #[cfg(all(target_pointer_width = "32", not(target_arch = "x86")))]
        [first, second] => [a, b, c, 0, first, second],
        #[cfg(all(target_pointer_width = "32", target_arch = "x86"))]
        [first, second] => [a, b, c, first, second, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_int_stays_negative() {
        assert_eq!(from_i32(-100).cast_signed(), -100);
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn an_offset_is_one_word() {
        assert_eq!(with_offset([1, 2, 3], 1 << 40), [1, 2, 3, 1 << 40, 0, 0]);
    }
}
