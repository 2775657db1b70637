use super::timeout::{CAP, seconds};
use super::*;
use crate::ban::{State, Wanted};
use crate::time::Duration;
use crate::wire::ipset::elem::element_len;
use crate::wire::nl::Messages;
use std::vec;
use std::vec::Vec as StdVec;

type Small = Bans<1024, 2048>;

const PORT: u32 = 77;

struct World {
    link: Link,
    bans: Small,
    events: Events,
    now: Instant,
}

fn v4(n: u16) -> Addr {
    let [high, low] = n.to_be_bytes();
    Addr::v4([198, 51, high, low])
}

fn v6(n: u8) -> Addr {
    Addr::v6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n])
}

fn message(kind: u16, flags: u16, seq: u32, body: &[u8]) -> StdVec<u8> {
    let mut out = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
    out.extend(kind.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    out.extend(seq.to_ne_bytes());
    out.extend(PORT.to_ne_bytes());
    out.extend(body);
    out
}

fn attr(kind: u16, value: &[u8]) -> StdVec<u8> {
    let mut out = u16::try_from(4 + value.len()).unwrap().to_ne_bytes().to_vec();
    out.extend(kind.to_ne_bytes());
    out.extend(value);
    out.resize(out.len().div_ceil(4) * 4, 0);
    out
}

/// The answer to a request: an error number (0: ack) and perhaps a line.
fn answer(request: &[u8], errno: i32, line: Option<u32>) -> StdVec<u8> {
    let mut body = (-errno).to_ne_bytes().to_vec();
    let seq = u32::from_ne_bytes(request[8..12].try_into().unwrap());
    let Some(line) = line else {
        body.extend(&request[..16]);
        return message(2, 0x100, seq, &body);
    };
    let at = request.windows(8).position(|w| w == [8, 0, 9, 0x40, 0, 0, 0, 0]).unwrap();
    let mut request = request.to_vec();
    request[at + 4..at + 8].copy_from_slice(&line.to_be_bytes());
    body.extend(request);
    message(2, 0, seq, &body)
}

/// The answer of a kernel that has all that is asked for.
fn agree(request: &[u8]) -> StdVec<u8> {
    let header = Messages::new(request).next().unwrap().unwrap().header;
    let [_, command] = header.kind.to_be_bytes();
    let generic = [2, 0, 0, 0];
    let data = match command {
        1 => [attr(1, &[7]), attr(10, &[6])].concat(),
        13 => [attr(1, &[7]), attr(3, b"hash:ip\0"), attr(4, &[6]), attr(10, &[0])].concat(),
        12 => {
            let family = if request.windows(3).any(|w| w == b"_v6") { 10 } else { 2 };
            [attr(1, &[7]), attr(2, b"x\0"), attr(3, b"hash:ip\0"), attr(5, &[family]), attr(4, &[6])].concat()
        }
        _ => return answer(request, 0, None),
    };
    message(header.kind, 0, header.seq, &[&generic[..], &data].concat())
}

impl World {
    fn new() -> Self {
        Self { link: Link::new("edgeban"), bans: Small::new(), events: Events::new(), now: Instant::from_millis(5000) }
    }

    fn ready() -> Self {
        let mut world = Self::new();
        for _ in 0..6 {
            world.turn(agree);
        }
        assert!(world.link.is_ready());
        assert_eq!(world.events.pop(), Some(Event::Ready));
        world
    }

    fn transmit(&mut self) -> Option<StdVec<u8>> {
        let mut out = vec![0xa5; DATAGRAM];
        let len = self.link.poll_transmit(&mut self.bans, self.now, &mut out)?;
        out.truncate(len);
        Some(out)
    }

    fn handle(&mut self, datagram: &[u8]) {
        self.link.handle(datagram, &mut self.bans, self.now, &mut self.events);
    }

    /// Sends one message and answers it.
    #[track_caller]
    fn turn(&mut self, reply: impl FnOnce(&[u8]) -> StdVec<u8>) -> StdVec<u8> {
        let request = self.transmit().expect("a message");
        assert!(self.transmit().is_none(), "one at a time");
        let reply = reply(&request);
        self.handle(&reply);
        request
    }

    fn ban(&mut self, addr: Addr, secs: u64) -> Wanted {
        self.bans.want(addr, 0, Some(self.now + Duration::from_secs(secs)))
    }

    fn events(&mut self) -> StdVec<Event> {
        core::iter::from_fn(|| self.events.pop()).collect()
    }

    fn state(&self, addr: Addr) -> Option<State> {
        self.bans.find(addr).map(|ban| ban.state())
    }
}

fn refuse(errno: i32, line: Option<u32>) -> impl FnOnce(&[u8]) -> StdVec<u8> {
    move |request| answer(request, errno, line)
}

fn error(number: i32) -> NetlinkError {
    NetlinkError::new(number).unwrap()
}

#[test]
fn names_of_sets_fit_and_differ() {
    let name = |name: &str| Link::new(name).set_name(Family::V6);
    assert_eq!(name("edgeban"), "edgeban_v6");
    assert_eq!(name("abcdefghijklmnopqrstuvwxyz01"), "abcdefghijklmnopqrstuvwxyz01_v6");
    let (long, longer) = (name("abcdefghijklmnopqrstuvwxyz012"), name("abcdefghijklmnopqrstuvwxyz013"));
    assert!(long.starts_with("abcdefghijklmnopqrstuvw-") && long.ends_with("_v6"), "{long}");
    assert_eq!((long.len(), longer.len()), (SET_NAME, SET_NAME));
    assert_ne!(long, longer);
    // Bytes, not characters, are what there is room for.
    assert!(name("ééééééééééééééééé").len() <= SET_NAME);
}

#[test]
fn timeouts_are_whole_seconds_that_cover_the_ban_and_never_zero() {
    for (ms, secs) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (2_147_483_000, 2_147_483)] {
        assert_eq!(seconds(Duration::from_millis(ms)), secs, "{ms}");
    }
    assert_eq!(seconds(Duration::from_millis(2_147_483_001)), 2_147_483);
    assert_eq!(seconds(Duration::from_millis(u64::MAX)), 2_147_483);
}

