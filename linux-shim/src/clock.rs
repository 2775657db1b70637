//! # Safety
//!
//! The one obligation: the time structure passed to the kernel is the one that the system call's number means.
//!
//! The clocks. A call costs a system call (tens of nanoseconds), so ask once a turn and pass the answer on.

#![allow(unsafe_code)]

use crate::{Errno, arch};
use core::mem::{offset_of, size_of};
use linux_raw_sys::general as c;
use static_assertions::const_assert_eq;

/// `struct __kernel_timespec`, `linux/time_types.h`: 64-bit seconds on every machine.
#[repr(C)]
#[derive(Default)]
struct Time {
    seconds: i64,
    nanoseconds: i64,
}

const_assert_eq!(size_of::<Time>(), size_of::<c::__kernel_timespec>());
const_assert_eq!(offset_of!(Time, seconds), offset_of!(c::__kernel_timespec, tv_sec));
const_assert_eq!(offset_of!(Time, nanoseconds), offset_of!(c::__kernel_timespec, tv_nsec));

/// Milliseconds of `CLOCK_MONOTONIC`: since boot or so, never backwards, not counting time in suspend.
///
/// # Errors
/// clock_gettime(2) has none for this clock, unless a filter forbids the call.
pub fn monotonic_ms() -> Result<u64, Errno> {
    let now = now(c::CLOCK_MONOTONIC)?;
    let ms = now.seconds.saturating_mul(1000).saturating_add(now.nanoseconds / 1_000_000);
    Ok(u64::try_from(ms).unwrap_or(0))
}

/// Seconds of `CLOCK_REALTIME` since 1970-01-01 00:00:00 UTC: jumps when somebody sets the clock.
///
/// # Errors
/// clock_gettime(2) has none for this clock, unless a filter forbids the call.
pub fn realtime_secs() -> Result<i64, Errno> {
    now(c::CLOCK_REALTIME).map(|now| now.seconds)
}

#[cfg(target_pointer_width = "64")]
fn now(clock: u32) -> Result<Time, Errno> {
    call(c::__NR_clock_gettime, clock)
}

/// clock_gettime64 where the kernel has it (5.1), else the call of the time before 2038.
#[cfg(target_pointer_width = "32")]
fn now(clock: u32) -> Result<Time, Errno> {
    match call(c::__NR_clock_gettime64, clock) {
        Err(Errno::ENOSYS) => old(clock),
        done => done,
    }
}

fn call(number: u32, clock: u32) -> Result<Time, Errno> {
    let mut time = Time::default();
    let args = [arch::from_u32(clock), arch::from_mut(&mut time)];
    // SAFETY: `time` is ours and has the kernel's layout (asserted above), which is all that the kernel writes: both
    // callers pass the number whose structure has 64-bit fields on this machine.
    unsafe { arch::call(number, args) }?;
    Ok(time)
}

/// `struct old_timespec32`, `__kernel_old_timespec` on 32-bit machines.
#[cfg(target_pointer_width = "32")]
#[repr(C)]
#[derive(Default)]
struct OldTime {
    seconds: i32,
    nanoseconds: i32,
}

#[cfg(target_pointer_width = "32")]
const_assert_eq!(size_of::<OldTime>(), size_of::<c::__kernel_old_timespec>());

#[cfg(target_pointer_width = "32")]
fn old(clock: u32) -> Result<Time, Errno> {
    let mut time = OldTime::default();
    let args = [arch::from_u32(clock), arch::from_mut(&mut time)];
    // SAFETY: `time` is ours and has the layout that this number means on 32-bit machines (asserted above), which is
    // all that the kernel writes.
    unsafe { arch::call(c::__NR_clock_gettime, args) }?;
    Ok(Time { seconds: time.seconds.into(), nanoseconds: time.nanoseconds.into() })
}
