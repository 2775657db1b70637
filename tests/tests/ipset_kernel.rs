//! The real kernel takes what the dialogue with ipset sends, the real `ipset` shows what it should, and the fake ipset
//! answers like the real one.

use edgeban_core::addr::{Addr, Family};
use edgeban_core::ban::{Bans, State, Wanted};
use edgeban_core::event::{Event, Events};
use edgeban_core::firewall::ipset::{ANSWER, BACKOFF_MAX, CHECK, DATAGRAM, Link};
use edgeban_core::table::HashKey;
use edgeban_core::time::{Duration, Instant};
use edgeban_core::wire::buf::Writer;
use edgeban_core::wire::ipset::SetType;
use edgeban_core::wire::ipset::answer::{Answers, Body};
use edgeban_core::wire::ipset::elem::{Change, ElemList, MAX_TIMEOUT};
use edgeban_core::wire::ipset::kernel::{GetIndex, GetProtocol, GetType};
use edgeban_core::wire::ipset::set::{Command, Create};
use edgeban_core::wire::nl::Tag;
use edgeban_core::wire::reply::{NetlinkError, Reply};
use edgeban_tests::fake_ipset::FakeIpset;
use edgeban_tests::hex;
use edgeban_tests::netlink::{Netfilter, enter_new_namespace, ipset};
use std::collections::BTreeMap;
use std::time::Duration as StdDuration;

const QUIET: StdDuration = StdDuration::from_millis(2);

/// A link with the real kernel behind it.
struct World {
    link: Link,
    bans: Box<Bans<4096, 8192>>,
    queue: Box<Events>,
    kernel: Netfilter,
    now: Instant,
}

impl World {
    fn new(link: Link, extended: bool) -> Self {
        let mut bans = Box::new(Bans::new());
        bans.set_key(HashKey(3, 4));
        let now = Instant::from_millis(1_000_000);
        Self { link, bans, queue: Box::new(Events::new()), kernel: Netfilter::open(extended), now }
    }

    fn ready(link: Link) -> Self {
        let mut world = Self::new(link, true);
        assert_eq!(world.turn(), [Event::Ready]);
        world
    }

    fn send(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut out = vec![0xa5; DATAGRAM];
        let len = self.link.poll_transmit(&mut self.bans, self.now, &mut out)?;
        Some(self.kernel.send(&out[..len], QUIET))
    }

    /// Sends what there is to send and gives what happened.
    fn turn(&mut self) -> Vec<Event> {
        while let Some(replies) = self.send() {
            for reply in replies {
                assert!(reply.len() <= ANSWER);
                self.link.handle(&reply, &mut self.bans, self.now, &mut self.queue);
            }
            assert!(self.link.is_idle(), "the kernel answers while sendto runs");
        }
        assert_eq!((self.link.strays(), self.link.malformed()), (0, 0));
        std::iter::from_fn(|| self.queue.pop()).collect()
    }

    fn ban(&mut self, addr: Addr, secs: u64) -> Wanted {
        self.bans.want(addr, 0, Some(self.now + Duration::from_secs(secs)))
    }
}

fn addr(text: &str) -> Addr {
    Addr::parse(text.as_bytes()).unwrap()
}

fn v4(n: u32) -> Addr {
    Addr::v4((0xc612_0000 + n).to_be_bytes())
}

fn v6(n: u32) -> Addr {
    Addr::v6((0x2001_0db8_u128 << 96 | u128::from(n)).to_be_bytes())
}

fn error(number: i32) -> NetlinkError {
    NetlinkError::new(number).unwrap()
}

/// The members of a set with their timeouts, as `ipset save` prints them.
fn saved(set: &str) -> BTreeMap<String, Option<u64>> {
    ipset(&["save", set], "")
        .lines()
        .filter_map(|line| line.strip_prefix(&format!("add {set} ")))
        .map(|member| match member.split_once(" timeout ") {
            Some((member, secs)) => (member.to_owned(), Some(secs.parse().unwrap())),
            None => (member.to_owned(), None),
        })
        .collect()
}

