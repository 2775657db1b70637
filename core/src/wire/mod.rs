//! Netlink as bytes: the writer, the kernel's constants, the messages of nf_tables and its answers.
