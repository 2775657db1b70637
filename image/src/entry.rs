//! Where musl's start-up code calls us.

#![allow(unsafe_code)]

use core::ffi::c_int;
use edgeban_linux::process::{Args, Argv};

// musl's start-up code needs its own library, and on the musl target nothing else asks for it.
#[link(name = "c")]
unsafe extern "C" {}

/// `main` of the C start-up code.
// SAFETY: the name is C's, and its type is the one that start-up code calls.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, argv: Argv) -> c_int {
    c_int::from(crate::run(Args::from_main(argv)))
}