#[test]
fn a_full_message_fits_the_datagram() {
    let mut world = World::ready();
    for n in 0..300u16 {
        let [high, low] = n.to_be_bytes();
        let addr = Addr::v6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low]);
        assert_eq!(world.ban(addr, 60), Wanted::New);
    }
    let request = world.turn(agree);
    assert!(request.len() > BATCH * element_len(Family::V6) && request.len() <= DATAGRAM);
    assert_eq!((world.bans.installed(), world.bans.waiting()), (256, 44));
}

#[test]
fn a_buffer_that_is_too_small_loses_nothing() {
    let mut world = World::ready();
    assert_eq!(world.ban(v4(1), 60), Wanted::New);
    let mut out = [0; 80];
    assert_eq!(world.link.poll_transmit(&mut world.bans, world.now, &mut out), None);
    assert_eq!(world.state(v4(1)), Some(State::Wanted));
    world.turn(agree);
    assert_eq!(world.state(v4(1)), Some(State::Installed));
}

#[test]
fn a_refused_line_leaves_those_before_installed_and_the_others_wanted() {
    let mut world = World::ready();
    for n in 1..=5 {
        assert_eq!(world.ban(v4(n), 60), Wanted::New);
    }
    world.turn(refuse(12, Some(3)));
    let states = (1..=5).map(|n| world.state(v4(n)).unwrap()).collect::<StdVec<_>>();
    assert_eq!(states, [State::Installed, State::Installed, State::Wanted, State::Wanted, State::Wanted]);
    let events = world.events();
    assert_eq!(events.len(), 3);
    assert_eq!(events[2], Event::BatchRefused { error: error(12), entries: 3 });
    // At once, because it got on, and the refused one behind the others.
    world.turn(refuse(12, Some(3)));
    assert_eq!(world.state(v4(5)), Some(State::Installed));
    assert_eq!(world.state(v4(3)), Some(State::Wanted));
    // Now it is the first and only, so it waits.
    world.turn(refuse(12, Some(1)));
    assert_eq!(world.transmit(), None);
    assert_eq!(world.link.poll_at(&world.bans), Some(world.now + BACKOFF_MIN));
    world.now = world.now + BACKOFF_MIN;
    world.turn(agree);
    assert_eq!(world.bans.installed(), 5);
}

