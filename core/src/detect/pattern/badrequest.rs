//! Requests that nginx could not read, in its access log: status 400, with whatever the peer sent in place of a request.

use super::access;
use crate::addr::Addr;

/// Whose failure a line tells.
pub(in crate::detect) fn read(line: &[u8]) -> Option<Addr> {
    access::read(line).filter(|access| access.status == 400).map(|access| access.peer)
}