/// Whether what is left of a timeout fits one that was set moments ago.
fn fresh(left: u64, set: u64) -> bool {
    left <= set && left + 30 >= set
}

fn with(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0xa5; 100_000];
    let mut w = Writer::new(&mut buffer);
    write(&mut w);
    w.written().to_vec()
}

#[test]
fn the_sets_are_made_and_hold_thousands_of_bans() {
    enter_new_namespace();
    let mut world = World::ready(Link::new("edgeban"));
    let text = ipset(&["list"], "");
    for part in [
        "Name: edgeban_v4\nType: hash:ip\nRevision: 0\nHeader: family inet hashsize 1024 maxelem 65536 timeout 0",
        "Name: edgeban_v6\nType: hash:ip\nRevision: 0\nHeader: family inet6 hashsize 1024 maxelem 65536 timeout 0",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    for n in 0..2000 {
        assert_eq!(world.ban(v4(n), 600 + u64::from(n)), Wanted::New);
        assert_eq!(world.ban(v6(n), 6000), Wanted::New);
    }
    assert_eq!(world.bans.want(v4(5000), 0, None), Wanted::New);
    assert_eq!(world.ban(v6(5000), 400 * 86_400), Wanted::New);
    assert_eq!(world.turn().len(), 1024, "as many as the queue holds");
    assert_eq!(world.bans.installed(), 4002);
    let (four, six) = (saved("edgeban_v4"), saved("edgeban_v6"));
    assert_eq!((four.len(), six.len()), (2001, 2001));
    for n in 0..2000 {
        assert!(fresh(four[&v4(n).to_string()].unwrap(), 600 + u64::from(n)), "{n}");
        assert!(fresh(six[&v6(n).to_string()].unwrap(), 6000), "{n}");
    }
    assert_eq!(four[&v4(5000).to_string()], Some(0), "for ever");
    assert!(fresh(six[&v6(5000).to_string()].unwrap(), u64::from(MAX_TIMEOUT)));

    // Extended, made permanent, and lifted.
    assert_eq!(world.ban(v4(1), 86_400), Wanted::Extended);
    assert_eq!(world.bans.want(v4(2), 0, None), Wanted::Extended);
    for n in 1000..2000 {
        assert!(world.bans.release(v4(n)) && world.bans.release(v6(n)));
    }
    world.turn();
    let (four, six) = (saved("edgeban_v4"), saved("edgeban_v6"));
    assert_eq!((four.len(), six.len(), world.bans.installed()), (1001, 1001, 2002));
    assert!(fresh(four[&v4(1).to_string()].unwrap(), 86_400));
    assert_eq!(four[&v4(2).to_string()], Some(0));
    assert!(!four.contains_key(&v4(1000).to_string()) && !six.contains_key(&v6(1999).to_string()));

    world.link.delete_table();
    assert_eq!(world.turn(), []);
    assert_eq!(ipset(&["list", "-n"], ""), "");
}

#[test]
fn what_an_earlier_run_or_the_administrator_left_is_kept_with_its_elements() {
    enter_new_namespace();
    let script = "create edgeban_v4 hash:ip timeout 0\nadd edgeban_v4 192.0.2.1 timeout 600\n";
    let _ = ipset(&["restore"], script);
    let mut world = World::ready(Link::new("edgeban"));
    assert!(saved("edgeban_v4").contains_key("192.0.2.1"));
    // A second start as well.
    let _ = World::ready(Link::new("edgeban"));
    assert_eq!(world.ban(addr("192.0.2.1"), 6000), Wanted::New);
    world.turn();
    assert!(fresh(saved("edgeban_v4")["192.0.2.1"].unwrap(), 6000));
}

#[test]
fn sets_of_another_kind_are_refused_by_name_and_left_alone() {
    for (script, errno, message) in [
        ("create edgeban_v4 hash:net timeout 0", 17, 2),
        ("create edgeban_v4 hash:ip", 17, 2),
        ("create edgeban_v4 hash:ip timeout 0 maxelem 10", 17, 2),
        ("create edgeban_v6 hash:ip family inet6 timeout 0 counters", 17, 4),
        // CREATE is content with these; the header shows it.
        ("create edgeban_v4 hash:ip family inet6 timeout 0", 4102, 3),
        ("create edgeban_v6 hash:ip timeout 0", 4102, 5),
    ] {
        enter_new_namespace();
        let _ = ipset(&["restore"], script);
        let name = script.split(' ').nth(1).unwrap();
        let before = ipset(&["save", name], "");
        let mut world = World::new(Link::new("edgeban"), true);
        assert_eq!(world.ban(v4(1), 60), Wanted::New);
        assert_eq!(world.turn(), [Event::SetRefused { error: error(errno), step: message }], "{script}");
        assert_eq!(ipset(&["save", name], ""), before);
        let _ = ipset(&["destroy", name], "");
        world.now = world.now + BACKOFF_MAX;
        assert_eq!(world.turn().len(), 2, "ready and banned");
    }
}

#[test]
fn a_full_set_takes_what_fits_and_the_rest_as_there_is_room() {
    enter_new_namespace();
    let mut world = World::ready(Link::with_maxelem("edgeban", 64));
    for n in 0..100 {
        assert_eq!(world.ban(v4(n), 6000), Wanted::New);
    }
    assert_eq!(world.ban(v6(1), 6000), Wanted::New);
    let events = world.turn();
    // The kernel counts per region of the hash and may stop short of `maxelem`, never behind it.
    let held = saved("edgeban_v4").len();
    assert!((1..=64).contains(&held), "{held}");
    assert_eq!(world.bans.installed() as usize, held + 1, "IPv6 is not held up");
    assert_eq!(events.len(), held + 2);
    let full =
        |event: &&Event| matches!(event, Event::BatchRefused { error, .. } if *error == NetlinkError::IPSET_HASH_FULL);
    assert_eq!(events.iter().filter(full).count(), 1);
    assert_eq!(NetlinkError::IPSET_HASH_FULL.to_string(), "IPSET_ERR_HASH_FULL (4352)");
    for n in 0..100 {
        let installed = world.bans.find(v4(n)).unwrap().state() == State::Installed;
        assert_eq!(saved("edgeban_v4").contains_key(&v4(n).to_string()), installed, "{n}");
    }
    let gone = (0..100).find(|n| world.bans.find(v4(*n)).unwrap().state() == State::Installed).unwrap();
    assert!(world.bans.release(v4(gone)));
    world.turn();
    assert_eq!(saved("edgeban_v4").len(), held, "one left and one came");
    assert_eq!(world.bans.installed() as usize, held + 1);
}

#[test]
fn without_the_right_nothing_is_announced_and_the_answer_is_eperm() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    enter_new_namespace();
    let mut world = World::ready(Link::new("edgeban"));
    let mut other = World::new(Link::new("other"), false);
    let all = capabilities(None).unwrap();
    let mut less = all;
    less.effective.remove(CapabilitySet::NET_ADMIN);
    set_capabilities(None, less).unwrap();
    assert_eq!(world.ban(v4(1), 60), Wanted::New);
    let refused = world.turn();
    let started = other.turn();
    set_capabilities(None, all).unwrap();
    assert_eq!(refused, [Event::BatchRefused { error: NetlinkError::EPERM, entries: 1 }]);
    assert_eq!(started, [Event::SetRefused { error: NetlinkError::EPERM, step: 0 }]);
    assert_eq!((world.bans.installed(), saved("edgeban_v4").len()), (0, 0));
    world.now = world.now + BACKOFF_MAX;
    world.turn();
    assert_eq!((world.bans.installed(), saved("edgeban_v4").len()), (1, 1));
}