#[test]
fn an_error_that_names_nobody_proves_nothing() {
    for (errno, line) in [(12, None), (12, Some(6)), (12, Some(u32::MAX)), (4097, None)] {
        let mut world = World::ready();
        for n in 1..=5 {
            assert_eq!(world.ban(v4(n), 60), Wanted::New);
        }
        world.turn(refuse(errno, line));
        assert_eq!((world.bans.installed(), world.bans.waiting()), (0, 5), "{errno} {line:?}");
        assert_eq!(world.ban(v4(1), 600), Wanted::Extended);
        assert!(world.bans.find(v4(1)).unwrap().replaces(), "the kernel may hold it: {errno} {line:?}");
    }
    // It looked at none.
    let mut world = World::ready();
    assert_eq!(world.ban(v4(1), 60), Wanted::New);
    world.turn(refuse(1, None));
    assert_eq!(world.ban(v4(1), 600), Wanted::Extended);
    assert!(!world.bans.find(v4(1)).unwrap().replaces());
}

#[test]
fn what_is_decided_while_a_message_is_in_flight_is_not_touched_by_its_answer() {
    let mut world = World::ready();
    for n in 1..=4 {
        assert_eq!(world.ban(v4(n), 60), Wanted::New);
    }
    let request = world.transmit().unwrap();
    assert_eq!(world.ban(v4(1), 600), Wanted::Extended);
    assert!(world.bans.release(v4(2)));
    world.handle(&answer(&request, 12, Some(4)));
    assert_eq!(world.state(v4(1)), Some(State::Wanted));
    assert_eq!(world.state(v4(2)), Some(State::Releasing));
    assert_eq!(world.state(v4(3)), Some(State::Installed));
    assert_eq!(world.state(v4(4)), Some(State::Wanted));
}

#[test]
fn a_full_set_holds_up_only_its_own_additions() {
    let mut world = World::ready();
    for n in 1..=3 {
        assert_eq!(world.ban(v4(n), 60), Wanted::New);
    }
    world.turn(refuse(4352, Some(2)));
    assert_eq!(world.transmit(), None, "the set is full");
    assert_eq!(world.link.poll_at(&world.bans), Some(world.now + BACKOFF_MIN));
    assert_eq!(world.ban(v6(1), 60), Wanted::New);
    assert_eq!(world.link.poll_at(&world.bans), Some(Instant::ZERO));
    world.turn(agree);
    assert_eq!(world.state(v6(1)), Some(State::Installed));
    assert!(world.bans.release(v4(1)));
    world.turn(agree);
    assert_eq!(world.state(v4(1)), None);
    world.turn(agree);
    assert_eq!(world.bans.installed(), 3, "there was room after the lifting");
}

#[test]
fn the_address_of_zeros_is_given_up() {
    let mut world = World::ready();
    assert_eq!(world.ban(Addr::v4([0; 4]), 60), Wanted::New);
    assert_eq!(world.ban(v4(1), 60), Wanted::New);
    world.turn(refuse(4353, Some(1)));
    world.turn(agree);
    assert_eq!(world.bans.len(), 1);
    assert!(world.events().contains(&Event::NeverInstalled { addr: Addr::v4([0; 4]) }));
}

