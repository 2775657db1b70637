//! Entries of the journal: records that journald has taken apart, from senders that it knows.

use super::{Clock, Decision, Engine, JailSet};
use crate::config::model::Jail;
use crate::detect::custom::Line;
use crate::detect::{Attempt, Filter, FilterSet};
use crate::source::journal::{Admission, Entry};
use crate::source::syslog::Split;
use crate::time::Instant;

/// What became of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hearing {
    /// It was read, or concerns none of the jails.
    Read,
    /// It concerns a jail, and a user sent it who is not believed.
    NotBelieved,
    /// Its message has several lines: it was skipped, for each may be anybody's.
    NotALine,
}

impl<const T: usize, const TI: usize, const B: usize, const BI: usize> Engine<'_, T, TI, B, BI> {
    /// Reads one entry of the journal for the jails that follow it, as far as their `journalmatch` admits it. `decided` hears
    /// what each jail that recognised an attempt made of it.
    pub fn handle_entry<'c>(
        &mut self,
        jails: JailSet,
        entry: &Entry<'_>,
        clock: impl Into<Clock<'c>>,
        mut decided: impl FnMut(&Jail, Attempt, Decision),
    ) -> Hearing {
        self.counters.lines += 1;
        let message = entry.message.trim_ascii_end();
        if message.contains(&b'\n') || message.contains(&0) {
            return Hearing::NotALine;
        }
        let entry = &Entry { message, ..*entry };
        let (mut some, mut alone, mut heard) = (JailSet::NONE, JailSet::NONE, Hearing::Read);
        for number in jails.numbers() {
            let Some(jail) = self.memory.jails.get(usize::from(number)) else { continue };
            match jail.journalmatch.admit(entry) {
                // Who names a service for a jail says whose messages these are.
                Admission::Counts if jail.journalmatch.name_a_service() => alone.insert(number),
                Admission::Counts => some.insert(number),
                Admission::NotBelieved => heard = Hearing::NotBelieved,
                Admission::Other => {}
            }
        }
        let record = entry.record();
        let now = clock.into().at(|| record.stamp);
        self.read_entry(some, entry, false, now, &mut decided);
        self.read_entry(alone, entry, true, now, &mut decided);
        heard
    }

    /// What these jails make of an entry: by the program's name, or, if none knows that and only one service's messages come,
    /// as a message of the service's own log.
    fn read_entry(
        &mut self,
        jails: JailSet,
        entry: &Entry<'_>,
        alone: bool,
        now: Instant,
        decided: &mut impl FnMut(&Jail, Attempt, Decision),
    ) {
        if jails == JailSet::NONE {
            return;
        }
        let record = entry.record();
        let named = FilterSet::of_program(record.program);
        self.handle_record(jails, &record, named, now, decided);
        if alone
            && named.is_empty()
            && let Some(own) = Filter::own_record(record.message, &Split::of(record.message))
        {
            self.ask(jails, &own, now, decided);
        }
        self.ask_custom(jails, &mut Line::of_record(record, alone), now, decided);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Memory;
    use super::*;
    use crate::config::model::Config;
    use crate::firewall::nft::Layout;
    use crate::table::HashKey;
    use std::boxed::Box;
    use std::string::ToString as _;
    use std::vec::Vec;

    const FAILED: &[u8] = b"Failed password for root from 192.0.2.1 port 22 ssh2";

    fn entry(identifier: &'static [u8], message: &'static [u8]) -> Entry<'static> {
        Entry {
            seqnum: 1,
            realtime: 1_795_567_668_395_000,
            message,
            identifier,
            pid: Some(7),
            uid: Some(0),
            comm: b"x",
            unit: b"x.service",
            transport: b"syslog",
        }
    }

    /// The names of the jails that saw an attempt, and what became of the entry.
    fn heard(config: &str, entry: &Entry<'_>) -> (Vec<std::string::String>, Hearing) {
        let mut memory: Box<Memory<64, 128, 8, 16>> = Box::default();
        let mut parsed = Box::new(Config::EMPTY);
        let mut tokens = Box::new(crate::config::Tokens::new());
        crate::config::read(config.as_bytes(), &mut tokens, &mut parsed, &mut |error| panic!("{error}")).unwrap();
        let mut engine = Engine::new(&mut memory, &parsed.jails, Layout::plain("edgeban"), HashKey(1, 2));
        engine.set_filters(&parsed.filters);
        let mut all = JailSet::NONE;
        (0u8..).zip(&parsed.jails).for_each(|(number, _)| all.insert(number));
        let mut names = Vec::new();
        let heard = engine.handle_entry(all, entry, Instant::ZERO, |jail, attempt, _| {
            assert_eq!(attempt.addr.to_string(), "192.0.2.1");
            names.push(jail.name.to_string());
        });
        (names, heard)
    }

    const TWO: &str = "defaults.logpath = 'journal'\n[jails.sshd]\n[jails.nginx-http-auth]\n";

    #[test]
    fn the_identifier_decides_as_a_header_does() {
        assert_eq!(heard(TWO, &entry(b"sshd", FAILED)), (["sshd".to_string()].to_vec(), Hearing::Read));
        for other in [&b"dropbear"[..], b"x", b""] {
            assert_eq!(heard(TWO, &entry(other, FAILED)).0, [""; 0]);
        }
        let by_comm = Entry { comm: b"sshd", ..entry(b"", FAILED) };
        assert_eq!(heard(TWO, &by_comm).0, ["sshd"]);
    }

    #[test]
    fn who_may_log_in_bans_nobody() {
        let of = |uid| Entry { uid, ..entry(b"sshd", FAILED) };
        assert_eq!(heard(TWO, &of(Some(1000))), (Vec::new(), Hearing::NotBelieved));
        assert_eq!(heard(TWO, &of(None)), (Vec::new(), Hearing::NotBelieved));
        assert_eq!(heard(TWO, &of(Some(101))).0, ["sshd"]);
        let named = TWO.replace("[jails.sshd]", "[jails.sshd]\njournalmatch = '_UID=1000'");
        assert_eq!(heard(&named, &of(Some(1000))).0, ["sshd"]);
    }

    #[test]
    fn several_lines_are_skipped() {
        let lines = entry(b"sshd", b"x\nFailed password for root from 192.0.2.1 port 22 ssh2");
        assert_eq!(heard(TWO, &lines), (Vec::new(), Hearing::NotALine));
        let end = entry(b"sshd", b"Failed password for root from 192.0.2.1 port 22 ssh2\n");
        assert_eq!(heard(TWO, &end).0, ["sshd"]);
    }

    #[test]
    fn a_service_that_is_named_needs_no_name_of_its_own() {
        let error = entry(
            b"run.sh",
            b"2026/11/24 05:00:00 [error] 7#7: *1 user \"x\" was not found in \"/p\", client: 192.0.2.1, server: _, \
              request: \"GET / HTTP/1.1\", host: \"h\"",
        );
        assert_eq!(heard(TWO, &error).0, [""; 0]);
        let of =
            |matches: &str| TWO.replace("[jails.nginx-http-auth]", &std::format!("[jails.nginx-http-auth]\n{matches}"));
        assert_eq!(heard(&of("journalmatch = '_SYSTEMD_UNIT=x.service'"), &error).0, ["nginx-http-auth"]);
        assert_eq!(heard(&of("journalmatch = '_SYSTEMD_UNIT=y.service'"), &error).0, [""; 0]);
        assert_eq!(heard(&of("journalmatch = '_UID=0'"), &error).0, [""; 0]);
        let other = Entry { identifier: b"sshd", ..error };
        assert_eq!(heard(&of("journalmatch = '_SYSTEMD_UNIT=x.service'"), &other).0, [""; 0]);
    }

    #[test]
    fn filters_of_the_operators_read_their_programs() {
        let config = |template: &str, more: &str| {
            std::format!("[filters.f]\nmatch = ['{template}']\n[jails.f]\nlogpath = 'journal'\n{more}")
        };
        let failed = entry(b"app", b"login failed from 192.0.2.1");
        assert_eq!(heard(&config("<prog:app> login failed from <ADDR>", ""), &failed).0, ["f"]);
        assert_eq!(heard(&config("<prog:other> login failed from <ADDR>", ""), &failed).0, [""; 0]);
        let line = "login failed from <ADDR>";
        assert_eq!(heard(&config(line, ""), &failed).0, [""; 0], "of any program");
        assert_eq!(heard(&config(line, "journalmatch = 'SYSLOG_IDENTIFIER=app'"), &failed).0, ["f"]);
    }
}
