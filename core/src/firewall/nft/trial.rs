//! Whether this kernel would take our table, without giving it one: all of the scaffold in a batch without its end. The
//! kernel looks at every message, answers, and throws the batch away.

use super::Layout;
use crate::wire::buf::{Full, Writer};
use crate::wire::nfnl::BatchBegin;
use crate::wire::nft::scaffold::{Part, Scaffold};
use crate::wire::reply::{NetlinkError, Replies, Reply};

/// The name of the table in the batch: others, ours among them, do not stand in its way.
const TABLE: &str = "edgeban-trial";

/// What came of a trial.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Trial {
    /// The last message's acknowledgement is here.
    acked: bool,
    /// The first error and what it is about; `None` is the batch as a whole.
    pub error: Option<(NetlinkError, Option<Part>)>,
}

impl Trial {
    /// Writes the batch. `protect`: with the flags of a protected table.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn emit(layout: &Layout, protect: bool, w: &mut Writer<'_>) -> Result<(), Full> {
        BatchBegin::default().emit(0, w)?;
        Scaffold { table: TABLE, ..layout.scaffold(protect, false, false, false) }.emit(w, 1, true).map(drop)
    }

    /// Takes a datagram of the answers.
    pub fn handle(&mut self, layout: &Layout, datagram: &[u8]) {
        let scaffold = layout.scaffold(false, false, false, false);
        for reply in Replies::new(datagram).flatten() {
            match reply {
                Reply::Ack { seq } => self.acked |= seq == scaffold.messages(),
                Reply::Error { seq, error, .. } if self.error.is_none() => {
                    self.error = Some((error, scaffold.part(seq)));
                }
                _ => {}
            }
        }
    }

    /// Whether the kernel would take it.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.acked && self.error.is_none()
    }
}
