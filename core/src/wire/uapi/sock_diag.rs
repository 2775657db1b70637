//! `linux/sock_diag.h` and `linux/inet_diag.h`: listing sockets and ending connections. The states of TCP are those of
//! `netinet/tcp.h` (`net/tcp_states.h` in the kernel).

/// `SOCK_DIAG_BY_FAMILY`: type of a message: tell sockets, and the telling.
pub const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `SOCK_DESTROY`: type of a message: end a socket's connection. Linux 4.5, if built with `CONFIG_INET_DIAG_DESTROY`.
pub const SOCK_DESTROY: u16 = 21;
/// `INET_DIAG_SOCKID_LEN`: bytes of `struct inet_diag_sockid`.
pub const INET_DIAG_SOCKID_LEN: usize = 48;

/// `IPPROTO_TCP`.
pub const IPPROTO_TCP: u8 = 6;
/// `AF_INET`.
pub const AF_INET: u8 = 2;
/// `AF_INET6`.
pub const AF_INET6: u8 = 10;

/// `TCP_ESTABLISHED`.
pub const TCP_ESTABLISHED: u32 = 1;
/// `TCP_SYN_SENT`.
pub const TCP_SYN_SENT: u32 = 2;
/// `TCP_SYN_RECV`.
pub const TCP_SYN_RECV: u32 = 3;
/// `TCP_FIN_WAIT1`.
pub const TCP_FIN_WAIT1: u32 = 4;
/// `TCP_FIN_WAIT2`.
pub const TCP_FIN_WAIT2: u32 = 5;
/// `TCP_CLOSE_WAIT`.
pub const TCP_CLOSE_WAIT: u32 = 8;
/// `TCP_LAST_ACK`.
pub const TCP_LAST_ACK: u32 = 9;
/// `TCP_CLOSING`.
pub const TCP_CLOSING: u32 = 11;
