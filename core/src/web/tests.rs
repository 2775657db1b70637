use super::*;
use crate::event::Event;
use crate::time::Duration;
use proptest::prelude::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// A connection with its room.
struct Client {
    client: super::Client,
    room: Room,
}

impl Client {
    fn new(now: Instant) -> Self {
        Self { client: super::Client::new(now), room: Room::new() }
    }
    fn receive(&mut self, bytes: &[u8], access: &Access<'_>, world: &mut Fake) {
        self.client.receive(bytes, &mut self.room, access, world);
    }
    fn transmit(&mut self, world: &Fake) -> &[u8] {
        self.client.transmit(&mut self.room, world)
    }
    fn tick(&mut self, now: Instant) {
        self.client.tick(&mut self.room, now);
    }
    fn sent(&mut self, bytes: usize, now: Instant) {
        self.client.sent(bytes, now);
    }
}

impl core::ops::Deref for Client {
    type Target = super::Client;

    fn deref(&self) -> &super::Client {
        &self.client
    }
}

struct Fake {
    bans: Vec<Ban>,
    lines: Vec<Vec<u8>>,
    series: Series,
    feed: Feed,
    now: Instant,
    unbanned: Vec<Addr>,
}

impl Fake {
    fn new(bans: usize) -> Self {
        let bans = (0..bans).map(|n| Ban {
            addr: Addr::parse(format!("10.1.{}.{}", n / 256 % 256, n % 256).as_bytes()).unwrap(),
            jail: n % 2,
            since: None,
            until: (n % 3 > 0).then_some(Instant::from_millis(600_000)),
        });
        Self {
            bans: bans.collect(),
            lines: std::vec![b"Failed \"password\" \xff\x01".to_vec()],
            series: Series::new(),
            feed: Feed::new(),
            now: Instant::ZERO,
            unbanned: Vec::new(),
        }
    }
}

impl World for Fake {
    fn facts(&self) -> Facts<'_> {
        Facts { version: "1", backend: "nftables", table: "edgeban", ready: true, ..Facts::default() }
    }
    fn jail(&self, number: usize) -> Option<Jail<'_>> {
        let name = *["sshd", "we\"b\\"].get(number)?;
        Some(Jail {
            name,
            filter: "sshd",
            enabled: true,
            maxretry: 5,
            findtime: 600,
            bantime: None,
            banned: 1,
            attempts: 2,
            bans: 3,
        })
    }
    fn source(&self, number: usize) -> Option<Source<'_>> {
        let fault = if number == 1 { Some("missing") } else { None };
        (number < 2).then_some(Source { name: "/var/log/a", fault, lines: 1, bytes: 2, skipped: 3 })
    }
    fn ban(&self, place: usize) -> Option<(usize, super::Ban)> {
        Some((place + 1, *self.bans.get(place)?))
    }
    fn past_bans(&self, _: Addr) -> u64 {
        4
    }
    fn line(&self, _: Addr, number: usize) -> Option<Line<'_>> {
        Some(Line { at: Instant::ZERO, text: self.lines.get(number)? })
    }
    fn series(&self) -> &Series {
        &self.series
    }
    fn feed(&self) -> &Feed {
        &self.feed
    }
    fn unban(&mut self, addr: Addr) -> bool {
        self.unbanned.push(addr);
        self.bans.iter().any(|ban| ban.addr == addr)
    }
    fn wall(&self, at: Instant) -> i64 {
        1_700_000_000 + i64::try_from(at.as_millis() / 1000).unwrap()
    }
    fn now(&self) -> Instant {
        self.now
    }
}

const OPEN: Access<'static> = Access { local: true, token: None };
const TOKEN: Access<'static> = Access { local: true, token: Some("a secret of some length") };
const FAR: Access<'static> = Access { local: false, token: Some("a secret of some length") };

/// What a client is answered that reads `step` bytes at a time.
fn ask(request: &str, access: &Access<'_>, world: &mut Fake, step: usize) -> String {
    let mut client = Client::new(world.now);
    for piece in request.as_bytes().chunks(step) {
        client.receive(piece, access, world);
    }
    let mut answer = Vec::new();
    while client.wants_to_send() {
        let now = world.now;
        let bytes = client.transmit(world);
        let len = bytes.len().min(step);
        answer.extend_from_slice(&bytes[..len]);
        client.sent(len, now);
    }
    assert!(client.is_over() || client.follows_events() || client.wants_to_receive());
    String::from_utf8(answer).unwrap()
}

fn get(path: &str, access: &Access<'_>, world: &mut Fake) -> (String, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:9191\r\n\r\n");
    let answer = ask(&request, access, world, 7);
    assert_eq!(answer, ask(&request, access, world, 100_000), "whatever the pieces");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_string(), body.to_string())
}