#[test]
fn a_set_in_use_is_emptied_at_the_end() {
    enter_new_namespace();
    let mut world = World::ready(Link::new("edgeban"));
    let _ = ipset(&["restore"], "create user list:set\nadd user edgeban_v4\n");
    assert_eq!(world.ban(v4(1), 600), Wanted::New);
    world.turn();
    world.link.delete_table();
    assert_eq!(world.turn(), [Event::BatchRefused { error: NetlinkError::IPSET_BUSY, entries: 0 }]);
    assert_eq!(ipset(&["list", "-n"], ""), "edgeban_v4\nuser\n");
    assert_eq!(saved("edgeban_v4").len(), 0);
}

#[test]
fn lost_answers_and_lost_sets_end_with_every_ban_in_the_kernel() {
    enter_new_namespace();
    let mut world = World::ready(Link::new("edgeban"));
    for n in 0..300 {
        assert_eq!(world.ban(v4(n), 600), Wanted::New);
    }
    assert!(world.send().is_some());
    world.link.lost(&mut world.bans, world.now, &mut world.queue);
    assert_eq!(saved("edgeban_v4").len(), 256, "the kernel took them");
    assert_eq!(world.bans.installed(), 0, "but nobody knows");
    assert!(world.bans.release(v4(0)));
    world.now = world.now + BACKOFF_MAX;
    let events = world.turn();
    assert!(events.contains(&Event::Unbanned { addr: v4(0), expired: false }));
    assert_eq!((saved("edgeban_v4").len(), world.bans.installed()), (299, 299));

    assert_eq!(world.ban(v6(1), 600), Wanted::New);
    world.turn();
    let _ = ipset(&["destroy", "edgeban_v4"], "");
    assert_eq!(world.ban(v4(500), 600), Wanted::New);
    let events = world.turn();
    assert_eq!(events[..2], [Event::TableLost, Event::Ready]);
    assert_eq!((saved("edgeban_v4").len(), saved("edgeban_v6").len()), (300, 1));
    assert_eq!(world.bans.installed(), 301);

    // Lifting from a set that is gone is what was wanted.
    let _ = ipset(&["destroy"], "");
    assert!(world.bans.release(v4(500)));
    let events = world.turn();
    assert_eq!(events[..3], [Event::Unbanned { addr: v4(500), expired: false }, Event::TableLost, Event::Ready]);
    assert_eq!((saved("edgeban_v4").len(), saved("edgeban_v6").len()), (299, 1));
}

