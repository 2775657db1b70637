use super::*;
use crate::time::WallTime;
use proptest::prelude::*;
use std::format;
use std::string::String;

fn stamp(text: &str) -> Option<Stamp> {
    let line = format!("{text} host sshd[1]: m");
    let record = Record::parse(line.as_bytes())?;
    assert_eq!((record.program, record.message), (&b"sshd"[..], &b"m"[..]), "{text}");
    record.stamp
}

/// Line, program, pid, message.
type Row = (&'static str, &'static str, Option<u32>, &'static str);

#[test]
fn headers_of_every_form() {
    let rows: &[Row] = &[
        ("Mar  3 00:17:22 host sshd[12]: hello there", "sshd", Some(12), "hello there"),
        ("Mar 13 00:17:22 host sshd[12]: hello\r", "sshd", Some(12), "hello"),
        ("Feb 7 16:01:07 linux-m899 sshd[5106]: x", "sshd", Some(5106), "x"),
        ("Mar  3 2026 00:17:22 host sshd[12]: x", "sshd", Some(12), "x"),
        ("Mon Nov 23 20:28:45 2026 authpriv.warn dropbear[2310]: x", "dropbear", Some(2310), "x"),
        ("Nov 24 05:59:43 vm authpriv.warn dropbear[50]: x", "dropbear", Some(50), "x"),
        ("Nov 24 05:59:43 vm local7.info dropbear: x", "dropbear", None, "x"),
        ("<38>Mar  3 00:17:22 host sshd[12]: x", "sshd", Some(12), "x"),
        ("Mar  1 12:00:00 <auth.info> host sshd[1]: x", "sshd", Some(1), "x"),
        ("2026-11-24T04:47:08.123456+00:00 host sshd[7]: x", "sshd", Some(7), "x"),
        ("2026-11-24T04:47:08Z host sshd-session[7]: x", "sshd-session", Some(7), "x"),
        ("2026-11-24 04:47:08 host sshd: x", "sshd", None, "x"),
        (
            "<38>1 2019-07-08T17:40:16.954167-04:00 h.example.com sshd 57915 - - Failed x",
            "sshd",
            Some(57915),
            "Failed x",
        ),
        (
            "<38>1 2019-07-08T17:40:17Z h sshd 5 - [a tz=\"1\" s=\"q\\\"]\\\\\"][x@1 t=\"[b]\"] \u{feff}m",
            "sshd",
            Some(5),
            "m",
        ),
        ("<38>1 - - /usr/sbin/sshd - - -", "sshd", None, ""),
        ("srv sshd[13709]: x y", "sshd", Some(13709), "x y"),
        ("sshd[13709]: x y", "sshd", Some(13709), "x y"),
        ("Nov 23 21:50:19 sshd[8148]: x", "sshd", Some(8148), "x"),
        ("Nov 23 21:50:19   sshd[8148]: x", "sshd", Some(8148), "x"),
        ("Mar  3 00:17:22 [sshd]: x", "sshd", None, "x"),
        ("Mar  3 00:17:22 host [sshd][9]: x", "sshd", Some(9), "x"),
        ("Mar  3 00:17:22 host /usr/sbin/sshd[9]: x", "sshd", Some(9), "x"),
        ("Apr 29 20:11:08 mac sshd[63814]: [ID 800047 auth.info] Failed", "sshd", Some(63814), "Failed"),
        ("srv sshd[20878]: kernel:[  970.699396]: Failed", "sshd", Some(20878), "Failed"),
        ("srv sshd[20879]: kernel: [  970.699397] Failed", "sshd", Some(20879), "Failed"),
        ("srv sshd[1]: [ID x] Failed", "sshd", Some(1), "[ID x] Failed"),
        ("srv sshd[1]: kernel:[a] Failed", "sshd", Some(1), "kernel:[a] Failed"),
        // What rsyslog, BusyBox, journald and the kernel wrote here, of what logger(1) said.
        ("2026-11-24T23:54:07.216592+00:00 vm sshd[4711]: x", "sshd", Some(4711), "x"),
        ("<38>2026-11-24T23:54:07.216592+00:00 vm sshd[4711]: x", "sshd", Some(4711), "x"),
        ("<38>1 2026-11-24T23:54:07.216592+00:00 vm sshd 4711 - -  x", "sshd", Some(4711), "x"),
        ("1795564447 vm sshd[4711]: x", "sshd", Some(4711), "x"),
        ("1795564447.216592 vm sshd[4711]: x", "sshd", Some(4711), "x"),
        ("Nov 24 2026 23:54:07 vm sshd: x", "sshd", None, "x"),
        ("Nov 24 23:54:09 vm authpriv.warn dropbear[50]: x", "dropbear", Some(50), "x"),
        ("Nov 24 23:54:09 vm user.warn kernel: [12294.546805] x", "kernel", None, "x"),
        ("Nov 24 23:54:21 vm sshd[17921]: x", "sshd", Some(17921), "x"),
        ("2026-11-24T23:54:21+0000 vm sshd[17921]: x", "sshd", Some(17921), "x"),
        ("2026-11-24T23:54:21.870196+0000 vm sshd[17921]: x", "sshd", Some(17921), "x"),
        ("Nov 24 23:54:21.870196 vm sshd[17921]: x", "sshd", Some(17921), "x"),
        ("Tue 2026-11-24 23:54:21 UTC vm sshd[17921]: x", "sshd", Some(17921), "x"),
        ("1795564461.870196 vm sshd[17921]: x", "sshd", Some(17921), "x"),
        ("[12294.546805] x", "kernel", None, "x"),
        ("<5>[12294.546805] x", "kernel", None, "x"),
        // As their sources print them.
        ("[    1.546805] sshd[1]: x", "kernel", None, "sshd[1]: x"),
        ("[    1.546805][   T12] x", "kernel", None, "x"),
        ("Tue Nov 24 05:00:00 2026 kern.info kernel: [  123.456789] x", "kernel", None, "x"),
        ("Tue Nov 24 05:00:00 2026 [1795495628.123] auth.info dropbear[7]: x", "dropbear", Some(7), "x"),
        ("Apr  2 17:51:32 <4.6> pancake sshd[55628]: x", "sshd", Some(55628), "x"),
        ("Apr  2 17:51:32 <auth.info> pancake sshd[55628]: x", "sshd", Some(55628), "x"),
        ("1795564461870 vm sshd[17921]: x", "sshd", Some(17921), "x"),
        ("1795564461870196 vm sshd[17921]: x", "sshd", Some(17921), "x"),
        ("Tue 2026-11-24 23:54:21 -03 vm sshd[1]: x", "sshd", Some(1), "x"),
        ("Mar  3 00:17:22 edge kernel: [ 1.5] x", "kernel", None, "[ 1.5] x"),
        ("Mar  3 00:17:22 edge sudo:   deploy : TTY=pts/0 ; COMMAND=x", "sudo", None, "deploy : TTY=pts/0 ; COMMAND=x"),
        ("Mar  3 00:17:22 edge CRON[4]: (root) CMD (sshd[1]: x)", "CRON", Some(4), "(root) CMD (sshd[1]: x)"),
        ("Mar  3 00:17:22 edge sudo: deploy sshd[1]: x", "sudo", None, "deploy sshd[1]: x"),
        ("Mar  3 00:17:22 edge kernel: sshd[1]: x", "kernel", None, "sshd[1]: x"),
    ];
    for &(line, program, pid, message) in rows {
        let record = Record::parse(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
        let got = (record.program, record.pid, record.message);
        assert_eq!(got, (program.as_bytes(), pid, message.as_bytes()), "{line}");
    }
}

#[test]
fn what_is_no_header() {
    for line in [
        "",
        " ",
        "Mar  3 00:17:22",
        "Mar  3 00:17:22 ",
        "Mar  3 00:17:22 host",
        "Mar  3 00:17:22 host last message repeated 2 times",
        "Mar  3 00:17:22 host a word sshd[1]: x",
        "Mar  3 25:17:22 host sshd[1]: x",
        "Feb 30 00:17:22 host sshd[1]: x",
        "Foo  3 00:17:22 host sshd[1]: x",
        "Mar  0 00:17:22 host sshd[1]: x",
        "2026-02-29T00:00:00Z host sshd[1]: x",
        "2026-00-01T00:00:00Z host sshd[1]: x",
        "2026-11-24T04:47:08. host sshd[1]: x",
        "2026-11-24T04:47:08+15:00 host sshd[1]: x",
        "<192>1 - - sshd - - - x",
        "<38>1 2026-13-01T00:00:00Z h sshd 5 - - x",
        "<38>1 - h sshd 5 - [a x",
        "<38>1 - h sshd 5 - -x",
        "Xyz Nov 23 20:28:45 2026 authpriv.warn dropbear[2310]: x",
        "[12307.089726] vm sshd[17921]: Failed password for root from 192.0.2.1 port 40000 ssh2",
        "[12307.08972] usb 1-1: x",
        "[.089726] x",
        "17955644 vm sshd[1]: x",
        "17955644618 vm sshd[1]: x",
        "1795564461. vm sshd[1]: x",
        "1795564461870.5 vm sshd[1]: x",
        "Nov 24 23:54:21. vm sshd[1]: x",
        "Tue 2026-11-24 23:54:21 vm sshd[1]: x",
        "Tue 2026-11-24 23:54:21 +15 vm sshd[1]: x",
        "Xyz 2026-11-24 23:54:21 UTC vm sshd[1]: x",
        "host sshd[99999999999]: x",
        "host sshd[]: x",
        "host sshd[1]:x",
        "host sshd[1] x",
        "10.1.1.1 - - [21/Sep/2026:14:13:21 +0000] \"GET / HTTP/1.1\" 401 12",
        "{\"user\":\"a sshd[1]: x\"}",
    ] {
        assert_eq!(Record::parse(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn stamps_are_read() {
    let of = |days: u32, time: u32| Some(Stamp::OfYear(days * 86_400 + time));
    assert_eq!(stamp("Jan  1 00:00:00"), of(0, 0));
    assert_eq!(stamp("Feb 29 00:00:01"), of(59, 1));
    assert_eq!(stamp("Mar  1 00:01:00"), of(60, 60));
    assert_eq!(stamp("Dec 31 23:59:59"), of(365, 86_399));
    let wall = |seconds| Some(Stamp::Wall(WallTime(seconds)));
    // date -u -d '...' +%s
    assert_eq!(stamp("1970-01-01T00:00:00Z"), wall(0));
    assert_eq!(stamp("2026-11-24T04:47:08.123456+00:00"), wall(1_795_495_628));
    assert_eq!(stamp("2019-07-08T17:40:16.954167-04:00"), wall(1_562_622_016));
    assert_eq!(stamp("2000-02-29T12:00:00+0530"), wall(951_805_800));
    assert_eq!(stamp("2000-03-01T00:00:00Z"), wall(951_868_800));
    assert_eq!(stamp("1969-12-31T23:59:59Z"), wall(-1));
    assert_eq!(stamp("Mar  3 2026 00:17:22"), wall(1_772_497_042));
    assert_eq!(stamp("Mon Nov 23 20:28:45 2026"), wall(1_795_465_725));
    assert_eq!(stamp("Nov 23 20:28:45.123 2026"), wall(1_795_465_725));
    assert_eq!(stamp("Mon 2026-11-23 20:28:45 UTC"), wall(1_795_465_725));
    assert_eq!(stamp("Mon 2026-11-23 20:28:45 CET"), wall(1_795_465_725));
    assert_eq!(stamp("Mon 2026-11-23 20:28:45 -03"), wall(1_795_476_525));
    assert_eq!(stamp("Mon 2026-11-23 20:28:45 +05"), wall(1_795_447_725));
    assert_eq!(stamp("1795465725"), wall(1_795_465_725));
    assert_eq!(stamp("1795465725.999999"), wall(1_795_465_725));
    assert_eq!(stamp("1795465725999"), wall(1_795_465_725));
}

#[test]
fn dates_of_access_logs_are_read() {
    let wall = |seconds| Some(Some(Stamp::Wall(WallTime(seconds))));
    for (date, want) in [
        ("05/Mar/2007:14:39:21 +0100", wall(1_173_101_961)),
        ("24/Nov/2026:04:47:08 +0000", wall(1_795_495_628)),
        ("24/Nov/2026:04:47:08 ", wall(1_795_495_628)),
        ("02/sept./2015:00:11:31 +0200", wall(1_441_145_491)),
        ("02/d\u{e9}c./2015:00:11:31 +0200", Some(None)),
        ("02/marraskuuta/2015:00:11:31 +0200", Some(None)),
        ("30/Feb/2015:00:11:31 +0200", None),
        ("02/Sep/2015:25:11:31 +0200", None),
        ("02/Sep/2015 00:11:31 +0200", None),
        ("02/Sep/2015:00:11:31 +0200 x", None),
    ] {
        assert_eq!(access_date(date.as_bytes()), want, "{date}");
    }
}

#[test]
fn dates_of_single_programs_are_read() {
    let wall = |seconds| Some(Stamp::Wall(WallTime(seconds)));
    let of_year = |seconds| Some(Stamp::OfYear(seconds));
    // date -u -d '...' +%s
    for (line, want, message) in [
        ("[18/Jan/2014 06:41:25] a", wall(1_390_027_285), "a"),
        ("[30-Dec-2014 13:02:34 -0500]: a", wall(1_419_962_554), ": a"),
        ("[30-Dec-2014 13:02:34.123456 -0500]: a", wall(1_419_962_554), ": a"),
        ("[30-Dec-2014 18:02:34]: a", wall(1_419_962_554), ": a"),
        ("Apr-07-13 07:08:36 [SSL-out] a", wall(1_365_318_516), "[SSL-out] a"),
        ("10/06/2013 15:50:41 [A] a", wall(1_381_074_641), "[A] a"),
        ("03-07-2005 23:07:20   a", wall(1_120_432_040), "  a"),
        ("07-23-2005 23:07:20   a", wall(1_122_160_040), "  a"),
        ("23/07/2005 23:07:20   a", wall(1_122_160_040), "  a"),
        ("23.07.2005 23:07:20   a", wall(1_122_160_040), "  a"),
        ("[28325:00010-3735542592] 03-07-2005 23:07:20   a", wall(1_120_432_040), "  a"),
        ("[0006A:0010-0F6C] 2005-07-03 23:07:20   a", wall(1_120_432_040), "  a"),
        ("<co ts=\"2014-06-02T16:06:33.99\" pi=\"1\"/>", wall(1_401_725_193), " pi=\"1\"/>"),
        ("78017 00cff -- none -- - 2014-01-13T05:02:22+00:00 WARN a", wall(1_389_589_342), "WARN a"),
        ("78017 00cff - 1 2ms 3s - 2014-01-13T05:02:22+00:00 WARN a", wall(1_389_589_342), "WARN a"),
        ("[2014-01-06 10:59:38]a", wall(1_389_005_978), "a"),
        ("11-Aug-2013 03:36:11.372 error: a", wall(1_376_192_171), "error: a"),
        ("130324  8:24:09 [Warning] a", wall(1_364_113_449), "[Warning] a"),
        ("2015-10-07  8:25:38 139 [Warning] a", wall(1_444_206_338), "139 [Warning] a"),
        ("2011.11.21 14:29:16 LOG3[1]: a", wall(1_321_885_756), "LOG3[1]: a"),
        ("[20220407-12:11:06] [INFO ] a", wall(1_649_333_466), "[INFO ] a"),
        ("08-03 07:56:53.026292 [WARN] a", of_year(215 * 86_400 + 28_613), "[WARN] a"),
        ("[PDT Apr 16 21:05:29] a", of_year(106 * 86_400 + 75_929), "a"),
        ("[CEST Aug  6 10:14:52] a", of_year(218 * 86_400 + 36_892), "a"),
        ("L 12/01/2014 - 01:25:17: a", wall(1_417_397_117), "a"),
        ("1403884279 - 06/27/2014 a", wall(1_403_884_279), "- 06/27/2014 a"),
        ("<W>2015-11-29 16:38:01.818 1 => a", wall(1_448_815_081), "1 => a"),
        ("[2026-11-24 05:00:00.123 +01:00] [INF] a", wall(1_795_492_800), "[INF] a"),
        ("time=\"2026-11-24T05:00:00+01:00\" level=a", wall(1_795_492_800), "level=a"),
        ("t=2020-10-19T18:44:33+0200 lvl=a", wall(1_603_125_873), "lvl=a"),
        ("2020-04-09T14:04:00.667Z: a", wall(1_586_441_040), "a"),
        ("type=A msg=audit(1383116263.000:603): a", wall(1_383_116_263), "type=A msg=audit(1383116263.000:603): a"),
        ("11-06-2013 02:09:43 +0300 a", wall(1_370_905_783), "a"),
        ("1386543323.000      4 a", wall(1_386_543_323), "     4 a"),
        ("2014:07:02-00:17:45: 'a", wall(1_404_260_265), "'a"),
        ("2019-10-15 18:55:15|-1|a", wall(1_571_165_715), "-1|a"),
        ("2021-09-30 17:44:37: (a", wall(1_633_023_877), "(a"),
    ] {
        assert_eq!(own_date(line.as_bytes()), Some((want, message.as_bytes())), "{line}");
    }
    for line in [
        "[18/Jam/2014 06:41:25] a",
        "[30/Feb/2014 06:41:25] a",
        "[x] 03-07-2005 23:07:20   a",
        "[1] a 03-07-2005 23:07:20   a",
        "13/13/2013 15:50:41 a",
        "Apr-07-13 7:08:36 a",
        "03-07-2005 23:07:20",
        "<co ts=\"2014-06-02\" pi=\"1\"/>",
        "78017 00cf -- none -- - 2014-01-13T05:02:22+00:00 WARN a",
        "78017 00cff -- none -- - x",
        "11-Aug-2013 03:36:11. a",
        "2014:07:02 00:17:45: a",
        "2019-10-15 18:55:15, a",
        "139324  8:24:09 a",
        "13-03 07:56:53 a",
        "[Pdt Apr 16 21:05:29] a",
        "L 13/01/2014 - 01:25:17: a",
        "140388427900 a",
        "<X>2015-11-29 16:38:01 a",
        "t=2020-10-19 a",
        "time=\"2026-11-24\" a",
        "time=\"2026-11-24T05:00:00+01:00\"a",
        "2020-04-09T14:04:00.667Z; a",
        "type=A msg=audit(x.000:603): a",
        "I(0.1.0) a",
    ] {
        assert_eq!(own_date(line.as_bytes()), None, "{line}");
    }
}

proptest! {
    #[test]
    fn total_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Record::parse(&bytes);
        let _ = access_date(&bytes);
        let _ = own_date(&bytes);
    }

    #[test]
    fn total_near_headers(cut in 0usize..120, at in 0usize..120, byte: u8, row in 0usize..4) {
        let lines = [
            "Mar  3 00:17:22 host sshd[12]: hello there",
            "<38>1 2019-07-08T17:40:17Z h sshd 5 - [a tz=\"1\" s=\"q\\\"]\\\\\"][x@1 t=\"[b]\"] m",
            "Mon Nov 23 20:28:45 2026 authpriv.warn dropbear[2310]: [2310] Nov 23 20:28:45 x",
            "2026-11-24T04:47:08.123456+00:00 host sshd[7]: kernel: [ 1.2] x",
        ];
        let mut line = lines[row].as_bytes().to_vec();
        if let Some(place) = line.get_mut(at) { *place = byte; }
        line.truncate(cut);
        let _ = Record::parse(&line);
    }

    #[test]
    fn a_message_never_names_the_program(text in "[ -~]{0,60}") {
        for header in ["Mar  3 00:17:22 edge CRON[4]: ", "2026-11-24T04:47:08Z edge CRON[4]: ", "edge CRON[4]: ",
            "<38>1 - edge CRON 4 - - ", "Mon Nov 23 20:28:45 2026 cron.info CRON[4]: ", "1795495628.123 edge CRON[4]: ",
            "Tue 2026-11-24 23:54:21 UTC edge CRON[4]: ", "Nov 24 23:54:21.870196 edge CRON[4]: "] {
            let line: String = format!("{header}{text} sshd[1]: Failed password for root from 9.9.9.9 port 22 ssh2");
            prop_assert_eq!(Record::parse(line.as_bytes()).unwrap().program, b"CRON");
        }
        let line: String = format!("[   12.345678] {text} sshd[1]: Failed password for root from 9.9.9.9 port 22 ssh2");
        prop_assert!(Record::parse(line.as_bytes()).is_none_or(|record| record.program == b"kernel"));
    }
}
