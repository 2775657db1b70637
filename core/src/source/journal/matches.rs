//! Which entries of the journal a jail counts.
//!
//! journald knows who sent an entry, and notes it in fields that begin with an underscore; what the program is called is the
//! sender's own word. So that nobody who can log in and run `logger -t sshd` gets others banned, an entry counts if it is
//! the kernel's, or of a user below [`SYSTEM_USERS`]: root, and those that services run as. Matches of `_UID` are asked in
//! place of that.
//!
//! Not believed for more than they are: `_COMM`, which every process may choose, and `_SYSTEMD_UNIT`, which is that of
//! `sshd` for its users, too, where no PAM module moves them into a session of their own.

use super::Entry;
use crate::limits;
use heapless::String;

/// The first id of users who are people, on nearly every distribution (`UID_MIN` of login.defs).
pub const SYSTEM_USERS: u32 = 1000;

/// `journalmatch`: fields that an entry has to have. Of one field, one of the values; of several, each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Matches {
    /// `FIELD=VALUE`, each with a line end.
    text: String<{ limits::JOURNALMATCH }>,
}

/// What becomes of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It counts.
    Counts,
    /// It does not match.
    Other,
    /// It would match, and a user sent it who is not believed.
    NotBelieved,
}

/// Why a match is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Not `FIELD=VALUE` with a known field and a value.
    Malformed,
    /// More than [`limits::JOURNALMATCH`] bytes in all.
    Full,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Unit,
    Comm,
    Uid,
    Identifier,
    Transport,
}

impl Field {
    const ALL: [Self; 5] = [Self::Unit, Self::Comm, Self::Uid, Self::Identifier, Self::Transport];

    const fn name(self) -> &'static str {
        match self {
            Self::Unit => "_SYSTEMD_UNIT",
            Self::Comm => "_COMM",
            Self::Uid => "_UID",
            Self::Identifier => "SYSLOG_IDENTIFIER",
            Self::Transport => "_TRANSPORT",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Unit => 1,
            Self::Comm => 2,
            Self::Uid => 4,
            Self::Identifier => 8,
            Self::Transport => 16,
        }
    }

    /// The field and the value of `FIELD=VALUE`.
    fn split(text: &str) -> Option<(Self, &str)> {
        let (name, value) = text.split_once('=')?;
        let field = Self::ALL.into_iter().find(|field| field.name() == name)?;
        Some((field, value))
    }

    fn is(self, value: &str, entry: &Entry<'_>) -> bool {
        let value = value.as_bytes();
        match self {
            Self::Unit => entry.unit == value,
            Self::Comm => entry.comm == value,
            Self::Uid => entry.uid.is_some() && entry.uid == number(value),
            Self::Identifier => entry.identifier == value,
            Self::Transport => entry.transport == value,
        }
    }
}

fn number(text: &[u8]) -> Option<u32> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

impl Matches {
    /// Nothing is asked.
    pub const NONE: Self = Self { text: String::new() };

