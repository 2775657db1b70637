//! What a right file means.

use super::super::model::{Backend, BanTime, Config, ControlGroup, Global, Jail, Journal, LogLevel, OnStop};
use super::{defaults_alone, good};
use crate::addr::{Prefix, Widths};
use crate::ban::ladder::Growth;
use crate::detect::custom::Filters;
use crate::detect::template::Use;
use crate::detect::{Filter, JailFilter, Mode};
use crate::firewall::nft::Foreign;
use crate::source::journal::Matches;
use crate::time::Duration;
use crate::wire::nft::chain::{Device, Hook};
use std::boxed::Box;
use std::format;
use std::vec::Vec;

const LOGS: &[&str] = &["/var/log/auth.log", "/var/log/secure", "/var/log/messages"];

/// A jail as the built-in defaults make it.
fn jail(name: &str, filter: Filter) -> Jail {
    Jail {
        name: name.try_into().unwrap(),
        enabled: true,
        filter: filter.into(),
        mode: Mode::Normal,
        logpath: paths(LOGS),
        journalmatch: Matches::NONE,
        maxretry: 5,
        findtime: Duration::from_secs(600),
        bantime: BanTime::For(Duration::from_secs(600)),
        growth: Growth::default(),
        ignoreip: prefixes(&["127.0.0.0/8", "::1"]),
        ignoreself: true,
    }
}

fn paths<const N: usize, const M: usize>(paths: &[&str]) -> heapless::Vec<heapless::String<M>, N> {
    paths.iter().map(|path| (*path).try_into().unwrap()).collect()
}

fn matches(texts: &[&str]) -> Matches {
    let mut matches = Matches::NONE;
    texts.iter().for_each(|text| matches.add(text).unwrap());
    matches
}

fn prefixes<const N: usize>(texts: &[&str]) -> heapless::Vec<Prefix, N> {
    texts.iter().map(|text| Prefix::parse(text.as_bytes()).unwrap()).collect()
}

fn global(table: &str, log_level: LogLevel, on_stop: OnStop) -> Global {
    Global { table: table.try_into().unwrap(), log_level, on_stop, ..Global::default() }
}

fn config(global: Global, jails: &[Jail]) -> Config {
    Config {
        global,
        jails: jails.iter().cloned().collect(),
        filters: Filters::new(),
        journal: Journal::default(),
        bantime: BanTime::default(),
    }
}

fn filters(all: &[(&str, &[&str], &[&str])]) -> Filters {
    let mut filters = Filters::new();
    for (name, matches, ignores) in all {
        let number = filters.add((*name).try_into().unwrap()).unwrap();
        for (of, templates) in [(Use::Match, matches), (Use::Ignore, ignores)] {
            templates.iter().for_each(|template| filters.push(number, of, template).unwrap());
        }
    }
    filters
}

fn builtin() -> Config {
    config(
        global("edgeban", LogLevel::Info, OnStop::Keep),
        &[jail("sshd", Filter::Sshd), jail("dropbear", Filter::Dropbear)],
    )
}

#[test]
fn no_file_and_an_empty_file_are_the_builtin_jails() {
    assert_eq!(*defaults_alone(), builtin());
    for text in ["", "\n", "# nothing\n", "\u{feff}", "\r\n", "[global]\n[defaults]\n[jails]\n", "jails = {}"] {
        assert_eq!(*good(text), builtin(), "{text:?}");
    }
}

#[test]
fn a_file_without_jails_changes_the_builtin_ones() {
    let mut want = builtin();
    for jail in &mut want.jails {
        jail.maxretry = 3;
        jail.bantime = BanTime::Permanent;
        jail.logpath = paths(&["/tmp/x"]);
    }
    want.bantime = BanTime::Permanent;
    want.global.log_level = LogLevel::Debug;
    let text = "global.log_level = 'debug'\n[defaults]\nmaxretry = 3\nbantime = -1\nlogpath = '/tmp/x'\n";
    assert_eq!(*good(text), want);
}