#[test]
fn what_the_sets_hold_is_adopted_and_what_others_take_out_comes_back() {
    enter_new_namespace();
    let world = World::ready(Link::new("edgeban"));
    let _ = ipset(&["add", "edgeban_v4", "192.0.2.1", "timeout", "600"], "");
    let _ = ipset(&["add", "edgeban_v4", "192.0.2.2"], "");
    let _ = ipset(&["add", "edgeban_v6", "2001:db8::1", "timeout", "60"], "");
    let mut link = Link::new("edgeban");
    link.follow();
    let mut world = World { kernel: world.kernel, now: world.now, ..World::new(link, true) };
    assert_eq!(world.ban(v4(7), 600), Wanted::New);
    let events = world.turn();
    assert!(matches!(events[..], [Event::Ready, Event::Banned { .. }]), "{events:?}");
    let end = |world: &World, text: &str| world.bans.find(addr(text)).unwrap().until.map(|end| end.since(world.now));
    assert_eq!(end(&world, "192.0.2.2"), None);
    for (text, secs) in [("192.0.2.1", 600), ("2001:db8::1", 60)] {
        let left = end(&world, text).unwrap().as_millis();
        assert!((secs * 1000 - 5000..=secs * 1000).contains(&left), "{text}: {left}");
    }
    assert_eq!(world.bans.installed(), 4);

    for script in ["flush edgeban_v4", "del edgeban_v6 2001:db8::1", "flush", "add edgeban_v4 192.0.2.3"] {
        let _ = ipset(&["restore"], &format!("{script}\n"));
        assert_eq!(world.turn(), [], "nothing announces it");
        world.now = world.now + CHECK;
        let events = world.turn();
        if script.starts_with("add") {
            assert_eq!((&events[..], world.bans.installed()), (&[][..], 5), "it is taken over");
        } else {
            assert!(matches!(events.first(), Some(Event::Disturbed { lost: true, .. })), "{script}: {events:?}");
            assert!(matches!(events.last(), Some(Event::Restored { bans: 4, .. })), "{script}: {events:?}");
        }
        assert_eq!(saved("edgeban_v4").len() + saved("edgeban_v6").len(), world.bans.installed() as usize, "{script}");
    }
    world.now = world.now + CHECK;
    let mut requests = 0;
    while let Some(replies) = world.send() {
        requests += 1;
        for reply in replies {
            world.link.handle(&reply, &mut world.bans, world.now, &mut world.queue);
        }
    }
    assert_eq!(requests, 2, "where all is well, elements are counted and not listed");
}

