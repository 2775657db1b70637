//! The sources that are no files: opens what jails follow, waits for it, reads it, and knows what is wrong with it.
//!
//! All their descriptors are in an epoll instance of their own, which is one descriptor for the daemon's loop: what comes and
//! goes here is no business of others.

mod journal;

use super::Chunk;
use edgeban_core::config::model;
use edgeban_core::engine::{Hearing, JailSet};
use edgeban_core::source::feed::{Counters, Fault, Feed};
use edgeban_core::source::journal::Entry;
use edgeban_core::time::{Duration, Instant};
use edgeban_linux::Errno;
use edgeban_linux::epoll::{self, Epoll, Ready};
use edgeban_linux::fd::{AsFd, BorrowedFd};

use journal::Journal;

/// How soon something is tried again that is not there, or that nobody tells news of.
const UNSETTLED: Duration = Duration::from_secs(1);

/// Lines of a feed that are read in one turn, so that all sources get theirs.
const LINES: usize = 256;

/// What a feed brought.
pub enum Item<'a> {
    /// An entry of the journal.
    Entry(&'a Entry<'a>),
}

/// Who hears what the feeds bring.
pub type Sink<'s> = dyn FnMut(JailSet, Item<'_>) -> Hearing + 's;

/// All of them.
pub struct Feeds {
    epoll: Epoll,
    woken: bool,
    followers: [JailSet; Feed::ALL.len()],
    journal: Option<Journal>,
    /// The faults that were last shown.
    shown: [Option<Shown>; Feed::ALL.len()],
}

/// What was shown of a feed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shown(Option<Fault>);

/// What jails follow, and how that is set.
pub struct Wanted<'a> {
    /// The jails that follow each feed.
    pub followers: [JailSet; Feed::ALL.len()],
    /// `[journal]`.
    pub journal: &'a model::Journal,
}

impl Feeds {
    /// Nothing that is followed.
    ///
    /// # Errors
    /// epoll_create1(2).
    pub fn new() -> Result<Self, Errno> {
        Ok(Self {
            epoll: Epoll::new()?,
            woken: false,
            followers: [JailSet::NONE; Feed::ALL.len()],
            journal: None,
            shown: [None; Feed::ALL.len()],
        })
    }

    /// Follows from the next turn on what is wanted, and nothing else. What goes on with the same settings is not touched.
    pub fn follow(&mut self, wanted: &Wanted<'_>) {
        self.followers = wanted.followers;
        if !self.follows(Feed::Journal) {
            self.journal = None;
        } else if self.journal.as_ref().is_none_or(|journal| !journal.is_at(wanted.journal)) {
            self.journal = Some(Journal::new(wanted.journal, Some(&self.epoll)));
        }
        for (shown, followers) in self.shown.iter_mut().zip(&self.followers) {
            if *followers == JailSet::NONE {
                *shown = None;
            }
        }
    }

    /// The feeds that are followed.
    pub fn iter(&self) -> impl Iterator<Item = Feed> {
        Feed::ALL.into_iter().filter(|feed| self.follows(*feed))
    }

    fn follows(&self, feed: Feed) -> bool {
        self.jails(feed) != JailSet::NONE
    }

    fn jails(&self, feed: Feed) -> JailSet {
        self.followers.get(feed.index()).copied().unwrap_or_default()
    }

    /// Takes note that something can be read.
    pub const fn wake(&mut self) {
        self.woken = true;
    }

    /// Does what is due, and reads what there is, up to so many lines of each. True when there is more to do at once;
    /// otherwise it is time again at [`Feeds::poll_at`] or after [`Feeds::wake`].
    pub fn turn(&mut self, now: Instant, chunk: &mut Chunk, sink: &mut Sink<'_>) -> bool {
        let mut ready = [epoll::Event::EMPTY; Feed::ALL.len()];
        let mut woken = [false; Feed::ALL.len()];
        if core::mem::take(&mut self.woken)
            && let Ok(events) = self.epoll.wait(&mut ready, Some(0))
        {
            for event in events {
                if let Some(woken) = usize::try_from(event.token()).ok().and_then(|token| woken.get_mut(token)) {
                    *woken = true;
                }
            }
        }
        let woken = |feed: Feed| woken.get(feed.index()).copied().unwrap_or_default();
        let mut more = false;
        let jails = self.jails(Feed::Journal);
        if let Some(journal) = &mut self.journal {
            let mut sink = |entry: &Entry<'_>| sink(jails, Item::Entry(entry));
            more |= journal.turn(woken(Feed::Journal), now, chunk, &mut sink);
        }
        more
    }

    /// When [`Feeds::turn`] is due without any event; `None` if only then.
    pub fn poll_at(&self) -> Option<Instant> {
        self.journal.as_ref().map(Journal::poll_at)
    }

    /// What is wrong with a feed.
    pub fn fault(&self, feed: Feed) -> Option<Fault> {
        match feed {
            Feed::Journal => self.journal.as_ref().and_then(Journal::fault),
        }
    }

    /// The next feed whose fault came, changed or went since this was last asked.
    pub fn poll_fault(&mut self) -> Option<(Feed, Option<Fault>)> {
        let feed = self.iter().find(|feed| self.shown.get(feed.index()) != Some(&Some(Shown(self.fault(*feed)))))?;
        let fault = self.fault(feed);
        if let Some(shown) = self.shown.get_mut(feed.index()) {
            *shown = Some(Shown(fault));
        }
        Some((feed, fault))
    }

    /// What happened to a feed so far.
    pub fn counters(&self, feed: Feed) -> Counters {
        match feed {
            Feed::Journal => self.journal.as_ref().map(Journal::counters).unwrap_or_default(),
        }
    }
}

/// The descriptor that becomes readable when [`Feeds::wake`] should be called.
impl AsFd for Feeds {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// What would be wrong with a feed if it were followed. Changes nothing.
pub fn probe(feed: Feed, config: &model::Config) -> Option<Fault> {
    match feed {
        Feed::Journal => Journal::new(&config.journal, None).probe(),
    }
}

/// Waits for a descriptor. Where that fails, it is looked at every second.
fn wait_for(epoll: Option<&Epoll>, fd: BorrowedFd<'_>, feed: Feed) -> bool {
    let token = u64::try_from(feed.index()).unwrap_or(u64::MAX);
    epoll.is_some_and(|epoll| epoll.add(fd, Ready::READ, token).is_ok())
}

fn fault(errno: Errno) -> Fault {
    match errno {
        Errno::ENOENT | Errno::ENOTDIR => Fault::Missing,
        Errno::EACCES | Errno::EPERM => Fault::Denied,
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => Fault::Exhausted,
        _ => Fault::Failed,
    }
}