    /// Adds one.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn add(&mut self, text: &str) -> Result<(), Refused> {
        let (field, value) = Field::split(text).ok_or(Refused::Malformed)?;
        let fits = match field {
            Field::Uid => number(value.as_bytes()).is_some(),
            _ => !value.is_empty() && !value.contains(char::is_control),
        };
        if !fits {
            return Err(Refused::Malformed);
        }
        // In one piece or not at all.
        if text.len() >= self.text.capacity() - self.text.len() {
            return Err(Refused::Full);
        }
        self.text.push_str(text).and_then(|()| self.text.push('\n')).map_err(|_| Refused::Full)
    }

    /// The matches, as they were added.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    /// Asks for nothing any more.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Whether they name a service: what it says is its own word then, also if it gives itself no name that is known.
    #[must_use]
    pub fn name_a_service(&self) -> bool {
        self.fields().any(|(field, _)| matches!(field, Field::Unit | Field::Comm | Field::Identifier))
    }

    fn fields(&self) -> impl Iterator<Item = (Field, &str)> {
        self.iter().filter_map(Field::split)
    }

    /// Holds an entry against them.
    #[must_use]
    pub fn admit(&self, entry: &Entry<'_>) -> Admission {
        let (mut asked, mut met) = (0, 0);
        for (field, value) in self.fields() {
            asked |= field.bit();
            if field.is(value, entry) {
                met |= field.bit();
            }
        }
        if met != asked {
            return Admission::Other;
        }
        let believed = asked & Field::Uid.bit() != 0
            || entry.transport == b"kernel"
            || entry.uid.is_some_and(|uid| uid < SYSTEM_USERS);
        if believed { Admission::Counts } else { Admission::NotBelieved }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String as Text;

    fn matches(texts: &[&str]) -> Matches {
        let mut matches = Matches::NONE;
        texts.iter().for_each(|text| matches.add(text).unwrap());
        matches
    }

    const SSHD: Entry<'static> = Entry {
        seqnum: 1,
        realtime: 2,
        message: b"m",
        identifier: b"sshd",
        pid: Some(7),
        uid: Some(0),
        comm: b"sshd",
        unit: b"ssh.service",
        transport: b"syslog",
    };

    #[test]
    fn of_one_field_a_value_and_of_several_each() {
        use Admission::{Counts, Other};
        for (texts, want) in [
            (&[][..], Counts),
            (&["_SYSTEMD_UNIT=ssh.service"], Counts),
            (&["_SYSTEMD_UNIT=sshd.service", "_SYSTEMD_UNIT=ssh.service"], Counts),
            (&["_SYSTEMD_UNIT=ssh.service", "_COMM=sshd", "_UID=0", "_TRANSPORT=syslog"], Counts),
            (&["SYSLOG_IDENTIFIER=sshd", "_UID=7", "_UID=00"], Counts),
            (&["_SYSTEMD_UNIT=sshd.service"], Other),
            (&["_SYSTEMD_UNIT=ssh.service", "_COMM=logger"], Other),
            (&["_UID=7"], Other),
            (&["_TRANSPORT=syslo"], Other),
            (&["SYSLOG_IDENTIFIER=ssh=d"], Other),
        ] {
            assert_eq!(matches(texts).admit(&SSHD), want, "{texts:?}");
        }
    }

    #[test]
    fn who_is_a_person_is_not_believed_unless_named() {
        use Admission::{Counts, NotBelieved, Other};
        let of = |uid| Entry { uid, ..SSHD };
        for (uid, want) in [
            (Some(0), Counts),
            (Some(999), Counts),
            (Some(1000), NotBelieved),
            (Some(65534), NotBelieved),
            (None, NotBelieved),
        ] {
            assert_eq!(Matches::NONE.admit(&of(uid)), want, "{uid:?}");
            assert_eq!(matches(&["_SYSTEMD_UNIT=ssh.service"]).admit(&of(uid)), want, "{uid:?}");
        }
        assert_eq!(matches(&["_UID=1000"]).admit(&of(Some(1000))), Counts);
        assert_eq!(matches(&["_UID=1000"]).admit(&of(Some(1001))), Other);
        assert_eq!(matches(&["_UID=1000"]).admit(&of(None)), Other);
        assert_eq!(Matches::NONE.admit(&Entry { uid: None, transport: b"kernel", ..SSHD }), Counts);
    }

    #[test]
    fn what_is_no_match_is_refused() {
        for text in [
            "",
            "sshd",
            "_PID=1",
            "MESSAGE=x",
            "_comm=sshd",
            "_COMM=",
            "_UID=",
            "_UID=root",
            "_UID=-1",
            "_COMM=a\nb",
            "+",
        ] {
            assert_eq!(Matches::NONE.clone().add(text), Err(Refused::Malformed), "{text:?}");
        }
    }

    #[test]
    fn they_are_full_at_their_limit_and_stay_whole() {
        let mut full = Matches::NONE;
        let long = Text::from("_COMM=") + &"x".repeat(limits::JOURNALMATCH - "_COMM=x\n_COMM=\n".len());
        full.add("_COMM=x").unwrap();
        full.add(&long).unwrap();
        assert_eq!(full.iter().collect::<std::vec::Vec<_>>(), ["_COMM=x", &long]);
        assert_eq!(full.clone().add("_COMM=y"), Err(Refused::Full));
        assert_eq!(full.iter().count(), 2);
        assert!(full.name_a_service() && !matches(&["_UID=0", "_TRANSPORT=stdout"]).name_a_service());
    }
}