#[test]
fn a_lost_set_is_made_again_and_nothing_counts_as_lifted() {
    let mut world = World::ready();
    for addr in [v4(1), v4(2), v6(1), v6(2)] {
        assert_eq!(world.ban(addr, 60), Wanted::New);
    }
    world.turn(agree);
    world.turn(agree);
    assert_eq!(world.bans.installed(), 4);
    world.events();
    assert_eq!(world.ban(v6(3), 60), Wanted::New);
    let request = world.transmit().unwrap();
    assert!(world.bans.release(v4(2)));
    world.handle(&answer(&request, 2, None));
    assert_eq!(world.events(), [Event::TableLost]);
    assert!(!world.link.is_ready());
    assert_eq!((world.bans.installed(), world.bans.len()), (0, 5));
    for _ in 0..4 {
        world.turn(agree);
    }
    assert_eq!(world.events(), [Event::Ready]);
    // The lifting, for the other set may still stand.
    world.turn(agree);
    assert_eq!(world.events(), [Event::Unbanned { addr: v4(2), expired: false }]);
    world.turn(agree);
    world.turn(agree);
    assert_eq!(world.bans.installed(), 4);
    // Lifting from a set that is gone is what was wanted; the rest is sent again.
    assert!(world.bans.release(v4(1)));
    world.events();
    world.turn(refuse(2, None));
    assert_eq!(world.events(), [Event::Unbanned { addr: v4(1), expired: false }, Event::TableLost]);
    // Made again at once, but whoever keeps destroying it is not followed in a circle.
    for _ in 0..4 {
        world.turn(agree);
    }
    world.turn(refuse(2, None));
    assert_eq!(world.transmit(), None);
    assert_eq!(world.link.poll_at(&world.bans), Some(world.now + BACKOFF_MIN.doubled()));
}

#[test]
fn a_foreign_set_is_refused_and_named() {
    for (refused, number, answer, name) in [
        (0usize, 1, None, "asking for the protocol"),
        (1, 4098, None, "asking for the type hash:ip"),
        (2, 17, None, "creating the IPv4 set"),
        (5, 4102, Some(2u8), "checking the IPv6 set"),
    ] {
        let mut world = World::new();
        for _ in 0..refused {
            world.turn(agree);
        }
        match answer {
            None => drop(world.turn(refuse(number, None))),
            Some(family) => {
                world.turn(|request| {
                    let seq = u32::from_ne_bytes(request[8..12].try_into().unwrap());
                    let attrs = [attr(2, b"x\0"), attr(3, b"hash:ip\0"), attr(5, &[family]), attr(4, &[0])].concat();
                    message(0x60c, 0, seq, &[&[2, 0, 0, 0][..], &attrs].concat())
                });
            }
        }
        let message = u32::try_from(refused).unwrap();
        assert_eq!(world.events(), [Event::SetRefused { error: error(number), step: message }]);
        assert_eq!(step_name(message), name);
        assert_eq!(world.transmit(), None);
        assert_eq!(world.link.poll_at(&world.bans), Some(world.now + BACKOFF_MIN));
        world.now = world.now + BACKOFF_MIN;
        for _ in 0..6 {
            world.turn(agree);
        }
        assert!(world.link.is_ready(), "asked again after a wait");
    }
}

#[test]
fn the_protocol_is_what_both_speak() {
    for (max, min, want) in
        [(7, Some(6), Some(7)), (6, None, Some(6)), (9, Some(6), Some(7)), (9, Some(8), None), (5, None, None)]
    {
        let mut world = World::new();
        world.turn(|request| {
            let seq = u32::from_ne_bytes(request[8..12].try_into().unwrap());
            let mut attrs = attr(1, &[max]);
            attrs.extend(min.iter().flat_map(|min| attr(10, &[*min])));
            message(0x601, 0, seq, &[&[2, 0, 0, 0][..], &attrs].concat())
        });
        match want {
            Some(version) => assert_eq!(world.transmit().unwrap()[24], version, "{max} {min:?}"),
            None => assert_eq!(world.events(), [Event::SetRefused { error: error(4097), step: 0 }]),
        }
    }
}