#[test]
fn every_key_arrives() {
    let text = r#"
        [jails.a]
        filter = "dropbear"
        enabled = false
        mode = "extra"
        logpath = ["/a", "journal", "/b"]
        journalmatch = ["_UID=7", "SYSLOG_IDENTIFIER=a b"]
        maxretry = 1
        findtime = 1
        bantime = "permanent"
        bantime_increment = true
        bantime_factor = 1.5
        bantime_multipliers = [1, 2, 1_000_000]
        bantime_maxtime = "1d"
        bantime_rndtime = 0
        bantime_overalljails = false
        ignoreip = ["2001:db8::/32", "10.1.2.3/8", "::ffff:192.0.2.1"]
        ignoreself = true
        [jails.sshd]
        [defaults]
        enabled = true
        mode = "ddos"
        logpath = ["/c", "journal"]
        maxretry = 10_000
        findtime = "52w1d"
        bantime = 315_360_000
        bantime_increment = false
        bantime_factor = 1_000
        bantime_multipliers = []
        bantime_rndtime = "10m"
        bantime_overalljails = true
        ignoreip = []
        ignoreself = false
        journalmatch = "_COMM=c  _COMM=d"
        [journal]
        directory = "/j//"
        [global]
        table = "f2b-table_1.x"
        backend = "log-only"
        log_level = "warning"
        on_stop = "remove"
        kill_connections = true
        hook = "ingress"
        devices = ["wan", "pppoe-wan", "wan"]
        counters = true
        ipv4_prefix = 24
        ipv6_prefix = 64
        protect_table = true
        foreign = "remove"
        control_group = "adm"
        run_dir = "/tmp/a b//"
        state_dir = "/tmp/c/"
        state_sync = "1h"
    "#;
    let a = Jail {
        enabled: false,
        mode: Mode::Extra,
        logpath: paths(&["/a", "journal", "/b"]),
        journalmatch: matches(&["_UID=7", "SYSLOG_IDENTIFIER=a b"]),
        maxretry: 1,
        findtime: Duration::from_secs(1),
        bantime: BanTime::Permanent,
        growth: Growth {
            increment: true,
            factor: 1500,
            multipliers: [1, 2, 1_000_000].into_iter().collect(),
            maxtime: Duration::from_secs(86_400),
            ..Growth::default()
        },
        ignoreip: prefixes(&["2001:db8::/32", "10.0.0.0/8", "192.0.2.1"]),
        ..jail("a", Filter::Dropbear)
    };
    let sshd = Jail {
        mode: Mode::Ddos,
        logpath: paths(&["/c", "journal"]),
        journalmatch: matches(&["_COMM=c", "_COMM=d"]),
        maxretry: 10_000,
        findtime: Duration::from_secs(365 * 86_400),
        bantime: BanTime::For(Duration::from_secs(3650 * 86_400)),
        growth: Growth {
            factor: 1_000_000,
            rndtime: Duration::from_secs(600),
            overalljails: true,
            ..Growth::default()
        },
        ignoreip: prefixes(&[]),
        ignoreself: false,
        ..jail("sshd", Filter::Sshd)
    };
    let global = Global {
        backend: Backend::LogOnly,
        kill_connections: true,
        hook: Hook::Ingress,
        devices: ["wan", "pppoe-wan"].map(|name| Device::try_from(name).unwrap()).into_iter().collect(),
        counters: true,
        widths: Widths { v4: 24, v6: 64 },
        protect_table: true,
        foreign: Foreign::Remove,
        control_group: ControlGroup::Name("adm".try_into().unwrap()),
        run_dir: "/tmp/a b".try_into().unwrap(),
        state_dir: "/tmp/c".try_into().unwrap(),
        state_sync: Duration::from_secs(3600),
        ..global("f2b-table_1.x", LogLevel::Warning, OnStop::Remove)
    };
    let mut want = config(global, &[a, sshd]);
    want.journal.directory = "/j".try_into().unwrap();
    want.bantime = BanTime::For(Duration::from_secs(3650 * 86_400));
    assert_eq!(*good(text), want);
}

#[test]
fn the_example_is_what_it_says() {
    let base = |name, filter| Jail {
        bantime: BanTime::For(Duration::from_secs(3600)),
        ignoreip: prefixes(&["127.0.0.0/8", "::1", "192.0.2.0/24"]),
        ..jail(name, filter)
    };
    let probes = Jail {
        mode: Mode::Aggressive,
        maxretry: 20,
        findtime: Duration::from_secs(86_400),
        bantime: BanTime::For(Duration::from_secs(604_800)),
        logpath: paths(&["/var/log/auth.log"]),
        ignoreip: prefixes(&["127.0.0.0/8", "::1", "192.0.2.0/24", "2001:db8::/32"]),
        ..base("sshd-probes", Filter::Sshd)
    };
    let mut want = config(
        global("edgeban", LogLevel::Info, OnStop::Keep),
        &[
            Jail { maxretry: 3, ..base("sshd", Filter::Sshd) },
            Jail { enabled: false, ..base("dropbear", Filter::Dropbear) },
            Jail { logpath: paths(&["/var/log/apache2/error.log"]), ..base("apache-auth", Filter::ApacheAuth) },
            probes,
            Jail {
                enabled: false,
                logpath: paths(&["journal"]),
                journalmatch: matches(&["_SYSTEMD_UNIT=ssh.service", "_SYSTEMD_UNIT=sshd.service"]),
                ..base("sshd-journal", Filter::Sshd)
            },
            Jail {
                logpath: paths(&[]),
                maxretry: 3,
                findtime: Duration::from_secs(86_400),
                bantime: BanTime::For(Duration::from_secs(604_800)),
                ..base("recidive", Filter::Recidive)
            },
            Jail { filter: JailFilter::Custom(0), logpath: paths(&["/var/log/syslog"]), ..base("myapp", Filter::Sshd) },
        ],
    );
    want.filters = filters(&[(
        "myapp",
        &[
            "<prog:myapp> login failed for <*> from <ADDR>",
            "<prog:myapp> <bad|wrong> password, user=\"<^\">\", client=<PEER>",
        ],
        &["<prog:myapp> login failed for monitor from <ADDR>"],
    )]);
    want.bantime = BanTime::For(Duration::from_secs(3600));
    assert_eq!(*good(include_str!("../example.toml")), want);
}

