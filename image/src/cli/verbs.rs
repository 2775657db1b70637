//! The verbs, in one table: their names, words and options, and what is said of them. The command line is taken apart, help
//! is printed and shells complete by it; the manual page is held against it by a test.

use super::options::{Options, Usage};
use super::{ban, check, doctor, jail, list, status, test};
use crate::arena::Arena;
use crate::daemon;
use crate::out::Out;
use crate::put;
use edgeban_core::detect::Filter;

/// One verb.
pub struct Verb {
    /// Its name.
    pub name: &'static str,
    /// The words that it takes, as usage shows them; empty if none.
    pub words: &'static str,
    /// What it does, in some words.
    pub brief: &'static str,
    /// What it does, at length: lines of 120 columns at most.
    pub text: &'static str,
    /// Its options, but for `--help`.
    pub options: &'static [Opt],
    /// Does it.
    pub run: fn(Options, &'static mut Arena) -> Result<u8, Usage>,
}

/// One option.
pub struct Opt {
    /// Its name without dashes.
    pub name: &'static str,
    /// Its letter, for those who do not like to type; NUL if it has none.
    pub short: char,
    /// What its value is called; empty if it takes none.
    pub value: &'static str,
    /// What it does.
    pub text: &'static str,
}

const fn option(name: &'static str, value: &'static str, text: &'static str) -> Opt {
    Opt { name, short: '\0', value, text }
}

/// The running daemon is found by its configuration.
const RUNNING: Opt = Opt { name: "config", short: 'c', value: "FILE", text: "that of the running edgeban" };

const FILE: Opt =
    Opt { name: "config", short: 'c', value: "FILE", text: "the file, /etc/edgeban/edgeban.toml if not given" };

const JSON: Opt = option("json", "", "one JSON object a line, see edgeban(8)");

/// Whose name a ban is made in.
const JAIL: Opt = option("jail", "JAIL", "in the name of this jail; else the ban is shown as \"manual\"");

/// Every verb, in the order of the help.
pub const VERBS: &[Verb] = &[
    Verb {
        name: "run",
        words: "",
        brief: "watch the logs and ban, in the foreground, until SIGTERM",
        text: "\
Watches the logs and bans, in the foreground, with its own log on standard error. Ends cleanly at SIGTERM, SIGINT or
edgeban stop, reads its configuration anew at SIGHUP or edgeban reload, says what it counted at SIGUSR1.
Without a configuration file it protects sshd and dropbear. Needs root (CAP_NET_ADMIN, and reading the logs).
One daemon runs for a table in a network namespace: a second one ends with exit code 5 and touches nothing.",
        options: &[FILE],
        run: daemon::run,
    },
    Verb {
        name: "stop",
        words: "",
        brief: "end the running edgeban",
        text: "\
Ends the running edgeban as SIGTERM does, and waits until it has ended.",
        options: &[JSON, RUNNING],
        run: ban::stop,
    },
    Verb {
        name: "reload",
        words: "",
        brief: "make the running edgeban read its configuration anew",
        text: "\
Makes the running edgeban read its configuration anew, as SIGHUP does, and says so when it goes on with it. Bans and
counted attempts stay; jails that are gone or disabled release their bans. A file that is not valid changes nothing:
exit code 1, and what is wrong where. Another table, backend or run_dir needs a restart.",
        options: &[JSON, RUNNING],
        run: ban::reload,
    },
    Verb {
        name: "status",
        words: "[JAIL]",
        brief: "say how the running edgeban is, or one of its jails",
        text: "\
Says how the running edgeban is: its process, table, bans, jails (bans by hand are those of jail manual, without a
filter) and log files; or of one jail its settings, what it counted, and whom it holds banned. Whom the kernel holds
banned is said by edgeban list.",
        options: &[JSON, RUNNING],
        run: status::run,
    },
    Verb {
        name: "jails",
        words: "",
        brief: "name the jails of the running edgeban",
        text: "\
Names the jails of the running edgeban, one a line, with their filters and what they counted.",
        options: &[JSON, RUNNING],
        run: status::jails,
    },
    Verb {
        name: "get",
        words: "JAIL KEY",
        brief: "show a setting of a jail, or whom it holds banned",
        text: "\
Shows a setting of a jail of the running edgeban, by its key in the configuration; of a list each value in a line of its
own. The key banip shows whom the jail holds banned.",
        options: &[JSON, RUNNING],
        run: jail::get,
    },
    Verb {
        name: "set",
        words: "JAIL KEY VALUE",
        brief: "change a setting of a jail until the next reload, or ban in its name",
        text: "\
Changes a setting of a jail of the running edgeban, checked as the file is, until the next reload, which says so. The
value is written as in the file, quotes left out; of a list all of it, as '[\"/a.log\", \"/b.log\"]'. The key addignoreip
adds to ignoreip, delignoreip takes from it. The key banip bans an address in the name of the jail, unbanip lifts its
ban.",
        options: &[JSON, RUNNING],
        run: jail::set,
    },
    Verb {
        name: "ping",
        words: "",
        brief: "say whether edgeban runs and answers",
        text: "\
Says whether edgeban runs and answers: exit code 6 if it does not run.",
        options: &[JSON, RUNNING],
        run: status::ping,
    },
    Verb {
        name: "list",
        words: "",
        brief: "show the addresses that the kernel holds banned, and for how long",
        text: "\
Shows the addresses and prefixes that the kernel holds banned for edgeban, one a line with the time that is left, as the
kernel says now; of backend iptables, whose rules have no end of their own, with the packets that were dropped. With
backend = \"auto\" it shows what it finds first: a table of nf_tables, sets of ipset, a chain of iptables. Needs root
(CAP_NET_ADMIN), and no running edgeban.",
        options: &[
            JSON,
            Opt { text: "names backend and table; /etc/edgeban/edgeban.toml if not given", ..FILE },
        ],
        run: list::run,
    },
    Verb {
        name: "ban",
        words: "IP[/LENGTH]",
        brief: "ban an address or a prefix by hand",
        text: "\
Bans an address or a prefix, and says so when the kernel holds the ban. One that is there already is lengthened, never
shortened. Exit code 3 if the kernel refused it or did not answer in 5s; then edgeban keeps trying.
Prefixes need nftables. One in a banned prefix counts as banned already, however long; one around banned prefixes takes
their place, unless they last longer.",
        options: &[
            option("for", "TIME", "600, 90s, 10m, 1h30m, 7d, 1w, or permanent; bantime of the jail or of [defaults] if not given"),
            JAIL,
            option("force", "", "also if it is, or holds, an address in ignoreip, this machine's or a gateway's"),
            JSON,
            RUNNING,
        ],
        run: ban::ban,
    },
    Verb {
        name: "unban",
        words: "IP[/LENGTH]",
        brief: "lift a ban, or all",
        text: "\
Lifts a ban (of a prefix: of exactly that), or all, and says so when the kernel let go. Exit code 1 if it is not banned.",
        options: &[option("all", "", "every ban; without an address"), JSON, RUNNING],
        run: ban::unban,
    },
    Verb {
        name: "doctor",
        words: "",
        brief: "say what this kernel offers, which backend would be chosen, and what is in the way",
        text: "\
Says what this kernel offers, which backend `edgeban run` would choose, and whether the log files can be read. Changes
nothing: nf_tables gets the table in a batch without its end, which the kernel looks at and throws away; tables of
iptables are read only if they are set up already. Exit code 0 if some backend would be chosen.",
        options: &[FILE, JSON],
        run: doctor::run,
    },
    Verb {
        name: "check",
        words: "",
        brief: "say whether a configuration file is valid, and what is wrong where",
        text: "\
Says whether the configuration is valid. Errors go to standard error as FILE:LINE:COLUMN: what is wrong, what was
expected; so do warnings about templates by which a peer may hide, and about logs into which it may write lines of
its own. The jails that a valid one comes to go to standard output. Changes nothing.",
        options: &[FILE, JSON],
        run: check::run,
    },
    Verb {
        name: "test",
        words: "[LOGFILE|-]",
        brief: "say what a filter makes of a log, without root and without banning",
        text: "\
Says for each line of a log (standard input if it is - or not given) whether the filter matches and which address it
names, then the totals and the addresses that would have been banned. Time is what the lines' own timestamps say.
Needs no root and changes nothing. Exit code 1 if no line matched.",
        options: &[
            Opt {
                short: 'f',
                ..option("filter", "FILTER", "\
one of your own (see --config), one of those below, or auto: each line's program name chooses, and
the form of lines without one")
            },
            Opt {
                short: 'm',
                ..option("match", "TEMPLATE", "\
tries a filter of your own out, any number of times: a message with <ADDR> where the address stands
(<PEER> with its port), <*> any text, <WORD> up to a space, <N> digits, <^CHARS> up to one of these,
<a|b> one of these texts, \\< the sign itself; at its start <prog:NAME>, the program that logs it")
            },
            option("ignore", "TEMPLATE", "what --match fits and does not count"),
            option("mode", "MODE", "normal (default), ddos, extra, aggressive"),
            option("maxretry", "N", "attempts that ban, 5 if not given"),
            option("findtime", "TIME", "within this time, 10m if not given"),
            JSON,
            Opt { short: 'q', ..option("quiet", "", "only the totals and the bans") },
            Opt { text: "where the filters of your own are, /etc/edgeban/edgeban.toml if not given", ..FILE },
        ],
        run: test::run,
    },
    Verb {
        name: "version",
        words: "",
        brief: "say the version of this program",
        text: "Says the version of this program, as --version does.",
        options: &[JSON],
        run: super::version,
    },
];

/// Columns before an option's or a verb's text.
const COLUMN: usize = 20;

/// Prints what there is.
pub fn help(out: &mut Out<'_>) {
    put!(
        out,
        "edgeban reads logs, counts failed logins per address, and bans attackers in the kernel's packet filter.\n\n\
         usage: edgeban VERB [OPTION ...] [WORD ...]\n\n"
    );
    for Verb { name, brief, .. } in VERBS {
        put!(out, "  {name:<8} {brief}\n");
    }
    put!(
        out,
        "\n  edgeban VERB --help    the verb's options\n  edgeban --version      the version\n\n\
         exit codes: 0 all went well, 1 the answer is no (invalid configuration, no line matched, no such ban), 2 wrong usage,\n            \
         3 the kernel cannot hold the bans, or did not confirm one, 4 a file or an answer is not to be had,\n            \
         5 already running, 6 not running\n"
    );
}

impl Verb {
    /// Prints what it does and with which options.
    pub fn help(&self, out: &mut Out<'_>) {
        let Self { name, words, text, options, .. } = self;
        put!(out, "edgeban {name}{}", if options.is_empty() { "" } else { " [OPTION ...]" });
        if !words.is_empty() {
            put!(out, " {words}");
        }
        put!(out, "\n\n{text}\n\n");
        for option in *options {
            option.help(out);
        }
        if options.iter().any(|option| option.value == "FILTER") {
            put!(out, "\nfilters:");
            for (n, filter) in Filter::ALL.into_iter().filter(test::reads_a_log).enumerate() {
                put!(out, "{}{}", if n % 6 == 0 { "\n  " } else { ", " }, filter.name());
            }
            put!(out, "\n");
        }
    }
}

impl Opt {
    fn help(&self, out: &mut Out<'_>) {
        let Self { name, value, text, .. } = self;
        let between = if value.is_empty() { "" } else { " " };
        let space = COLUMN.saturating_sub(4 + name.len() + between.len() + value.len());
        put!(out, "  --{name}{between}{value}{:space$}", "");
        for (n, line) in text.lines().enumerate() {
            put!(out, "{:space$}{line}\n", "", space = if n == 0 { 0 } else { COLUMN });
        }
    }
}