#[test]
fn a_long_ban_is_renewed_until_its_end_fits_and_announced_once() {
    let mut world = World::ready();
    let (days, day) = (60, 86_400u64);
    assert_eq!(world.ban(v4(1), days * day), Wanted::New);
    assert_eq!(world.ban(v4(2), day), Wanted::New);
    assert_eq!(world.bans.want(v6(1), 0, None), Wanted::New);
    let end = world.now + Duration::from_secs(days * day);
    let mut kernel_end = world.now + CAP;
    let mut renewals = 0;
    world.turn(agree);
    world.turn(agree);
    assert_eq!(world.events().len(), 3);
    assert_eq!(world.transmit(), None);
    while let Some(at) = world.link.poll_at(&world.bans) {
        assert!(at > world.now && at < kernel_end && at < end);
        world.now = at;
        while let Some(request) = world.transmit() {
            let timeout =
                request.windows(4).position(|w| w == [8, 0, 6, 0x40]).map(|at| &request[at + 4..at + 8]).unwrap();
            kernel_end = world.now + Duration::from_secs(u32::from_be_bytes(timeout.try_into().unwrap()).into());
            assert!(kernel_end <= end, "an element never outlives its ban");
            world.handle(&answer(&request, 0, None));
            assert_eq!(world.events(), []);
            renewals += 1;
        }
    }
    assert_eq!(kernel_end, end);
    assert_eq!(world.link.poll_at(&world.bans), None, "nothing is left to renew");
    assert!((5..12).contains(&renewals), "{renewals}");
}

#[test]
fn a_renewal_that_fails_is_tried_again_or_the_ban_sent_anew() {
    let mut world = World::ready();
    assert_eq!(world.ban(v4(1), 5_000_000), Wanted::New);
    world.turn(agree);
    world.now = world.now + RENEWAL;
    world.events();
    let first = world.transmit().unwrap();
    world.link.lost(&mut world.bans, world.now, &mut world.events);
    assert_eq!(world.events(), [Event::AnswerLost { entries: 1 }]);
    assert_eq!(world.state(v4(1)), Some(State::Installed));
    world.now = world.now + BACKOFF_MIN;
    let second = world.turn(refuse(4352, Some(1)));
    assert_eq!(first.len(), second.len());
    assert_eq!(world.state(v4(1)), Some(State::Wanted), "the kernel may have lost it");
    world.now = world.now + BACKOFF_MAX;
    world.turn(agree);
    assert_eq!(world.state(v4(1)), Some(State::Installed));
}

#[test]
fn the_end_destroys_both_sets_and_empties_those_in_use() {
    let mut world = World::ready();
    world.link.delete_table();
    let command = |request: &[u8]| request[4];
    assert_eq!(command(&world.turn(refuse(4100, None))), 3);
    assert_eq!(command(&world.turn(agree)), 4);
    assert_eq!(command(&world.turn(refuse(2, None))), 3);
    assert_eq!(world.transmit(), None);
    assert_eq!(world.link.poll_at(&world.bans), None);
    assert_eq!(world.events(), [Event::BatchRefused { error: NetlinkError::IPSET_BUSY, entries: 0 }]);
}

#[test]
fn strays_and_broken_answers_are_counted_and_change_nothing() {
    let mut world = World::ready();
    assert_eq!(world.ban(v4(1), 60), Wanted::New);
    let request = world.transmit().unwrap();
    let mut stray = answer(&request, 0, None);
    stray[8] ^= 0x80;
    world.handle(&stray);
    world.handle(&[1, 2, 3]);
    world.handle(&message(
        0x601,
        0,
        u32::from_ne_bytes(request[8..12].try_into().unwrap()),
        &[2, 0, 0, 0, 5, 0, 1, 0, 7, 0, 0, 0],
    ));
    assert_eq!((world.link.strays(), world.link.malformed()), (2, 1));
    assert!(!world.link.is_idle());
    world.handle(&answer(&request, 0, None));
    assert_eq!(world.state(v4(1)), Some(State::Installed));
    assert!(world.link.is_idle());
}
