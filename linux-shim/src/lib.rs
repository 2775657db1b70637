//! The system calls that edgeban makes. No policy: nothing here knows of logs, bans or rules.

#![no_std]
#![deny(unsafe_code)]
