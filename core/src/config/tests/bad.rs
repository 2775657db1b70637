//! What is said of a wrong file: exactly, with its place.

use super::{bad, try_read};
use crate::detect::Filter;
use std::format;
use std::string::String;
use std::vec::Vec;

/// `FILTERS` stands for all filters' names.
fn check(cases: &[(&str, &[&str])]) {
    let (last, others) = Filter::NAMES.split_last().unwrap();
    let filters = format!("\"{}\" or \"{last}\"", others.join("\", \""));
    for (text, want) in cases {
        let want: Vec<String> = want.iter().map(|want| want.replace("FILTERS", &filters)).collect();
        assert_eq!(bad(text), want, "{text}");
    }
}

/// `maxretry`, `findtime` and `bantime`.
#[test]
fn numbers_and_times() {
    check(&[
        ("[jails.sshd]\nmaxretry = 0", &["2:12: `0` is out of range, expected a whole number from 1 to 10000"]),
        ("[jails.sshd]\nmaxretry = 10001", &["2:12: `10001` is out of range, expected a whole number from 1 to 10000"]),
        ("[jails.sshd]\nmaxretry = -3", &["2:12: `-3` is out of range, expected a whole number from 1 to 10000"]),
        (
            "[jails.sshd]\nmaxretry = 99999999999999999999999",
            &["2:12: `99999999999999999999999` is out of range, expected a whole number from 1 to 10000"],
        ),
        ("[jails.sshd]\nmaxretry = \"5\"", &[r#"2:12: a string `"5"`, expected a whole number from 1 to 10000"#]),
        ("[jails.sshd]\nmaxretry = 1.5", &["2:12: a float `1.5`, expected a whole number from 1 to 10000"]),
        ("[jails.sshd]\nmaxretry = five", &["2:12: `five` is not understood, expected a whole number from 1 to 10000"]),
        ("[jails.sshd]\nmaxretry = 05", &["2:12: unexpected leading zero `0`"]),
        ("[jails.sshd]\nmaxretry = 0x", &["2:12: an incomplete number `0x`, expected a whole number from 1 to 10000"]),
        ("[jails.sshd]\nmaxretry = [5]", &["2:12: an array, expected a whole number from 1 to 10000"]),
        ("[jails.sshd]\nmaxretry =", &["2:11: no value, expected a whole number from 1 to 10000"]),
        ("[jails.sshd]\nmaxretry", &["2:9: key with no value, expected `=`"]),
        (
            "[jails.sshd]\nfindtime = 10m",
            &[r#"2:12: `10m` has no quotes, expected 1s to 365d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#],
        ),
        (
            "[jails.sshd]\nfindtime = \"10 fortnights\"",
            &[
                r#"2:12: `10 fortnights` is not understood, expected 1s to 365d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#,
            ],
        ),
        (
            "[jails.sshd]\nfindtime = 1.5",
            &[r#"2:12: a float `1.5`, expected 1s to 365d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#],
        ),
        (
            "[jails.sshd]\nfindtime = \"1.5h\"",
            &[
                r#"2:12: `1.5h` is not understood, expected 1s to 365d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#,
            ],
        ),
        (
            "[jails.sshd]\nfindtime = 0",
            &[r#"2:12: `0` is out of range, expected 1s to 365d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#],
        ),
        (
            "[jails.sshd]\nfindtime = -1",
            &[r#"2:12: `-1` is out of range, expected 1s to 365d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#],
        ),
        (
            "[jails.sshd]\nfindtime = \"permanent\"",
            &[
                r#"2:12: `permanent` is not understood, expected 1s to 365d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#,
            ],
        ),
        (
            "[jails.sshd]\nfindtime = \"366d\"",
            &[
                r#"2:12: `366d` is out of range, expected 1s to 365d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#,
            ],
        ),
        ("[jails.sshd]\nfindtime = 0600", &["2:12: unexpected leading zero `0`"]),
        (
            "[jails.sshd]\nbantime = 0",
            &[
                r#"2:11: `0` is out of range, expected 1s to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w", or "permanent""#,
            ],
        ),
        (
            "[jails.sshd]\nbantime = -2",
            &[
                r#"2:11: `-2` is out of range, expected 1s to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w", or "permanent""#,
            ],
        ),
        (
            "[jails.sshd]\nbantime = \"-1\"",
            &[
                r#"2:11: `-1` is not understood, expected 1s to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w", or "permanent""#,
            ],
        ),
        (
            "[jails.sshd]\nbantime = 315360001",
            &[
                r#"2:11: `315360001` is out of range, expected 1s to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w", or "permanent""#,
            ],
        ),
        (
            "[jails.sshd]\nbantime = \"99999999999999999999d\"",
            &[
                r#"2:11: `99999999999999999999d` is out of range, expected 1s to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w", or "permanent""#,
            ],
        ),
        (
            "[jails.sshd]\nbantime = 9223372036854775808",
            &[
                r#"2:11: `9223372036854775808` is out of range, expected 1s to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w", or "permanent""#,
            ],
        ),
        (
            "[jails.sshd]\nbantime = 2026-11-24T10:00:00Z",
            &[
                r#"2:11: a date or time `2026-11-24T10:00:00Z`, expected 1s to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w", or "permanent""#,
            ],
        ),
        (
            "[jails.sshd]\nbantime = true",
            &[
                r#"2:11: a boolean `true`, expected 1s to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w", or "permanent""#,
            ],
        ),
        (
            "[jails.sshd]\nbantime = \"Permanent\"",
            &[
                r#"2:11: `Permanent` is not understood, expected 1s to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w", or "permanent""#,
            ],
        ),
    ]);
}

/// `bantime_increment` and its like.
#[test]
fn growth() {
    let number = "a number from 0.001 to 1000, such as 2 or 1.5";
    for (value, what) in [
        ("0", "is out of range"),
        ("-1", "is out of range"),
        ("1001", "is out of range"),
        ("1000.001", "is out of range"),
        ("0.000", "is out of range"),
        ("18446744073709551616", "is out of range"),
        ("1.2345", "is not understood"),
        ("-1.5", "is not understood"),
        ("1e3", "is not understood"),
        ("1.5e3", "is not understood"),
        ("inf", "is not understood"),
        ("two", "is not understood"),
    ] {
        let text = format!("[defaults]\nbantime_factor = {value}");
        assert_eq!(bad(&text), [format!("2:18: `{value}` {what}, expected {number}")]);
    }
    let multipliers = "an array of whole numbers from 1 to 1000000";
    check(&[
        ("[defaults]\nbantime_factor = '2'", &[&format!("2:18: a string `'2'`, expected {number}")]),
        ("[defaults]\nbantime_increment = 1", &["2:21: an integer `1`, expected true or false"]),
        ("[defaults]\nbantime_increment = yes", &["2:21: `yes` is not understood, expected true or false"]),
        ("[defaults]\nbantime_multipliers = '1 2'", &[&format!("2:23: a string `'1 2'`, expected {multipliers}")]),
        ("[defaults]\nbantime_multipliers = 2", &[&format!("2:23: an integer `2`, expected {multipliers}")]),
        (
            "[defaults]\nbantime_multipliers = [1, 0, -2, 1_000_001, 2.5, '3', [4]]",
            &[
                &format!("2:27: `0` is out of range, expected {multipliers}"),
                &format!("2:30: `-2` is out of range, expected {multipliers}"),
                &format!("2:34: `1_000_001` is out of range, expected {multipliers}"),
                &format!("2:45: a float `2.5`, expected {multipliers}"),
                &format!("2:50: a string `'3'`, expected {multipliers}"),
                &format!("2:55: an array, expected {multipliers}"),
            ],
        ),
        (
            "[defaults]\nbantime_maxtime = 0",
            &[r#"2:19: `0` is out of range, expected 1s to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#],
        ),
        (
            "[defaults]\nbantime_rndtime = -1",
            &[r#"2:19: `-1` is out of range, expected 0 to 3650d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#],
        ),
        (
            "[jails.sshd]\nbantime.increment = true\nbantime.factor = 2\nbantime.formula = 'x'\nbantime.multipliers = '1'\n\
             bantime.maxtime = 1\nbantime.rndtime = 1\nbantime.overalljails = true",
            &[
                "2:9: `increment` is below a key that holds a value, expected `bantime_increment`",
                "3:9: `factor` is below a key that holds a value, expected `bantime_factor`",
                "4:9: `formula` is below a key that holds a value: ban times grow by fail2ban's usual formula and `bantime_factor`, or by `bantime_multipliers`",
                "5:9: `multipliers` is below a key that holds a value, expected `bantime_multipliers`",
                "6:9: `maxtime` is below a key that holds a value, expected `bantime_maxtime`",
                "7:9: `rndtime` is below a key that holds a value, expected `bantime_rndtime`",
                "8:9: `overalljails` is below a key that holds a value, expected `bantime_overalljails`",
            ],
        ),
    ]);
}

/// Jails over the others' bans.
#[test]
fn recidive() {
    check(&[
        (
            "[jails.recidive]\nlogpath = '/a'",
            &["2:1: a jail with filter recidive has no log, it counts the bans of the other jails"],
        ),
        ("[jails.recidive]\nmaxretry = 9", &["2:1: a jail with filter recidive counts at most 8 bans (TIMES)"]),
        ("[jails.recidive]\nmode = 'extra'", &["2:1: this jail's filter has no mode but \"normal\""]),
    ]);
}

/// `logpath` and `ignoreip`.
#[test]
fn lists() {
    check(&[
        (
            "[jails.sshd]\nlogpath = \"auth.log\"",
            &["2:11: `auth.log` is neither a path that starts with `/` nor \"journal\""],
        ),
        (
            "[jails.sshd]\nlogpath = [\"/var/log/*.log\", \"/var/log/\", \"/a\", \"/a\", \"\", \"/x\\ny\"]",
            &[
                "2:12: `/var/log/*.log` has one of `*?[`, expected one file (patterns are not supported yet)",
                "2:30: `/var/log/` is a directory, expected a file",
                "2:49: `/a` is in this list already, expected each file once",
                "2:55: `` is neither a path that starts with `/` nor \"journal\"",
                "2:59: `/x\\ny` has a control character, expected a path without",
            ],
        ),
        ("[jails.sshd]\nlogpath = []", &["2:11: an empty array, expected at least one log file"]),
        (
            "[jails.sshd]\nlogpath = /var/log/auth.log",
            &["2:11: `/var/log/auth.log` has no quotes, expected the absolute path of a file, or an array of them"],
        ),
        (
            "[jails.sshd]\nlogpath = [[\"/a\"]]",
            &["2:12: an array, expected the absolute path of a file, or an array of them"],
        ),
        (
            "[jails.sshd]\nlogpath = [{a = \"/a\"}, 5]",
            &[
                "2:12: a table, expected the absolute path of a file, or an array of them",
                "2:24: an integer `5`, expected the absolute path of a file, or an array of them",
            ],
        ),
        ("[jails.sshd]\nlogpath = {}", &["2:11: a table, expected the absolute path of a file, or an array of them"]),
        (
            "[jails.sshd]\nignoreip = [\"localhost\", \"router.example.com\", \"10.0.0.0/33\", \"10.0.0.1-10.0.0.5\", \"10.0.0.0/255.0.0.0\", \"010.1.1.1\", \"192.0.2.1 192.0.2.2\"]",
            &[
                "2:13: `localhost` is a name and edgeban never resolves names, expected an address or a prefix",
                "2:26: `router.example.com` is a name and edgeban never resolves names, expected an address or a prefix",
                r#"2:48: `10.0.0.0/33` is no address, expected one or a prefix such as "192.0.2.0/24""#,
                r#"2:63: `10.0.0.1-10.0.0.5` is no address, expected one or a prefix such as "192.0.2.0/24""#,
                r#"2:84: `10.0.0.0/255.0.0.0` is no address, expected one or a prefix such as "192.0.2.0/24""#,
                r#"2:106: `010.1.1.1` is no address, expected one or a prefix such as "192.0.2.0/24""#,
                r#"2:119: `192.0.2.1 192.0.2.2` is no address, expected one or a prefix such as "192.0.2.0/24""#,
            ],
        ),
        (
            "[jails.sshd]\nignoreip = \"127.0.0.1/8, ::1 example.com\"",
            &["2:12: `example.com` is a name and edgeban never resolves names, expected an address or a prefix"],
        ),
        (
            "[jails.sshd]\nignoreip = 127.0.0.1",
            &[r#"2:12: `127.0.0.1` has no quotes, expected an array of addresses and prefixes such as "192.0.2.0/24""#],
        ),
        (
            "[jails.sshd]\nignoreip = [127.0.0.1]",
            &[r#"2:13: `127.0.0.1` has no quotes, expected an array of addresses and prefixes such as "192.0.2.0/24""#],
        ),
        (
            "[jails.sshd]\nignoreip = [1, true]",
            &[
                r#"2:13: an integer `1`, expected an array of addresses and prefixes such as "192.0.2.0/24""#,
                r#"2:16: a boolean `true`, expected an array of addresses and prefixes such as "192.0.2.0/24""#,
            ],
        ),
        (
            "[jails.sshd]\nlogpath = [[], {}]",
            &[
                "2:12: an array, expected the absolute path of a file, or an array of them",
                "2:16: a table, expected the absolute path of a file, or an array of them",
            ],
        ),
        (
            "[jails.sshd]\nignoreip = [\"2001:db8::/129\", \"\", \"::1%eth0\"]",
            &[
                r#"2:13: `2001:db8::/129` is no address, expected one or a prefix such as "192.0.2.0/24""#,
                r#"2:31: `` is no address, expected one or a prefix such as "192.0.2.0/24""#,
                r#"2:35: `::1%eth0` is no address, expected one or a prefix such as "192.0.2.0/24""#,
            ],
        ),
    ]);
}

/// `journalmatch` and `[journal]`.
#[test]
fn journal() {
    let expected = "an array such as [\"_SYSTEMD_UNIT=ssh.service\"], with values of _SYSTEMD_UNIT, _COMM, _UID, \
        SYSLOG_IDENTIFIER or _TRANSPORT";
    check(&[
        (
            "[jails.sshd]\nlogpath = 'journal'\njournalmatch = ['_SYSTEMD_UNIT=ssh.service', '_PID=1', 'sshd', '_UID=root']",
            &[
                &format!("3:46: `_PID=1` is not understood, expected {expected}"),
                &format!("3:56: `sshd` is not understood, expected {expected}"),
                &format!("3:64: `_UID=root` is not understood, expected {expected}"),
            ],
        ),
        (
            "[jails.sshd]\nlogpath = 'journal'\njournalmatch = '_SYSTEMD_UNIT=sshd.service + _COMM=sshd'",
            &[&format!("3:16: `_SYSTEMD_UNIT=sshd.service + _COMM=sshd` is not understood, expected {expected}")],
        ),
        ("[jails.sshd]\njournalmatch = '_UID=0'", &["2:1: only a jail with logpath \"journal\" has a journalmatch"]),
        (
            "[jails.sshd]\nlogpath = ['journal', 'journal']",
            &["2:23: `journal` is in this list already, expected each file once"],
        ),
        (
            "[journal]\ndirectory = 'x'",
            &["2:13: `x` is not understood, expected the absolute path of a directory, or \"\""],
        ),
        ("[journal]\ndirectory = 1", &["2:13: an integer `1`, expected the absolute path of a directory, or \"\""]),
        (
            "[journal]\nmaxretry = 1",
            &["2:1: `maxretry` stands in [journal], expected it in [defaults] or [jails.NAME]"],
        ),
        (
            "[journal]\ndir = 1",
            &["2:1: unknown key `dir` in [journal], expected `directory` (did you mean `directory`?)"],
        ),
        ("journal = 'x'", &["1:1: `journal` holds a value, expected a table"]),
    ]);
}

/// Booleans and keys with a choice of words, and `table`.
#[test]
fn words() {
    check(&[
        (
            "[sshd]\nenabled = true",
            &[
                "1:2: unknown table or key `sshd`, expected [global], [defaults], [jails.NAME], [filters.NAME] or [journal] (did you mean `jails.sshd`?)",
            ],
        ),
        (
            "[global]\nlog_level = \"notice\"\non_stop = \"kepp\"",
            &[
                r#"2:13: unknown word `notice`, expected "error", "warning", "info" or "debug""#,
                r#"3:11: unknown word `kepp`, expected "keep" or "remove" (did you mean `keep`?)"#,
            ],
        ),
        ("[global]\nlog_level = 3", &[r#"2:13: an integer `3`, expected "error", "warning", "info" or "debug""#]),
        (
            "[global]\ntable = \"9lives\"",
            &[
                "2:9: `9lives` is not understood, expected a name of letters, digits, `_`, `-` and `.` that starts with a letter or `_`",
            ],
        ),
        (
            "[global]\ntable = \"\"",
            &[
                "2:9: `` is not understood, expected a name of letters, digits, `_`, `-` and `.` that starts with a letter or `_`",
            ],
        ),
        (
            "[global]\ntable = \"a b\"",
            &[
                "2:9: `a b` is not understood, expected a name of letters, digits, `_`, `-` and `.` that starts with a letter or `_`",
            ],
        ),
        (
            "[global]\ntable = \"abcdefghijklmnopqrstuvwxyz012345\"",
            &["2:9: `abcdefghijklmnopqrstuvwxyz012345` has 32 bytes, expected at most TABLE_NAME = 31 bytes"],
        ),
        (
            "[jails.sshd]\nfilter = \"nginx-http\"",
            &[r#"2:10: unknown word `nginx-http`, expected FILTERS (did you mean `nginx-http-auth`?)"#],
        ),
        (
            "[jails.sshd]\nfilter = \"shd\"\nmode = \"agressive\"",
            &[
                r#"3:8: unknown word `agressive`, expected "normal", "ddos", "extra" or "aggressive" (did you mean `aggressive`?)"#,
                r#"2:10: unknown word `shd`, expected FILTERS (did you mean `sshd`?)"#,
            ],
        ),
        ("[jails.sshd]\nfilter = [\"sshd\"]", &[r#"2:10: an array, expected FILTERS"#]),
        (
            "[jails.ssh]\nenabled = true",
            &[r#"1:8: jail `ssh` has no filter, expected filter = FILTERS, or a jail named like its filter"#],
        ),
        (
            "[jails.\"a b\"]\nfilter = \"sshd\"",
            &[r#"1:8: `"a b"` is not a name, expected letters, digits, `_`, `.` and `-`"#],
        ),
        ("[jails.'a/b']\nfilter = 'x'", &["1:8: `'a/b'` is not a name, expected letters, digits, `_`, `.` and `-`"]),
        (
            "[global]\ntable = { a = 1 }",
            &["2:9: a table, expected a name of letters, digits, `_`, `-` and `.` that starts with a letter or `_`"],
        ),
        ("[global]\nrun_dir = 'run'", &["2:11: `run` is not understood, expected the absolute path of a directory"]),
        (
            "[global]\ncontrol_group = 'a:b'",
            &["2:17: `a:b` is not understood, expected the name or the number of a group"],
        ),
        (
            "[global]\ncontrol_group = 4294967295",
            &["2:17: `4294967295` is out of range, expected the name or the number of a group"],
        ),
        ("[global]\ncontrol_group = -1", &["2:17: `-1` is out of range, expected the name or the number of a group"]),
        (
            "[global]\nstate_dir = 'x'\nstate_sync = -1",
            &[
                "2:13: `x` is not understood, expected the absolute path of a directory, or \"\" for none",
                r#"3:14: `-1` is out of range, expected 0 to 1d, in seconds or as "90s", "10m", "1h30m", "7d", "1w""#,
            ],
        ),
        ("[global]\nrun_dir = '/'", &["2:11: `/` is not understood, expected the absolute path of a directory"]),
        (
            "[global]\nrun_dir = \"/a\\n\"",
            &["2:11: `/a\\n` is not understood, expected the absolute path of a directory"],
        ),
        ("[jails.sshd]\nenabled = yes", &["2:11: `yes` is not understood, expected true or false"]),
        ("[jails.sshd]\nenabled = True", &["2:11: `True` is not understood, expected true or false"]),
        ("[jails.sshd]\nenabled = \"true\"", &[r#"2:11: a string `"true"`, expected true or false"#]),
        ("[defaults]\nignoreself = yes", &["2:14: `yes` is not understood, expected true or false"]),
        ("[jails.sshd]\nignoreself = \"192.0.2.1\"", &[r#"2:14: a string `"192.0.2.1"`, expected true or false"#]),
        ("[jails.sshd]\nenabled = 1", &["2:11: an integer `1`, expected true or false"]),
        ("[global]\nkill_connections = \"true\"", &[r#"2:20: a string `"true"`, expected true or false"#]),
        ("[global]\nkill_connections = yes", &["2:20: `yes` is not understood, expected true or false"]),
        (
            "global.hook = \"output\"",
            &["1:15: unknown word `output`, expected \"input\", \"forward\", \"prerouting\" or \"ingress\""],
        ),
        (
            "global.hook = \"ingress\"",
            &["1:8: hook = \"ingress\" needs `devices`, the network devices whose packets it sees"],
        ),
        (
            "[defaults]\nmode = 'ddos'\n[jails.vsftpd]\n[jails.openvpn]\nmode = 'ddos'",
            &["5:1: this jail's filter has no mode but \"normal\""],
        ),
        ("global.devices = [\"wan\"]", &["1:8: only hook = \"ingress\" has devices"]),
        (
            "global = { hook = \"ingress\", devices = \"wan\", verdict = \"reject\" }",
            &["1:47: hook = \"ingress\" can only drop"],
        ),
        (
            "global.devices = [\"a/b\"]",
            &["1:19: `a/b` is not understood, expected an array of the names of network devices"],
        ),
        ("global.devices = [\"\"]", &["1:19: `` is not understood, expected an array of the names of network devices"]),
        ("global.verdict = true", &["1:18: a boolean `true`, expected \"drop\" or \"reject\""]),
        ("global.counters = 1", &["1:19: an integer `1`, expected true or false"]),
        ("global.protect_table = \"yes\"", &["1:24: a string `\"yes\"`, expected true or false"]),
        ("global.ipv4_prefix = 33", &["1:22: `33` is out of range, expected a whole number from 1 to 32"]),
        ("global.ipv6_prefix = 0", &["1:22: `0` is out of range, expected a whole number from 1 to 128"]),
        ("global.ipv6_prefix = \"/64\"", &["1:22: a string `\"/64\"`, expected a whole number from 1 to 128"]),
        ("global.foreign = \"drop\"", &["1:18: unknown word `drop`, expected \"keep\" or \"remove\""]),
        (
            "[global]\ntable = true",
            &[
                "2:9: a boolean `true`, expected a name of letters, digits, `_`, `-` and `.` that starts with a letter or `_`",
            ],
        ),
        (
            "[jails.sshd]\nmode = normal",
            &[r#"2:8: `normal` has no quotes, expected "normal", "ddos", "extra" or "aggressive""#],
        ),
        (
            "[jails.sshd]\nmode = 2026-11-24",
            &[r#"2:8: a date or time `2026-11-24`, expected "normal", "ddos", "extra" or "aggressive""#],
        ),
        (
            "[jails.sshd]\nmode = 'ü' # ü\nfilter = 'dropbears'",
            &[
                r#"2:8: unknown word `ü`, expected "normal", "ddos", "extra" or "aggressive""#,
                r#"3:10: unknown word `dropbears`, expected FILTERS (did you mean `dropbear`?)"#,
            ],
        ),
    ]);
}

/// TOML lets nothing be defined twice.
#[test]
fn duplicates() {
    check(&[
        ("[jails.sshd]\nmaxretry = 5\n[jails.sshd]", &["3:8: `sshd` is defined in line 1 already, expected it once"]),
        (
            "[jails.sshd]\nmaxretry = 5\nmaxretry = 6",
            &["3:1: `maxretry` is defined in line 2 already, expected it once"],
        ),
        (
            "[jails.sshd]\nmaxretry = 5\n'max\\u0072etry' = 6\n\"max\\u0072etry\" = 6",
            &[
                "3:1: unknown key `'max\\u0072etry'` in a jail, expected `enabled`, `mode`, `logpath`, `journalmatch`, `maxretry`, `findtime`, `bantime`, `bantime_increment`, `bantime_factor`, `bantime_multipliers`, `bantime_maxtime`, `bantime_rndtime`, `bantime_overalljails`, `ignoreip`, `ignoreself` or `filter`",
                r#"4:1: `"max\u0072etry"` is defined in line 2 already, expected it once"#,
            ],
        ),
        ("jails.sshd.maxretry = 5\n[jails.sshd]", &["2:8: `sshd` is defined in line 1 already, expected it once"]),
        ("[jails]\nsshd = {}\nsshd.maxretry = 5", &["3:1: `sshd` is defined in line 2 already, expected it once"]),
        ("jails = {}\n[jails.sshd]", &["2:2: `jails` is defined in line 1 already, expected it once"]),
        (
            "[defaults]\nmaxretry = 5\n[defaults]\nmaxretry = 5",
            &["3:2: `defaults` is defined in line 1 already, expected it once"],
        ),
    ]);
}

/// What is no TOML.
#[test]
fn grammar() {
    check(&[
        ("[jails.ü]", &["1:8: invalid unquoted key `ü`, expected letters or numbers or `-` or `_`"]),
        (
            "[jails.sshd]\nmode = \"a\\qb\"",
            &[
                r#"2:11: missing escaped value, expected `b` or `e` or `f` or `n` or `r` or `\` or `"` or `x` or `u` or `U`"#,
            ],
        ),
        ("[jails.sshd]\nmode = \"abc", &[r#"2:12: invalid basic string, expected `"`"#]),
        ("[jails.sshd", &["1:12: unclosed table, expected `]`"]),
        ("[jails.sshd] maxretry = 3", &["1:14: unexpected key or value, expected a new line or `#`"]),
        ("[jails.sshd]\nlogpath = [\"/a\"", &["2:16: unclosed array, expected `]`"]),
        ("[jails.sshd]\nlogpath = [\"/a\" \"/b\"]", &["2:17: missing comma between array elements, expected `,`"]),
        ("a = {{{{{{{{{{}}}}}}}}}}", &["1:6: missing key for inline table element, expected key"]),
        ("a = [[[[[[[[[]]]]]]]]]", &["1:13: cannot recurse further; max recursion depth met `[`"]),
        ("[]", &["1:2: unquoted keys cannot be empty, expected letters or numbers or `-` or `_`"]),
        ("= 5", &["1:1: unquoted keys cannot be empty, expected letters or numbers or `-` or `_`"]),
        ("[jails.sshd]\nmode = 'x' y", &["2:12: unexpected key or value, expected a new line or `#`"]),
        ("[jails.sshd]\nünïcödë = 1 ; nginx = 2", &["2:21: unexpected key or value, expected a new line or `#`"]),
        ("jails = { sshd = { maxretry = } }", &["1:31: no value, expected a whole number from 1 to 10000"]),
        (
            r#""""jails""" = 1"#,
            &[r#"1:1: keys cannot be multi-line basic strings `"""jails"""`, expected basic string or literal string"#],
        ),
        ("# ü\n[jails.'ssh']\nmode = 'ü'; x", &["3:11: unexpected key or value, expected a new line or `#`"]),
    ]);
}

/// Unknown and misplaced tables, keys and jails.
#[test]
fn names() {
    check(&[
        (
            "[globl]",
            &[
                "1:2: unknown table or key `globl`, expected [global], [defaults], [jails.NAME], [filters.NAME] or [journal] (did you mean `global`?)",
            ],
        ),
        (
            "[DEFAULT]",
            &[
                "1:2: unknown table or key `DEFAULT`, expected [global], [defaults], [jails.NAME], [filters.NAME] or [journal] (did you mean `defaults`?)",
            ],
        ),
        (
            "[Definition]\nfailregex = \"x\"",
            &[
                "1:2: unknown table or key `Definition`: a filter of your own is `match` of [filters.NAME], with templates and no regular expressions",
            ],
        ),
        (
            r#"banaction = "nftables""#,
            &[
                "1:1: unknown table or key `banaction`: edgeban's one action is to drop packets; `backend` in [global] chooses the firewall",
            ],
        ),
        ("maxretry = 5", &["1:1: `maxretry` stands outside of a table, expected it in [defaults] or [jails.NAME]"]),
        (
            "x.y = 1",
            &[
                "1:1: unknown table or key `x`, expected [global], [defaults], [jails.NAME], [filters.NAME] or [journal]",
            ],
        ),
        (
            "[global]\nlogpath = \"/a\"",
            &["2:1: `logpath` stands in [global], expected it in [defaults] or [jails.NAME]"],
        ),
        (
            "[global]\nmax_retry = 5",
            &[
                "2:1: unknown key `max_retry` in [global], expected `table`, `backend`, `log_level`, `on_stop`, `kill_connections`, `hook`, `devices`, `verdict`, `counters`, `ipv4_prefix`, `ipv6_prefix`, `protect_table`, `foreign`, `control_group`, `run_dir`, `state_dir`, `state_sync`, `web` or `web_token`",
            ],
        ),
        (
            "[global]\npid_file = \"/run/x\"\nlog_levle = \"info\"",
            &[
                "2:1: unknown key `pid_file` in [global]: edgeban stays in the foreground, its supervisor knows the process",
                "3:1: unknown key `log_levle` in [global], expected `table`, `backend`, `log_level`, `on_stop`, `kill_connections`, `hook`, `devices`, `verdict`, `counters`, `ipv4_prefix`, `ipv6_prefix`, `protect_table`, `foreign`, `control_group`, `run_dir`, `state_dir`, `state_sync`, `web` or `web_token` (did you mean `log_level`?)",
            ],
        ),
        (
            "[global]\nbackend = \"systemd\"",
            &[
                "2:11: unknown word `systemd`, expected \"auto\", \"nftables\", \"iptables\", \"ipset\" or \"log-only\" (it chooses the firewall; what is read is in `logpath`: files, or \"journal\" for systemd's)",
            ],
        ),
        (
            "[global]\nbackend = \"iptables-multiport\"",
            &[
                "2:11: unknown word `iptables-multiport`, expected \"auto\", \"nftables\", \"iptables\", \"ipset\" or \"log-only\" (did you mean `iptables`?)",
            ],
        ),
        ("[defaults]\nfilter = \"sshd\"", &["2:1: `filter` stands in [defaults], expected it in [jails.NAME]"]),
        (
            "[defaults]\nmax_retry = 3\nfindtim = 3\nBanTime = 3",
            &[
                "2:1: unknown key `max_retry` in [defaults], expected `enabled`, `mode`, `logpath`, `journalmatch`, `maxretry`, `findtime`, `bantime`, `bantime_increment`, `bantime_factor`, `bantime_multipliers`, `bantime_maxtime`, `bantime_rndtime`, `bantime_overalljails`, `ignoreip` or `ignoreself` (did you mean `maxretry`?)",
                "3:1: unknown key `findtim` in [defaults], expected `enabled`, `mode`, `logpath`, `journalmatch`, `maxretry`, `findtime`, `bantime`, `bantime_increment`, `bantime_factor`, `bantime_multipliers`, `bantime_maxtime`, `bantime_rndtime`, `bantime_overalljails`, `ignoreip` or `ignoreself` (did you mean `findtime`?)",
                "4:1: unknown key `BanTime` in [defaults], expected `enabled`, `mode`, `logpath`, `journalmatch`, `maxretry`, `findtime`, `bantime`, `bantime_increment`, `bantime_factor`, `bantime_multipliers`, `bantime_maxtime`, `bantime_rndtime`, `bantime_overalljails`, `ignoreip` or `ignoreself` (did you mean `bantime`?)",
            ],
        ),
        (
            "[defaults]\nbanaction = \"iptables\"\nbackend = \"auto\"\nport = \"ssh\"\naction = \"x\"\nusedns = \"no\"\nfailregex = \"^x\"\nignorecommand = \"\"",
            &[
                "2:1: unknown key `banaction` in [defaults]: edgeban's one action is to drop packets; `backend` in [global] chooses the firewall",
                "3:1: `backend` stands in [defaults], expected it in [global] (it chooses the firewall; what is read is in `logpath`: files, or \"journal\" for systemd's)",
                "4:1: unknown key `port` in [defaults]: a ban covers every port and protocol",
                "5:1: unknown key `action` in [defaults]: edgeban's one action is to drop packets; `backend` in [global] chooses the firewall",
                "6:1: unknown key `usedns` in [defaults]: edgeban never resolves names",
                "7:1: unknown key `failregex` in [defaults]: a filter of your own is `match` of [filters.NAME], with templates and no regular expressions",
                "8:1: unknown key `ignorecommand` in [defaults]: list the addresses in `ignoreip`",
            ],
        ),
        (
            "[defaults]\nbantime.increment = true",
            &["2:9: `increment` is below a key that holds a value, expected `bantime_increment`"],
        ),
        ("[defaults]\nbantime.x = true", &["2:9: `x` is below a key that holds a value, expected the key itself"]),
        ("[defaults.maxretry]", &["1:11: a table `maxretry`, expected a whole number from 1 to 10000"]),
        ("[jails.sshd.filter.x]", &["1:20: `x` is below a key that holds a value, expected the key itself"]),
        ("[jails]\nsshd = true", &["2:1: `sshd` holds a value, expected a table"]),
        (r#"jails = "sshd""#, &["1:1: `jails` holds a value, expected a table"]),
        ("global = []", &["1:1: `global` holds a value, expected a table"]),
        (r#"[jails.""]"#, &[r#"1:8: `""` is not a name, expected letters, digits, `_`, `.` and `-`"#]),
        ("[jails.'ü']", &["1:8: `'ü'` is not a name, expected letters, digits, `_`, `.` and `-`"]),
        (
            "[[jails]]",
            &[
                "1:1: `[[jails]]` is an array of tables, expected [global], [defaults], [jails.NAME], [filters.NAME] or [journal]",
            ],
        ),
        (
            "[[jails.sshd]]\nmaxretry = 0",
            &[
                "1:1: `[[jails.sshd]]` is an array of tables, expected [global], [defaults], [jails.NAME], [filters.NAME] or [journal]",
            ],
        ),
        (
            "[jails.sshd]\n\"\\u202Eevil\\u0007\" = 1",
            &[
                r#"2:1: unknown key `"\u202Eevil\u0007"` in a jail, expected `enabled`, `mode`, `logpath`, `journalmatch`, `maxretry`, `findtime`, `bantime`, `bantime_increment`, `bantime_factor`, `bantime_multipliers`, `bantime_maxtime`, `bantime_rndtime`, `bantime_overalljails`, `ignoreip`, `ignoreself` or `filter`"#,
            ],
        ),
        ("[jails]\nfoo = true", &["2:1: `foo` holds a value, expected a table"]),
        (
            "[jails.sshd]\n\"\\u202Eevil\\u0007\" = 1\nmode = \"\\u202E\\u0007\"",
            &[
                r#"2:1: unknown key `"\u202Eevil\u0007"` in a jail, expected `enabled`, `mode`, `logpath`, `journalmatch`, `maxretry`, `findtime`, `bantime`, `bantime_increment`, `bantime_factor`, `bantime_multipliers`, `bantime_maxtime`, `bantime_rndtime`, `bantime_overalljails`, `ignoreip`, `ignoreself` or `filter`"#,
                r#"3:8: unknown word `\u{202e}\u{7}`, expected "normal", "ddos", "extra" or "aggressive""#,
            ],
        ),
        (
            "[global]\r\ntable = 1\r\n[defaults]\r\nmaxretry = 0\r\n",
            &[
                "2:9: an integer `1`, expected a name of letters, digits, `_`, `-` and `.` that starts with a letter or `_`",
                "4:12: `0` is out of range, expected a whole number from 1 to 10000",
            ],
        ),
        (
            "[jails.sshd]\nbantime.increment = true\nbantime = 5",
            &["2:9: `increment` is below a key that holds a value, expected `bantime_increment`"],
        ),
        (
            "[jails.sshd]\nbantime = 5\nbantime.x = 5",
            &["3:9: `x` is below a key that holds a value, expected the key itself"],
        ),
    ]);
}

/// Bytes that no TOML file has.
#[test]
fn bytes() {
    let cases: &[(&[u8], &str)] = &[
        (b"a\0b", r#"1:2: control byte 0x00, expected text (write it as "\u0000" in a string)"#),
        (b"# ok\n\x01", r#"2:1: control byte 0x01, expected text (write it as "\u0001" in a string)"#),
        (b"a = \"\x7f\"\n", r#"1:6: control byte 0x7f, expected text (write it as "\u007f" in a string)"#),
        (b"# a\r\n# b\rc", "2:4: carriage return without a newline, expected LF or CR LF"),
        (b"# \xc3\xa4\xff", "1:4: byte 0xff is not UTF-8, expected UTF-8 text"),
        (b"\xef\xbb\xbf# x\n\xef\xbb\xbf", "2:2: key with no value, expected `=`"),
        (b"\xff\0", "1:1: byte 0xff is not UTF-8, expected UTF-8 text"),
        (b"# \0\xff", r#"1:3: control byte 0x00, expected text (write it as "\u0000" in a string)"#),
    ];
    for (text, want) in cases {
        assert_eq!(try_read(text).unwrap_err(), [*want], "{text:?}");
    }
}

/// `[filters.NAME]`: the place is that of the byte inside the string.
#[test]
fn filters() {
    check(&[
        (
            "[filters.a]\nmatch = 'failed from <HOST>'",
            &["2:22: unknown part `<HOST>`, write <ADDR> where the peer's address stands"],
        ),
        (
            "[filters.a]\nmatch = [\n  'ok <ADDR>',\n  \"é \\u003CWORD\\u003e \\\"<ADDR>\\\" \\\\d\",\n]",
            &[
                "4:34: `\\d` is of regular expressions, and a template is none: write <N> for digits; for this text itself put a `\\` before its signs",
            ],
        ),
        (
            "[filters.a]\nmatch = \"é \\u003Cx\\u003e \\\"<ADDR>\\\"\"",
            &[
                "2:12: unknown part `<x>`, expected <ADDR>, <PEER>, <*>, <WORD>, <N>, <^CHARS> or <a|b>; `\\<` for the sign itself",
            ],
        ),
        (
            "[filters.a]\nmatch = \"\"\"\n\\\n  from \\\n  <ADDR> \\\\d\"\"\"",
            &[
                "5:10: `\\d` is of regular expressions, and a template is none: write <N> for digits; for this text itself put a `\\` before its signs",
            ],
        ),
        (
            "[filters.a]\nmatch = ['a <*>', '']",
            &[
                "2:11: no address, expected <ADDR> or <PEER> where the peer's stands",
                "2:20: no address, expected <ADDR> or <PEER> where the peer's stands",
            ],
        ),
        (
            "[filters.a]\nmatch = ['a <ADDR>']\nignore = ['<*>']",
            &["3:12: no text by which to know the message, expected some of it"],
        ),
        ("[filters.sshd]\nmatch = 'a <ADDR>'", &["1:10: `sshd` is a filter that edgeban has, expected another name"]),
        (
            "[filters.'a b']\nmatch = 'a <ADDR>'",
            &["1:10: `'a b'` is not a name, expected letters, digits, `_`, `.` and `-`"],
        ),
        (
            "[filters.a]",
            &[
                "1:10: filter `a` has no template, expected match = an array of templates such as '<prog:myapp> login failed for <*> from <ADDR>'",
            ],
        ),
        (
            "[filters.a]\nignore = ['b']\nmatch = []",
            &[
                "3:9: an empty array, expected an array of templates such as '<prog:myapp> login failed for <*> from <ADDR>'",
            ],
        ),
        (
            "[filters.a]\nmatch = 5",
            &[
                "2:9: an integer `5`, expected an array of templates such as '<prog:myapp> login failed for <*> from <ADDR>'",
            ],
        ),
        (
            "[filters.a]\nmatch = 'a <ADDR>'\nmaxretry = 3",
            &["3:1: `maxretry` stands in a filter, expected it in [defaults] or [jails.NAME]"],
        ),
        (
            "[filters.a]\nmatch = 'a <ADDR>'\nfailregex = 'x'",
            &[
                "3:1: unknown key `failregex` in a filter: a filter of your own is `match` of [filters.NAME], with templates and no regular expressions",
            ],
        ),
        (
            "[jails.sshd]\nignore = ['10.0.0.0/8']",
            &["2:1: `ignore` stands in a jail, expected it in [filters.NAME] (did you mean `ignoreip`?)"],
        ),
        ("[jails.sshd]\nmatch = 'a'", &["2:1: `match` stands in a jail, expected it in [filters.NAME]"]),
        (
            "[filters.abcde]\nmatch = 'a <ADDR>'\n[jails.x]\nfilter = \"abcd\\u0066\"\nlogpath = '/x'",
            &["4:10: unknown word `abcdf`, expected FILTERS, or of [filters] \"abcde\" (did you mean `abcde`?)"],
        ),
        (
            "[filters.abcde]\nmatch = 'a <ADDR>'\n[jails.x]\nlogpath = '/x'",
            &[
                "3:8: jail `x` has no filter, expected filter = FILTERS, or of [filters] \"abcde\", or a jail named like its filter",
            ],
        ),
        (
            "[filters.abcde]\nmatch = 'a <ADDR>'\n[jails.abcde]",
            &["3:8: jail `abcde` has no log files, expected `logpath`: only edgeban's own filters know some"],
        ),
        (
            "[filters.abcde]\nmatch = 'a <ADDR>'\n[jails.abcde]\nlogpath = '/x'\nmode = 'ddos'",
            &["5:1: this jail's filter has no mode but \"normal\""],
        ),
        ("[jails.sshd]\nfilter = 5", &["2:10: an integer `5`, expected FILTERS"]),
    ]);
}
