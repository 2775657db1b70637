//! A record on its way through the filters, with what several of them ask of it: worked out when the first one asks.

use super::pattern::access::{self, Access};
use crate::source::syslog::Record;
use core::cell::OnceCell;
use core::ops::Deref;

pub(crate) struct Heard<'a> {
    record: &'a Record<'a>,
    access: OnceCell<Option<Access<'a>>>,
}

impl<'a> Heard<'a> {
    pub(crate) const fn new(record: &'a Record<'a>) -> Self {
        Self { record, access: OnceCell::new() }
    }

    /// The request that it tells, if it is a line of an access log.
    pub(super) fn access(&self) -> Option<&Access<'a>> {
        self.access.get_or_init(|| access::read(self.record.message)).as_ref()
    }
}

impl<'a> Deref for Heard<'a> {
    type Target = Record<'a>;

    fn deref(&self) -> &Record<'a> {
        self.record
    }
}
