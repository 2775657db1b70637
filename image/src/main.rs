//! edgeban: the binary.

#![no_std]
#![no_main]
