//! Requests that nginx could not read, in its access log: status 400, with whatever the peer sent in place of a request.

use super::access::Access;
use crate::addr::Addr;
use crate::detect::Mode;

/// Whose failure a request is.
pub(in crate::detect) fn read(access: &Access<'_>, _mode: Mode) -> Option<Addr> {
    (access.status == 400).then_some(access.peer)
}
