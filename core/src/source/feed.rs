//! Sources of lines that are no files. In the configuration each is a word that stands in `logpath` where a path may.

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feed {
    /// `journal`: systemd's.
    Journal,
}

impl Feed {
    /// Every feed.
    pub const ALL: [Self; 1] = [Self::Journal];

    /// Their names.
    pub const NAMES: [&'static str; Self::ALL.len()] = ["journal"];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self.index()).copied().unwrap_or_default()
    }

    /// The feed of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feed| feed.name() == name)
    }

    /// Its place in [`Feed::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Journal => 0,
        }
    }
}

/// Why a feed brings nothing at present. Each is tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is not there (yet, or any more).
    Missing,
    /// No permission: the daemon's user or its confinement.
    Denied,
    /// No descriptor or memory left.
    Exhausted,
    /// It cannot be read.
    Failed,
    /// Its file has a form that is not known.
    Unknown,
    /// Its file is damaged.
    Damaged,
}

impl Fault {
    /// In a few words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "not there",
            Self::Denied => "no permission to read it",
            Self::Exhausted => "no descriptors or memory left",
            Self::Failed => "cannot be read",
            Self::Unknown => "its file has an unknown form",
            Self::Damaged => "its file is damaged",
        }
    }
}

/// What happened to a feed since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Lines, or messages, that were read.
    pub lines: u64,
    /// Bytes that they had.
    pub bytes: u64,
    /// Lines that were skipped because they are longer than [`LINE`](crate::limits::LINE).
    pub overlong: u64,
    /// Lines that could not be read for another reason: cut, compressed, damaged, or several in one.
    pub skipped: u64,
    /// Lines that are known to be missing.
    pub lost: u64,
    /// Lines of senders who are not believed.
    pub not_believed: u64,
    /// Times that what was followed was replaced, and followed further.
    pub rotated: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_agree() {
        for (n, feed) in Feed::ALL.into_iter().enumerate() {
            assert_eq!((feed.index(), Feed::from_name(Feed::NAMES[n])), (n, Some(feed)));
        }
        assert!(Feed::from_name("/journal").is_none());
    }
}