#[test]
fn the_address_of_zeros_is_given_up_and_holds_up_nobody() {
    enter_new_namespace();
    for extended in [true, false] {
        let mut world = World::new(Link::new("edgeban"), extended);
        for text in ["192.0.2.1", "0.0.0.0", "192.0.2.2", "2001:db8::1", "::", "2001:db8::2"] {
            assert_eq!(world.ban(addr(text), 600), Wanted::New);
        }
        let events = world.turn();
        for text in ["0.0.0.0", "::"] {
            assert!(events.contains(&Event::NeverInstalled { addr: addr(text) }), "{events:?}");
        }
        assert_eq!((saved("edgeban_v4").len(), saved("edgeban_v6").len(), world.bans.len()), (2, 2, 4));
    }
}

/// Sequence number, error (0: ack; -1: data) and line of each answer.
fn answers(datagrams: &[Vec<u8>]) -> Vec<(u32, i32, Option<u32>)> {
    datagrams
        .iter()
        .flat_map(|datagram| Answers::new(datagram))
        .map(|answer| answer.unwrap())
        .map(|answer| match answer.body {
            Body::Reply(Reply::Ack { .. }, line) => (answer.seq, 0, line),
            Body::Reply(Reply::Error { error, .. }, line) => (answer.seq, error.get(), line),
            Body::Reply(Reply::Done { .. }, _) => (answer.seq, -2, None),
            _ => (answer.seq, -1, None),
        })
        .collect()
}

fn list(w: &mut Writer<'_>, seq: u32, change: Change, set: &str, entries: &[(&str, Option<u8>, Option<u32>)]) {
    let mut list = ElemList::begin(w, 7, Tag::acked(seq), change, set).unwrap();
    entries.iter().for_each(|(text, cidr, timeout)| list.push(addr(text), *cidr, *timeout).unwrap());
    assert_eq!(list.finish(), entries.len());
}