#[test]
fn each_path_has_its_answer() {
    let mut world = Fake::new(3);
    let (status, page) = get("/", &OPEN, &mut world);
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.len() < 30 * 1024);
    assert!(
        !page.contains("http://")
            || page.matches("http://").count() == page.matches("http://www.w3.org/2000/svg").count()
    );
    let (_, status) = get("/api/v1/status", &OPEN, &mut world);
    assert!(
        status.starts_with("{\"version\":\"1\",\"backend\":\"nftables\",\"table\":\"edgeban\",\"ready\":true,"),
        "{status}"
    );
    assert!(status.contains("\"jail\":\"we\\\"b\\\\\"") && status.contains("\"fault\":\"missing\""), "{status}");
    let (_, bans) = get("/api/v1/bans", &OPEN, &mut world);
    assert_eq!(
        bans,
        "{\"bans\":[{\"address\":\"10.1.0.0\",\"jail\":\"sshd\",\"since\":null,\"until\":null},\
         {\"address\":\"10.1.0.1\",\"jail\":\"we\\\"b\\\\\",\"since\":null,\"until\":1700000600},\
         {\"address\":\"10.1.0.2\",\"jail\":\"sshd\",\"since\":null,\"until\":1700000600}],\"total\":3}\n"
    );
    let (_, bans) = get("/api/v1/bans?limit=1&jail=sshd", &OPEN, &mut world);
    assert!(bans.contains("10.1.0.0") && !bans.contains("10.1.0.2") && bans.ends_with("\"total\":2}\n"), "{bans}");
    let (_, bans) = get("/api/v1/bans?prefix=10.1.0.2", &OPEN, &mut world);
    assert!(bans.contains("10.1.0.2") && bans.ends_with("\"total\":1}\n"), "{bans}");
    let (_, bans) = get("/api/v1/bans?prefix=nobody", &OPEN, &mut world);
    assert_eq!(bans, "{\"bans\":[],\"total\":0}\n");
    let (_, history) = get("/api/v1/history?address=2001%3Adb8%3A%3A1", &OPEN, &mut world);
    assert_eq!(
        history,
        "{\"address\":\"2001:db8::1\",\"bans\":4,\"lines\":[{\"at\":1700000000,\"line\":\"Failed \\\"password\\\" \u{fffd}\\u0001\"}]}\n"
    );
    let (_, series) = get("/api/v1/series", &OPEN, &mut world);
    assert_eq!((series.matches("\"at\":").count(), series.matches("\"hours\":[").count()), (84, 1));
    let (_, metrics) = get("/metrics", &OPEN, &mut world);
    assert!(metrics.contains("\nedgeban_jail_banned{jail=\"we\\\"b\\\\\"} 1\n"), "{metrics}");
    for (path, status) in [
        ("/api/v1/nothing", "404 Not Found"),
        ("/index.html", "404 Not Found"),
        ("/api/v1/bans?limit=x", "400 Bad Request"),
        ("/api/v1/bans?limit=100001", "400 Bad Request"),
        ("/api/v1/history?address=a.example", "400 Bad Request"),
        ("/api/v1/history", "400 Bad Request"),
    ] {
        assert_eq!(get(path, &OPEN, &mut world).0, format!("HTTP/1.1 {status}"), "{path}");
    }
}

#[test]
fn a_list_of_any_length_comes_whole_and_no_turn_takes_long() {
    let mut world = Fake::new(3 * SCAN + 5);
    let (_, bans) = get("/api/v1/bans?limit=100000", &OPEN, &mut world);
    assert_eq!(bans.matches("\"address\"").count(), world.bans.len());
    // Nobody is like that, so nothing is written for some turns.
    let mut client = Client::new(world.now);
    client.receive(b"GET /api/v1/bans?prefix=x HTTP/1.1\r\nHost: [::1]\r\n\r\n", &OPEN, &mut world);
    let head = client.transmit(&world).len();
    client.sent(head, world.now);
    let mut turns = 0;
    while client.wants_to_send() {
        let len = client.transmit(&world).len();
        client.sent(len, world.now);
        turns += 1;
    }
    assert!((4..8).contains(&turns), "{turns}");
}