/// The example leaves no key out.
#[test]
fn the_example_has_every_key() {
    for name in super::super::key::NAMES {
        assert!(include_str!("../example.toml").lines().any(|line| line.starts_with(&format!("{name} = "))), "{name}");
    }
}

#[test]
fn defaults_hold_wherever_they_stand() {
    let jails = "[jails.sshd]\nmaxretry = 4\n[jails.b]\nfilter = 'sshd'\n";
    let defaults =
        "[defaults]\nmaxretry = 7\nfindtime = '1h'\nignoreip = '192.0.2.1'\nignoreself = false\nenabled = false\n";
    let before = good(&format!("{defaults}{jails}"));
    assert_eq!(before, good(&format!("{jails}{defaults}")));
    assert_eq!([before.jails[0].maxretry, before.jails[1].maxretry], [4, 7]);
    assert_eq!(before.jails[0].ignoreip, prefixes::<32>(&["192.0.2.1"]));
    assert!(!before.jails[0].enabled && !before.jails[1].ignoreself);
}

/// A jail that names no file reads those of its filter, whichever stands first.
#[test]
fn each_filter_knows_its_files() {
    let config = good("[jails.a]\nfilter = 'exim'\n[jails.vaultwarden]\n");
    for (jail, filter) in config.jails.iter().zip([Filter::Exim, Filter::Vaultwarden]) {
        assert_eq!(jail.filter, filter);
        assert!(jail.logpath.iter().eq(filter.logpath()), "{filter:?}");
    }
}

/// A jail over the others' bans has no log, and is for longer times than theirs.
#[test]
fn recidive_has_times_of_its_own() {
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let usual = Jail {
        logpath: paths(&[]),
        findtime: days(1),
        bantime: BanTime::For(days(7)),
        ..jail("recidive", Filter::Recidive)
    };
    let defaults = "[defaults]\nlogpath = '/a'\nmaxretry = 9\nfindtime = 9\nbantime = 9\n";
    for text in ["[jails.recidive]", &format!("{defaults}[jails.recidive]")] {
        assert_eq!(good(text).jails.as_slice(), core::slice::from_ref(&usual));
    }
    let config = good(&format!("{defaults}[jails.x]\nfilter = 'recidive'\nmaxretry = 8\nfindtime = 1\nbantime = 2\n"));
    let times = (config.jails[0].maxretry, config.jails[0].findtime.as_secs(), config.jails[0].bantime);
    assert_eq!(times, (8, 1, BanTime::For(Duration::from_secs(2))));
}

#[test]
fn filters_of_ones_own_stand_anywhere_in_any_spelling() {
    let templates = ["y <ADDR>", "z\t<ADDR> \\<"];
    for text in [
        "[jails.a]\nlogpath = '/x'\n[jails.c]\nfilter = 'b'\nlogpath = '/x'\n[filters.b]\nmatch = 'x <ADDR>'\n\
         [filters.a]\nignore = ['y 10.1.1.1']\nmatch = ['y <ADDR>', \"z\\t<ADDR> \\\\<\"]\n",
        "filters.b.match = ['x <ADDR>']\nfilters.a = {match = ['''\ny <ADDR>''', 'z\t<ADDR> \\<'], \
         ignore = \"y 10.1.1.1\"}\n[jails]\na.logpath = '/x'\nc.logpath = '/x'\nc.filter = \"\\x62\"\n",
        "[filters]\nb.match = 'x <ADDR>'\na.ignore = 'y 10.1.1.1'\na.match = ['y <ADDR>', 'z\t<ADDR> \\<']\n\
         [defaults]\nlogpath = '/x'\n[jails.a]\n[jails.c]\nfilter = 'b'\n",
    ] {
        let config = good(text);
        // Their order in the text of all is that of the file, and nobody sees it.
        let of = |name, of| config.filters.templates(config.filters.find(name).unwrap(), of).collect::<Vec<_>>();
        assert_eq!([of("a", Use::Match), of("b", Use::Match)], [&templates[..], &["x <ADDR>"]], "{text}");
        assert_eq!([of("a", Use::Ignore), of("b", Use::Ignore)], [&["y 10.1.1.1"][..], &[]], "{text}");
        let used: Vec<_> = config.jails.iter().map(|jail| jail.filter.name(&config.filters)).collect();
        assert_eq!(used, ["a", "b"], "{text}");
    }
}

