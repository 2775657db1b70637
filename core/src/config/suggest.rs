//! What an unknown word was probably meant to be.

use super::error::Hint;
use super::key::Key;

/// Longest word that is compared; no known one is longer.
const WORD: usize = 24;

/// The known word that is nearest to `word`, if it is near: at most two letters differ and less than half of them, or
/// one is the beginning of the other. Upper and lower case are the same here.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let mut best: Option<(usize, &'k str)> = None;
    for candidate in known {
        let distance = distance(word.as_bytes(), candidate.as_bytes());
        let near = distance <= 2 && distance * 2 < word.len().max(candidate.len());
        if (near || begins(word, candidate) || begins(candidate, word))
            && best.is_none_or(|(least, _)| distance < least)
        {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Whether `word` begins with `start`, which must be long enough to mean something.
fn begins(word: &str, start: &str) -> bool {
    start.len() >= 3 && word.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// Insertions, deletions and changes that lead from one word to the other (Levenshtein); many if one is too long.
fn distance(a: &[u8], b: &[u8]) -> usize {
    if a.len() > WORD || b.len() > WORD {
        return WORD;
    }
    let mut row = [0usize; WORD + 1];
    for (n, cell) in row.iter_mut().enumerate() {
        *cell = n;
    }
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let change = diagonal + usize::from(!x.eq_ignore_ascii_case(y));
            diagonal = *cell;
            left = change.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.get(b.len()).copied().unwrap_or(WORD)
}

/// What to say of words that other programs' configurations have.
pub(super) fn alias(word: &str) -> Option<Hint> {
    ALIASES.iter().find(|(words, _)| words.iter().any(|alias| alias.eq_ignore_ascii_case(word))).map(|(_, hint)| *hint)
}

/// What to say of a word below `key`, which holds a value: of fail2ban's `bantime.increment` and its like, and of what
/// edgeban has not.
pub(super) fn below(key: Key, word: &str) -> Option<Hint> {
    let dotted = || DOTTED.iter().find(|(name, _)| *name == word).map(|(_, key)| Hint::Near(key));
    let growth = if key == Key::Bantime { dotted() } else { None };
    growth.or_else(|| alias(word).filter(|hint| matches!(hint, Hint::Because(_))))
}

/// In TOML, a key that holds a value has nothing below it.
const DOTTED: [(&str, &str); 6] = [
    ("increment", "bantime_increment"),
    ("factor", "bantime_factor"),
    ("multipliers", "bantime_multipliers"),
    ("maxtime", "bantime_maxtime"),
    ("rndtime", "bantime_rndtime"),
    ("overalljails", "bantime_overalljails"),
];

/// What to say of fail2ban's words for a `backend`, which is how it reads logs.
pub(super) fn backend(word: &str) -> Option<Hint> {
    READERS.iter().any(|reader| reader.eq_ignore_ascii_case(word)).then_some(FIREWALL)
}

const READERS: [&str; 5] = ["systemd", "pyinotify", "inotify", "polling", "gamin"];

/// What `backend` is here.
pub(super) const FIREWALL: Hint =
    Hint::Because("it chooses the firewall; what is read is in `logpath`: files, or \"journal\" for systemd's");

const ACTION: Hint =
    Hint::Because("edgeban's one action is to drop packets; `backend` in [global] chooses the firewall");
const FILTERS: Hint =
    Hint::Because("a filter of your own is `match` of [filters.NAME], with templates and no regular expressions");
const FORMULA: Hint =
    Hint::Because("ban times grow by fail2ban's usual formula and `bantime_factor`, or by `bantime_multipliers`");
const PURGE: Hint = Hint::Because("a ban is remembered for `bantime_maxtime` after its end");
const IGNORE: Hint = Hint::Because("list the addresses in `ignoreip`");
const NOT_YET: Hint = Hint::Because("this is not supported yet");

/// Words of fail2ban's and fail2zig's configurations.
const ALIASES: &[(&[&str], Hint)] = &[
    (&["banaction", "banaction_allports", "action", "action_", "action_mw", "action_mwl"], ACTION),
    (
        &["logtarget", "syslogsocket", "logencoding"],
        Hint::Because("edgeban needs no such choice: it reads what is in `logpath`, byte by byte"),
    ),
    (&["systemd"], Hint::Because("`logpath` = \"journal\" reads systemd's journal")),
    (&["port", "ports", "protocol"], Hint::Because("a ban covers every port and protocol")),
    (&["usedns"], Hint::Because("edgeban never resolves names")),
    (&["failregex", "ignoreregex", "prefregex", "datepattern", "maxlines", "definition"], FILTERS),
    (&["ignorecommand", "ignorecache"], IGNORE),
    (&["whitelist", "allowlist", "ignore", "allow"], Hint::Near("ignoreip")),
    (&["log", "logs", "file", "files", "logfile", "logfiles", "path"], Hint::Near("logpath")),
    (&["attempts", "threshold", "retries"], Hint::Near("maxretry")),
    (&["chain", "position"], Hint::Near("hook")),
    (&["blocktype"], Hint::Near("verdict")),
    (&["interface", "interfaces", "device"], Hint::Near("devices")),
    (&["prefix", "netmask", "subnet"], Hint::Near("ipv6_prefix")),
    (&["window"], Hint::Near("findtime")),
    (&["duration", "blocktime", "ban_duration"], Hint::Near("bantime")),
    (&["formula", "bantime_formula", "evformula"], FORMULA),
    (&["increment"], Hint::Near("bantime_increment")),
    (&["factor"], Hint::Near("bantime_factor")),
    (&["multipliers", "multiplier"], Hint::Near("bantime_multipliers")),
    (&["maxtime", "bantime_max", "max_bantime"], Hint::Near("bantime_maxtime")),
    (&["rndtime"], Hint::Near("bantime_rndtime")),
    (&["overalljails"], Hint::Near("bantime_overalljails")),
    (&["recidive"], Hint::Near("jails.recidive")),
    (&["dbpurgeage"], PURGE),
    (&["pid_file", "pidfile"], Hint::Because("edgeban stays in the foreground, its supervisor knows the process")),
    (
        &["memory_ceiling_mb", "memory_ceiling", "maxmatches"],
        Hint::Because("edgeban's memory is fixed when it is built"),
    ),
    (&["state_file", "dbfile", "db", "database"], Hint::Near("state_dir")),
    (&["socket", "socket_path"], NOT_YET),
    (&["metrics_bind", "metrics_port", "include", "mta", "destemail", "sender"], NOT_YET),
    (&["sshd"], Hint::Near("jails.sshd")),
    (&["dropbear"], Hint::Near("jails.dropbear")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshtein() {
        for (a, b, want) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("maxretry", "maxretry", 0),
            ("MaxRetry", "maxretry", 0),
            ("max_retry", "maxretry", 1),
            ("maxrtery", "maxretry", 2),
            ("kitten", "sitting", 3),
            ("a", "b", 1),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), want, "{a} {b}");
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), want, "{b} {a}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["normal", "ddos", "extra", "aggressive"];
        for (word, want) in [
            ("agressive", Some("aggressive")),
            ("AGGRESSIVE", Some("aggressive")),
            ("dos", Some("ddos")),
            ("aggr", Some("aggressive")),
            ("extra,ddos", Some("extra")),
            ("d", None),
            ("abcd", None),
            ("", None),
            ("a word that is far longer than any", None),
            ("ddös", Some("ddos")),
        ] {
            assert_eq!(nearest(word, known), want, "{word}");
        }
    }
}