#[test]
fn the_fake_answers_like_the_kernel() {
    enter_new_namespace();
    let (name4, name6) = ("a_v4", "a_v6");
    let create =
        |name, kind, family, revision, maxelem| Create { name, kind, family, revision, hashsize: Some(64), maxelem };
    let (ip, net) = (SetType::HashIp, SetType::HashNet);
    let steps: Vec<(&str, Vec<u8>)> = vec![
        ("protocol", with(|w| GetProtocol.emit(Tag::acked(1), w).unwrap())),
        ("type", with(|w| GetType { kind: ip, family: Family::V4 }.emit(7, Tag::acked(1), w).unwrap())),
        ("type, version 6", with(|w| GetType { kind: net, family: Family::V6 }.emit(6, Tag::silent(1), w).unwrap())),
        ("type, version 5", with(|w| GetType { kind: net, family: Family::V6 }.emit(5, Tag::silent(1), w).unwrap())),
        ("header of none", with(|w| Command::Header.emit(name4, 7, Tag::acked(1), w).unwrap())),
        ("flush none", with(|w| Command::Flush.emit(name4, 7, Tag::acked(1), w).unwrap())),
        ("destroy none", with(|w| Command::Destroy.emit(name4, 7, Tag::acked(1), w).unwrap())),
        ("add to none", with(|w| list(w, 1, Change::Add, name4, &[("192.0.2.1", None, None)]))),
        ("create", with(|w| create(name4, ip, Family::V4, 0, Some(20)).emit(7, Tag::acked(2), w).unwrap())),
        ("create again", with(|w| create(name4, ip, Family::V4, 0, Some(20)).emit(7, Tag::acked(2), w).unwrap())),
        ("the other family", with(|w| create(name4, ip, Family::V6, 0, Some(20)).emit(6, Tag::acked(2), w).unwrap())),
        ("other size", with(|w| create(name4, ip, Family::V4, 0, None).emit(7, Tag::acked(2), w).unwrap())),
        ("other type", with(|w| create(name4, net, Family::V4, 0, Some(20)).emit(7, Tag::acked(2), w).unwrap())),
        ("no such revision", with(|w| create(name6, ip, Family::V6, 99, None).emit(7, Tag::acked(2), w).unwrap())),
        ("create IPv6", with(|w| create(name6, ip, Family::V6, 4, None).emit(7, Tag::acked(2), w).unwrap())),
        ("header", with(|w| Command::Header.emit(name6, 7, Tag::acked(3), w).unwrap())),
        (
            "two messages in a datagram",
            with(|w| {
                list(w, 4, Change::Add, name4, &[("192.0.2.1", None, Some(60)), ("192.0.2.2", None, None)]);
                list(w, 5, Change::Add, name6, &[("2001:db8::1", None, Some(60))]);
            }),
        ),
        ("add again", with(|w| list(w, 6, Change::Add, name4, &[("192.0.2.1", None, Some(600))]))),
        (
            "the second of three",
            with(|w| {
                let entries = [("192.0.2.3", None, None), ("0.0.0.0", None, None), ("192.0.2.4", None, None)];
                list(w, 7, Change::Add, name4, &entries);
            }),
        ),
        (
            "the third of three",
            with(|w| {
                let entries = [("2001:db8::3", None, None), ("2001:db8::4", None, Some(9)), ("::", None, None)];
                list(w, 8, Change::Add, name6, &entries);
            }),
        ),
        (
            "del, one of them not there",
            with(|w| list(w, 9, Change::Del, name4, &[("192.0.2.2", None, None), ("192.0.2.99", None, None)])),
        ),
        ("create hash:net", with(|w| create("nets", net, Family::V4, 2, None).emit(7, Tag::acked(2), w).unwrap())),
        (
            "prefixes",
            with(|w| {
                list(w, 10, Change::Add, "nets", &[("198.51.100.0", Some(24), Some(60)), ("203.0.113.7", None, None)]);
            }),
        ),
        ("an unknown command", {
            let mut bytes = with(|w| Command::Header.emit(name6, 7, Tag::acked(3), w).unwrap());
            bytes[4] = 99;
            bytes
        }),
    ];
    for extended in [true, false] {
        let kernel = Netfilter::open(extended);
        let mut fake = FakeIpset::new();
        fake.cap_ack = extended;
        for (what, bytes) in &steps {
            let (real, fake) = (kernel.send(bytes, QUIET), fake.send(bytes));
            assert_eq!(answers(&fake), answers(&real), "{what}");
            // With NETLINK_EXT_ACK some errors carry more than the fake says.
            if !extended || answers(&real).iter().all(|(_, error, _)| *error <= 0) {
                let normal = |datagrams: &[Vec<u8>]| {
                    let mut bytes = datagrams.concat();
                    bytes[12..16].fill(0);
                    bytes
                };
                if real.len() == 1 {
                    hex::assert_same(what, &normal(&real), &normal(&fake));
                }
            }
        }
        let members = |set: &str| -> Vec<(String, bool)> {
            fake.elements(set).iter().map(|(addr, left)| (addr.to_string(), left.is_some())).collect()
        };
        for set in [name4, name6] {
            let real: Vec<_> = saved(set).into_iter().map(|(member, left)| (member, left != Some(0))).collect();
            let mut ours = members(set);
            ours.sort();
            assert_eq!(real, ours, "{set}");
        }
        assert_eq!(saved("nets").keys().map(String::as_str).collect::<Vec<_>>(), ["198.51.100.0/24", "203.0.113.7"]);
        let _ = ipset(&["destroy"], "");
    }
}