#[test]
fn who_may_not_is_told_so() {
    let mut world = Fake::new(3);
    let ours = "Authorization: Bearer a secret of some length\r\n";
    let wrong = "Authorization: Bearer a secret of some lengtH\r\n";
    let basic = "Authorization: Basic a secret of some length\r\n";
    for (request, fields, access, want) in [
        ("GET /metrics", "", OPEN, "200"),
        ("GET /metrics", "", FAR, "401"),
        ("GET /metrics", wrong, FAR, "401"),
        ("GET /metrics", basic, FAR, "401"),
        ("GET /metrics", ours, FAR, "200"),
        ("GET /", "", FAR, "200"),
        ("HEAD /", "", FAR, "200"),
        ("DELETE /api/v1/bans/10.1.0.1", "", OPEN, "403"),
        ("DELETE /api/v1/bans/10.1.0.1", ours, OPEN, "403"),
        ("DELETE /api/v1/bans/10.1.0.1", "", TOKEN, "401"),
        ("DELETE /api/v1/bans/10.1.0.1", wrong, TOKEN, "401"),
        ("DELETE /api/v1/bans/10.1.0.1", ours, TOKEN, "202"),
        ("DELETE /api/v1/bans/10.9.9.9", ours, TOKEN, "404"),
        ("DELETE /api/v1/bans/x", ours, TOKEN, "400"),
        ("DELETE /", ours, TOKEN, "404"),
        ("POST /api/v1/bans/10.1.0.1", ours, TOKEN, "405"),
    ] {
        let before = world.unbanned.len();
        let answer =
            ask(&format!("{request} HTTP/1.1\r\nHost: 127.0.0.1:9191\r\n{fields}\r\n"), &access, &mut world, 9);
        assert_eq!(answer.get(9..12), Some(want), "{request} {fields}: {answer}");
        let asked = request.starts_with("DELETE") && ["202", "404"].contains(&want) && request != "DELETE /";
        assert_eq!(world.unbanned.len() > before, asked, "{request} {fields}");
    }
    for (host, want) in [
        ("localhost", "200"),
        ("LOCALHOST:80", "200"),
        ("[::1]:9191", "200"),
        ("192.0.2.1", "200"),
        ("evil.example", "421"),
        ("evil.example:9191", "421"),
        ("127.0.0.1.evil.example", "421"),
        ("", "421"),
    ] {
        let answer = ask(&format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n"), &OPEN, &mut world, 9);
        assert_eq!(answer.get(9..12), Some(want), "{host}");
    }
    for request in
        ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "\x16\x03\x01"]
    {
        let answer = ask(request, &OPEN, &mut world, 1000);
        assert!(["400", "421"].contains(&&answer[9..12]), "{request}: {answer}");
    }
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(INPUT));
    assert_eq!(&ask(&long, &OPEN, &mut world, 500)[9..12], "431");
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert_eq!(&ask(&many, &OPEN, &mut world, 500)[9..12], "431");
}

#[test]
fn events_come_as_they_happen_and_a_slow_client_hears_what_it_missed() {
    let mut world = Fake::new(0);
    let mut client = Client::new(world.now);
    client.receive(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n", &OPEN, &mut world);
    let told = |world: &Fake, client: &mut Client| {
        let mut text = Vec::new();
        while client.wants_to_send() || client.follows_events() {
            let bytes = client.transmit(world).to_vec();
            if bytes.is_empty() {
                break;
            }
            client.sent(bytes.len(), world.now);
            text.extend(bytes);
        }
        String::from_utf8(text).unwrap()
    };
    let head = told(&world, &mut client);
    assert!(head.contains("text/event-stream") && head.ends_with("\r\n\r\n:\n\n"), "{head}");
    assert!(client.follows_events() && !client.wants_to_send());
    let addr = Addr::parse(b"10.1.1.1").unwrap();
    world.feed.observe(&Event::Banned { addr, jail: 0, until: None });
    world.feed.observe(&Event::Ready);
    world.feed.observe(&Event::Unbanned { addr, expired: true });
    assert_eq!(
        told(&world, &mut client),
        "data: {\"type\":\"ban\",\"address\":\"10.1.1.1\",\"jail\":\"sshd\",\"until\":null}\n\n\
         data: {\"type\":\"unban\",\"address\":\"10.1.1.1\",\"expired\":true}\n\n"
    );
    for _ in 0..EVENTS + 3 {
        world.feed.observe(&Event::Unbanned { addr, expired: false });
    }
    let lost = told(&world, &mut client);
    assert!(lost.starts_with("data: {\"type\":\"lost\",\"events\":3}\n\n"), "{lost}");
    assert_eq!(lost.matches("\"unban\"").count(), EVENTS);
    // It is quiet, and so is what comes, but for a sign of life.
    world.now = world.now + Duration::from_secs(60);
    client.tick(world.now);
    assert_eq!(told(&world, &mut client), ":\n\n");
    assert!(client.poll_at() > world.now);
}

#[test]
fn who_is_slow_is_let_go() {
    let mut world = Fake::new(0);
    let mut client = Client::new(world.now);
    client.receive(b"GET / HT", &OPEN, &mut world);
    world.now = client.poll_at();
    client.tick(world.now);
    assert!(String::from_utf8_lossy(client.transmit(&world)).starts_with("HTTP/1.1 408 "));
    world.now = client.poll_at();
    client.tick(world.now);
    assert!(client.is_over(), "and does not read the answer");
    let mut client = Client::new(world.now);
    client.receive(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", &OPEN, &mut world);
    assert!(!client.transmit(&world).is_empty());
    client.sent(1, world.now);
    world.now = client.poll_at();
    client.tick(world.now);
    assert!(client.is_over());
}

proptest! {
    #[test]
    fn any_request_is_answered_or_waited_for(bytes in prop::collection::vec(any::<u8>(), 0..300), line in "[A-Z]{0,7} /[ -~]{0,80} HTTP/1.[01]\r\n(Host: [ -~]{0,30}\r\n)?\r\n") {
        let mut world = Fake::new(2);
        for request in [&bytes[..], line.as_bytes()] {
            let mut client = Client::new(world.now);
            client.receive(request, &TOKEN, &mut world);
            for _ in 0..100 {
                let len = client.transmit(&world).len();
                client.sent(len, world.now);
            }
            prop_assert!(client.is_over() || client.wants_to_receive() || client.follows_events());
        }
        prop_assert!(world.unbanned.is_empty());
    }
}