#[test]
fn all_spellings_are_one() {
    let want = Config {
        global: global("edgeban", LogLevel::Error, OnStop::Keep),
        jails: [Jail {
            maxretry: 31,
            findtime: Duration::from_secs(5400),
            logpath: paths(&["/var/log/a b"]),
            ignoreip: prefixes(&["192.0.2.1", "::1"]),
            ..jail("my.jail", Filter::Sshd)
        }]
        .into_iter()
        .collect(),
        filters: Filters::new(),
        journal: Journal::default(),
        bantime: BanTime::default(),
    };
    for text in [
        "[global]\nlog_level = 'error'\n[jails.'my.jail']\nfilter = 'sshd'\nmaxretry = 31\nfindtime = '1h30m'\n\
         logpath = '/var/log/a b'\nignoreip = ['192.0.2.1', '::1']\n",
        "[jails.\"my.jail\"]\r\nfilter = \"sshd\"\r\nmaxretry = 0x1F\r\nfindtime = \"1h 30m\"\r\n\
         logpath = [\"/var/log/a\\u0020b\"]\r\nignoreip = \"192.0.2.1 ::1\"\r\n[global]\r\nlog_level = \"error\"\r\n",
        "global.log_level = '''error'''\njails.'my.jail'.filter = \"\"\"\nsshd\"\"\"\n\
         jails.'my.jail'.maxretry = +31\njails.'my.jail'.findtime = 5_400\n\
         jails.'my.jail'.logpath = [ # comment\n'/var/log/a b', # comment\n]\n\
         jails.'my.jail'.ignoreip = '192.0.2.1,::1'",
        "global = {log_level = 'error'}\njails = { 'my.jail' = { filter = 'sshd', maxretry = 0b11111, \
         findtime = '90m', logpath = '/var/log/a b', ignoreip = ['192.0.2.1', '::1'] } }",
        "global . log_level = 'error'\n[jails]\n\"my\\u002Ejail\" = {filter=\"\\u0073shd\",maxretry=0o37,\
         findtime=\"\"\"1h\\\n   30m\"\"\", logpath='/var/log/a b',ignoreip='''\n192.0.2.1\n::1\n''',}",
        "\"global\".'log_level' = \"e\\u0072ror\"\n[ jails . \"my.jail\" ] # comment\n'filter' = 'sshd'\n\
         'maxretry' = 31\nfindtime = '5400s'\nlogpath = ['/var/log/a b']\nignoreip = ['192.0.2.1/32', '::1', '::1/128']",
        "[jails]\n'my.jail'.filter = 'sshd'\n'my.jail'.maxretry = 31\n'my.jail'.findtime = 5400\n\
         'my.jail'.logpath = '/var/log/a b'\n'my.jail'.ignoreip = ' , 192.0.2.1, ::1,'\n[global]\nlog_level='error'",
        "[jails.'my.jail']\nfilter = 'sshd'\n[defaults]\nmaxretry = 31\nfindtime = 5400\nlogpath = '/var/log/a b'\n\
         ignoreip = '192.0.2.1 ::1'\n[global]\nlog_level = 'error'",
        "[jails.'my.jail']\nfilter = 'sshd'\n[jails]\n[defaults]\nmaxretry = 31\nfindtime = 5400\n\
         logpath = '/var/log/a b'\nignoreip = '192.0.2.1 ::1'\n[global]\nlog_level = 'error'",
    ] {
        assert_eq!(*good(text), want, "{text}");
    }
}

#[test]
fn what_was_there_before_is_gone() {
    let mut tokens = Box::new(super::Tokens::new());
    let mut config = good("[global]\ntable = 'old'\non_stop = 'remove'\n[jails.sshd]\nmaxretry = 9\n");
    assert_eq!(super::read(b"", &mut tokens, &mut config, &mut |_| ()), Ok(()));
    assert_eq!(*config, builtin());
}