#[test]
fn a_list_reads_what_ipset_shows() {
    enter_new_namespace();
    let kernel = Netfilter::open(true);
    let mut script = String::from("create many hash:ip family inet6 timeout 0 maxelem 5000\ncreate nets hash:net\n");
    for n in 0..1500 {
        script.push_str(&format!("add many {} timeout {}\n", v6(n), if n % 3 == 0 { 0 } else { 1000 + n }));
    }
    script.push_str("add nets 198.51.100.0/24\nadd nets 203.0.113.7\ncreate user list:set\nadd user many\n");
    let _ = ipset(&["restore"], &script);
    let dump = |set: &str| kernel.send(&with(|w| Command::List.emit(set, 7, Tag::silent(9), w).unwrap()), QUIET);
    let datagrams = dump("many");
    let mut members = BTreeMap::new();
    let mut headers = Vec::new();
    let mut done = false;
    for answer in datagrams.iter().flat_map(|datagram| Answers::new(datagram)).map(Result::unwrap) {
        assert_eq!(answer.seq, 9);
        match answer.body {
            Body::Part(part) => {
                assert_eq!(part.name, b"many");
                headers.extend(part.header.map(|(header, parameters)| {
                    assert!(header.is(SetType::HashIp, Family::V6));
                    parameters
                }));
                for member in part.map(Result::unwrap) {
                    assert_eq!((member.family, member.cidr), (Family::V6, None));
                    members.insert(member.addr.to_string(), member.timeout.map(u64::from));
                }
            }
            Body::Reply(Reply::Done { error: None, .. }, _) => done = true,
            other => panic!("{other:?}"),
        }
    }
    assert!(done && datagrams.len() > 2, "in several parts");
    let saved = saved("many");
    assert_eq!(members.keys().collect::<Vec<_>>(), saved.keys().collect::<Vec<_>>());
    assert!(members.iter().all(|(member, left)| fresh(saved[member].unwrap(), left.unwrap())));
    let [header] = headers[..] else { panic!("{headers:?}") };
    // The dump itself is a reference for the kernel, but not one that it counts here.
    assert_eq!((header.maxelem, header.timeout, header.references), (5000, Some(0), 1));
    assert_eq!(header.elements, Some(1500));

    // What a rule holds of the set.
    let index = kernel.send(&with(|w| GetIndex { name: "many" }.emit(Tag::silent(1), w).unwrap()), QUIET);
    let Some(Ok(answer)) = Answers::new(&index[0]).next() else { panic!() };
    let Body::Index(index) = answer.body else { panic!() };
    assert_eq!((Some(index.index), index.family), (header.index, Some(Family::V6)));
    let none = kernel.send(&with(|w| GetIndex { name: "none" }.emit(Tag::silent(1), w).unwrap()), QUIET);
    assert_eq!(answers(&none), [(1, 2, None)]);

    let nets: Vec<_> = dump("nets")
        .iter()
        .flat_map(|datagram| Answers::new(datagram))
        .filter_map(|answer| if let Body::Part(part) = answer.unwrap().body { Some(part) } else { None })
        .flat_map(|part| part.map(Result::unwrap).collect::<Vec<_>>())
        .map(|member| (member.addr, member.cidr, member.timeout))
        .collect();
    assert!(nets.contains(&(addr("198.51.100.0"), Some(24), None)) && nets.len() == 2, "{nets:?}");
    assert_eq!(answers(&dump("none")).iter().map(|(_, error, _)| *error).collect::<Vec<_>>(), [2]);
}

#[test]
fn the_kernel_shortens_timeouts_to_its_longest_and_says_nothing() {
    enter_new_namespace();
    let kernel = Netfilter::open(true);
    let _ = ipset(&["restore"], "create a hash:ip timeout 0\n");
    for (text, secs) in [("192.0.2.1", MAX_TIMEOUT), ("192.0.2.2", MAX_TIMEOUT + 1), ("192.0.2.3", 4_000_000)] {
        assert_eq!(
            answers(&kernel.send(&with(|w| list(w, 1, Change::Add, "a", &[(text, None, Some(secs))])), QUIET)),
            [(1, 0, None)]
        );
        let left = saved("a")[text].unwrap();
        assert!(fresh(left, u64::from(MAX_TIMEOUT)), "{secs}: {left}");
    }
}
