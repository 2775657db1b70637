//! Many attackers at once, with the real binary on the real kernel: all are banned, or it is said which are not.

use edgeban_core::limits;
use edgeban_tests::lab::{Edgeban, Lab, LogFile, binary, eventually, failure, large_binary};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The `number`-th attacker: one of four is IPv6.
fn attacker(number: u32) -> IpAddr {
    if number.is_multiple_of(4) {
        let [high, low] = [number >> 16, number & 0xffff].map(|part| u16::try_from(part).unwrap());
        Ipv6Addr::new(0x2001, 0xdb8, 0xbad, high, 0, 0, 0, low).into()
    } else {
        Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + number).into()
    }
}

/// Writes a failure of each of these attackers, in one go.
fn flood(log: &mut LogFile, numbers: impl IntoIterator<Item = u32>) {
    log.write(numbers.into_iter().map(|number| failure(attacker(number))).collect::<String>());
}

fn wait_for(what: &str, edgeban: &Edgeban, bans: u64, refused: u64) {
    eventually(what, || {
        let counters = edgeban.counters();
        (counters.bans == bans && counters.refused == refused && counters.waiting == 0).then_some(())
    });
}

/// The kernel holds these, exactly. The numbers of addresses are said if not, there are too many to name.
#[track_caller]
fn assert_banned(lab: &Lab, expected: impl IntoIterator<Item = u32>) {
    let expected: BTreeSet<IpAddr> = expected.into_iter().map(attacker).collect();
    let banned = lab.banned();
    let (missing, more) = (expected.difference(&banned).count(), banned.difference(&expected).count());
    assert_eq!((missing, more), (0, 0), "missing and too many, of {}", expected.len());
}

#[test]
fn a_flood_of_100000_attackers_loses_none() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let config = format!("[jails.sshd]\nlogpath = \"{}\"\nmaxretry = 1\nbantime = \"1h\"\n", log.name());
    let edgeban = lab.start_program(&large_binary(), &config);
    flood(&mut log, 0..100_000);
    wait_for("all are banned", &edgeban, 100_000, 0);
    assert_banned(&lab, 0..100_000);
    let counters = edgeban.stop();
    assert_eq!((counters.failed, counters.banned, counters.evicted), (100_000, 100_000, 0));
}

/// The usual build, beyond `limits::BANS`: it says whom it cannot ban, loses none of the others, and takes a refused
/// address at its next attempt if there is room.
#[test]
fn at_the_limit_no_ban_is_lost_and_each_refusal_is_said() {
    const LIMIT: u32 = limits::BANS_U32;
    let lab = Lab::new();
    let [mut long, mut short] = ["long", "short"].map(|name| LogFile::open(lab.dir().join(name)));
    let edgeban = lab.start_program(
        &binary(),
        &format!(
            "[defaults]\nmaxretry = 1\n[jails.long]\nfilter = \"sshd\"\nlogpath = \"{}\"\nbantime = \"1h\"\n[jails.short]\n\
             filter = \"sshd\"\nlogpath = \"{}\"\nbantime = \"15s\"\n",
            long.name(),
            short.name()
        ),
    );
    flood(&mut short, 1_000_000..1_000_010);
    wait_for("the first are banned", &edgeban, 10, 0);
    let (fit, late) = (0..LIMIT - 10, LIMIT..LIMIT + 2_000);
    flood(&mut long, fit.clone().chain(late.clone()));
    wait_for("there is no more room", &edgeban, LIMIT.into(), 2_000);
    assert_banned(&lab, fit.clone().chain(1_000_000..1_000_010));
    let said = edgeban.log();
    let refused: BTreeSet<&str> = said
        .lines()
        .filter_map(|line| line.split_once("no room to ban ")?.1.split_once(": "))
        .map(|(addr, _)| addr)
        .collect();
    let late_ones: BTreeSet<String> = late.clone().map(|number| attacker(number).to_string()).collect();
    assert_eq!(refused, late_ones.iter().map(String::as_str).collect());

    eventually("the first are over", || (edgeban.counters().unbans == 10).then_some(()));
    flood(&mut long, late.clone());
    wait_for("there is room for ten more", &edgeban, u64::from(LIMIT) + 10, 2_000 + 1_990);
    assert_banned(&lab, fit.chain(late.take(10)));
    edgeban.stop();
}
