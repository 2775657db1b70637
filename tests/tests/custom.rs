//! Filters of the operator's own: what nobody may write into a message, and what the command line says of them.

use edgeban_core::addr::Addr;
use edgeban_core::detect::custom::{Filters, Line};
use edgeban_core::detect::template::{self, Use};
use edgeban_core::source::syslog::Split;
use edgeban_tests::lab::{Lab, LogFile, binary, numbered};
use edgeban_tests::said::{Said, say};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use std::fs;
use std::process::Command;

/// The address that every attack tries to get banned.
const VICTIM: &str = "9.9.9.9";
/// The attacker's.
const PEER: &str = "10.1.1.1";

/// A part of a template, and the attacker's text that is printed in its place if there is any.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// As the template has it. What takes as much as there is brings the sign along that ends it.
    template: &'static str,
    /// What the service prints before and after the attacker's text.
    around: (&'static str, &'static str),
    /// Bytes that cannot be in the attacker's text; `None` if there is no such text.
    without: Option<&'static str>,
}

const fn text(template: &'static str) -> Piece {
    Piece { template, around: (template, ""), without: None }
}

const PIECES: &[Piece] = &[
    text(" "),
    text(" from "),
    text("login failed for "),
    text(" user="),
    text(": "),
    text(" ["),
    text("] "),
    text(" x,"),
    Piece { template: "<*>", around: ("", ""), without: Some("") },
    Piece { template: "<*> ", around: ("", " "), without: Some("") },
    Piece { template: "<WORD> ", around: ("w", " "), without: Some(" ") },
    Piece { template: "<N>:", around: ("22", ":"), without: None },
    Piece { template: "<^]>]", around: ("", "]"), without: Some("]") },
    Piece { template: "\"<^\">\"", around: ("\"", "\""), without: Some("\"") },
    Piece { template: "<a|b|>", around: ("a", ""), without: None },
    Piece { template: "<bad |>password", around: ("password", ""), without: None },
];

/// What stands before and behind the address, so that it is whole.
const AROUND: &[(&str, &str)] =
    &[(" from ", ""), (" from ", " "), ("[", "]"), ("ip=", ","), ("(", ") "), ("", " "), (" from ", ": ")];

#[derive(Clone, Debug)]
struct Shape {
    pieces: Vec<Piece>,
    place: usize,
    around: (&'static str, &'static str),
    address: (&'static str, &'static str),
}

impl Shape {
    /// The template, or the message if there are texts for its parts.
    fn write(&self, address: &str, fill: Option<&[String]>) -> String {
        let (before, after) = self.around;
        // Behind the address stands what cannot belong to it.
        let after = if after.is_empty() && self.place < self.pieces.len() { " " } else { after };
        let mut out = String::new();
        for n in 0..=self.pieces.len() {
            if n == self.place {
                out.push_str(&[before, address, after].concat());
            }
            let Some(piece) = self.pieces.get(n) else { break };
            match fill {
                None => out.push_str(piece.template),
                Some(fill) => {
                    out.push_str(piece.around.0);
                    if let Some(without) = piece.without {
                        out.extend(fill[n % fill.len()].chars().filter(|c| !without.contains(*c)));
                    }
                    out.push_str(piece.around.1);
                }
            }
        }
        out
    }

    fn template(&self) -> String {
        self.write(self.address.0, None).trim().to_owned()
    }

    fn message(&self, peer: &str, fill: &[String]) -> String {
        self.write(&[peer, self.address.1].concat(), Some(fill))
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 1..6);
    let address = prop::sample::select(&[("<ADDR>", ""), ("<PEER>", ":4711"), ("<PEER>", "")][..]);
    (pieces, 0..7usize, prop::sample::select(AROUND), address).prop_map(|(pieces, place, around, address)| Shape {
        place: place.min(pieces.len()),
        pieces,
        around,
        address,
    })
}

/// Texts that an attacker would choose: made of the service's own words, of whole messages about the victim, and of signs.
fn attack(messages: Vec<String>) -> impl Strategy<Value = String> {
    let words = [
        VICTIM,
        " from ",
        "[",
        "]",
        ": ",
        ",",
        " ",
        "login failed for ",
        "a",
        "b",
        "x",
        ":22",
        ".",
        "ip=",
        "(",
        ")",
        "\"",
        "w",
    ];
    let words = words.iter().map(ToString::to_string).chain(messages).collect::<Vec<_>>();
    prop::collection::vec(prop::sample::select(words), 0..5).prop_map(|words| words.concat())
}

/// Some templates to match, some to ignore, and a line of the first.
fn attacked() -> impl Strategy<Value = (Vec<Shape>, Vec<Shape>, bool, Vec<String>)> {
    let shapes = (prop::collection::vec(shape(), 1..4), prop::collection::vec(shape(), 0..2), any::<bool>());
    shapes.prop_flat_map(|(matches, ignores, named)| {
        let messages = matches.iter().chain(&ignores).map(|shape| shape.message(VICTIM, &["x".to_owned()])).collect();
        let fill = prop::collection::vec(attack(messages), 1..6);
        (Just(matches), Just(ignores), Just(named), fill)
    })
}

fn detect(filters: &Filters, line: &str) -> Option<Addr> {
    Some(filters.detect(0, &mut Line::new(line.as_bytes(), Split::of(line.as_bytes())))?.addr)
}

/// Whatever texts a peer chooses: its message counts against it, or not at all.
#[test]
fn no_text_leads_to_another_address_than_the_templates_own_place() {
    let counted = Cell::new((0, 0, 0));
    let mut runner = TestRunner::new(Config { cases: 20_000, max_global_rejects: 200_000, ..Config::default() });
    let peer = Addr::parse(PEER.as_bytes()).unwrap();
    let result = runner.run(&attacked(), |(matches, ignores, named, fill)| {
        let mut filters = Filters::new();
        let number = filters.add("a".try_into().unwrap()).unwrap();
        let program = if named { "<prog:app> " } else { "" };
        let all =
            matches.iter().map(|shape| (Use::Match, shape)).chain(ignores.iter().map(|shape| (Use::Ignore, shape)));
        for (of, shape) in all {
            let template = [program, &shape.template()].concat();
            prop_assume!(template::check_custom(template.as_bytes(), of).is_ok());
            filters.push(number, of, &template).unwrap();
        }
        let head = if named { "Mar  3 00:17:22 host app[7]: " } else { "2026-11-24 10:00:00 " };
        let line = [head, &matches[0].message(PEER, &fill)].concat();
        let found = detect(&filters, &line);
        let templates = || matches.iter().map(Shape::template).collect::<Vec<_>>();
        prop_assert!(found.is_none_or(|addr| addr == peer), "{:?} of {:?} by {:?}", found, line, templates());

        // That this is no property of filters that find nothing: without an attack most messages count.
        let plain = [head, &matches[0].message(PEER, &["z".to_owned()])].concat();
        let (cases, hit, hits) = counted.get();
        let hit = hit + u32::from(found.is_some());
        counted.set((cases + 1, hit, hits + u32::from(detect(&filters, &plain).is_some())));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let (cases, attacked, plain) = counted.get();
    assert!(
        attacked * 3 > cases && plain * 10 > cases * 7,
        "of {cases}: {attacked} attacked and {plain} plain ones count"
    );
}

const FILTER: &str = "[filters.myapp]\nmatch = ['<prog:myapp> login failed for <*> from <ADDR>']\n\
                      ignore = ['<prog:myapp> login failed for monitor from <ADDR>']\n";

/// A line of the program as syslog writes it.
fn of_myapp(message: &str) -> String {
    format!("Mar  3 00:17:22 host myapp[7]: {message}\n")
}

#[track_caller]
fn edgeban(arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new(binary());
    command.args(arguments);
    say(command, input)
}

/// A file that goes with the test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edgeban-custom-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn name(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// From the line of a program that edgeban does not know to the ban in the kernel, and back to what is said of it.
#[test]
fn a_jail_bans_by_a_filter_of_ones_own() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("syslog"));
    let edgeban =
        lab.start(&format!("{FILTER}[jails.mine]\nfilter = \"myapp\"\nmaxretry = 2\nlogpath = {:?}\n", log.path()));
    let failed = |user: &str, n| of_myapp(&format!("login failed for {user} from {}", numbered(n)));
    log.write(failed("x", 1).repeat(2) + &failed("monitor", 2).repeat(2) + &failed("x", 3));
    log.write(failed("x from 203.0.113.9", 4).repeat(2));
    log.write(of_myapp("login of x from 203.0.113.9").repeat(2));
    log.write(failed("x", 5).replace("myapp", "other").repeat(2));
    edgeban.wait_for_lines(11);
    lab.wait_for_bans([1, 4].map(numbered));
    assert!(edgeban.log().contains("jail mine: filter myapp, maxretry 2 within 10m"), "{}", edgeban.log());
    let status = say(lab.edgeban(&["status"]), "").ok(&["status"]);
    assert!(status.contains("myapp"), "{status}");
    edgeban.stop();
}

/// Filters are numbered in the file's order, and the jails of a reload have the new numbers.
#[test]
fn a_reload_goes_on_with_the_filters_of_the_new_file() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("syslog"));
    let jail = |name| format!("[jails.{name}]\nmaxretry = 1\nlogpath = {:?}\n", log.path());
    let (a, b) = ("[filters.a]\nmatch = '<prog:myapp> a <ADDR>'\n", "[filters.b]\nmatch = '<prog:myapp> b <ADDR>'\n");
    let (of_a, of_b) = (jail("a"), jail("b"));
    let config = lab.config(&[a, &of_a].concat());
    let edgeban = lab.start_file(&config);
    let reload = |text: &str| {
        fs::write(&config, text).unwrap();
        say(lab.edgeban(&["reload", "--config", &config]), "").ok(&["reload"])
    };
    let mut write = |message: &str, n| log.write(of_myapp(&format!("{message} {}", numbered(n))));
    write("a", 1);
    write("b", 2);
    lab.wait_for_bans([1].map(numbered));
    reload(&[b, a, &of_a, &of_b].concat());
    write("a", 3);
    write("b", 4);
    lab.wait_for_bans([1, 3, 4].map(numbered));
    reload(&[&a.replace(" a ", " c "), &of_a[..]].concat());
    ["a", "b", "c"].into_iter().zip(5..).for_each(|(message, n)| write(message, n));
    lab.wait_for_bans([1, 3, 7].map(numbered));
    edgeban.wait_for_lines(7);
    edgeban.stop();
}

#[test]
fn check_warns_of_what_a_peer_may_hide_by() {
    let file = Scratch::new(
        "doubts.toml",
        "[filters.a]\nmatch = ['a <ADDR>', 'user <*> at <ADDR> did <*>']\nignore = '<*> x'\n\
         [filters.b]\nmatch = '<*> b <ADDR>'\n[jails.a]\nlogpath = '/x'\n",
    );
    let said = edgeban(&["check", "--config", file.name()], "");
    assert_eq!(said.code, Some(0));
    let start = format!(
        "{}: valid\nfilter a: 2 templates, 1 to ignore\nfilter b: 1 templates, 0 to ignore\njail a: filter a (normal), ",
        file.name()
    );
    assert!(said.out.starts_with(&start), "{}", said.out);
    assert_eq!(
        said.err,
        "warning: no jail has filter b\n\
         warning: filter a, match 2: the address stands between two <*>: a peer who chooses both texts can write the address twice and so hide\n\
         warning: filter a, ignore 1: it begins with <*>: a peer who chooses how a message ends can hide\n\
         warning: filter b, match 1: it begins with <*>: any message that ends in a peer's own text may count, against whom that peer names\n"
    );
}

#[test]
fn test_tries_templates_out() {
    let log = of_myapp("login failed for x from 10.1.1.1")
        + &of_myapp("login failed for monitor from 10.1.1.1")
        + "2026-11-24 10:00:00 login failed for x from 10.1.1.2\n";
    let totals =
        |said: &Said| said.out.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>();
    let template = "login failed for <*> from <ADDR>";
    let named = format!("<prog:myapp> {template}");
    let none = "0 addresses would be banned with maxretry 5, findtime 10m";

    let said =
        edgeban(&["test", "--quiet", "--match", &named, "--ignore", "<prog:*> login failed for monitor <*>"], &log);
    let want = [
        "3 lines: 1 matched, 2 did not",
        "1 of these would without <prog:...>: their heads name no such program",
        none,
    ];
    assert_eq!((said.code, totals(&said), &*said.err), (Some(0), want.map(String::from).to_vec(), ""));
    let said = edgeban(&["test", "--quiet", "--match", template], &log);
    let want = ["3 lines: 1 matched, 2 did not", "2 of these would with <prog:myapp> at the template's start", none];
    assert_eq!((said.code, totals(&said), &*said.err), (Some(0), want.map(String::from).to_vec(), ""));

    let file = Scratch::new("test.toml", FILTER);
    let said = edgeban(&["test", "--filter", "myapp", "--config", file.name(), "--json"], &log);
    let want = "{\"line\":1,\"match\":true,\"address\":\"10.1.1.1\",\"filter\":\"myapp\"}\n\
                {\"line\":2,\"match\":false}\n{\"line\":3,\"match\":false}\n";
    assert_eq!((said.code, &*said.out, &*said.err), (Some(0), want, ""));

    for (arguments, code, err) in [
        (
            &["--match", "from é <HOST>"][..],
            1,
            "from é <HOST>:8: unknown part `<HOST>`, write <ADDR> where the peer's address stands\n",
        ),
        (&["--ignore", "x"], 2, "edgeban: --match TEMPLATE is missing\ntry: edgeban test --help\n"),
        (
            &["--match", "a <ADDR>", "--filter", "sshd"],
            2,
            "edgeban: either --filter or --match\ntry: edgeban test --help\n",
        ),
        (
            &["--filter", "myap", "--config", file.name()],
            2,
            "edgeban: no such filter, `edgeban test --help` names them: myap\ntry: edgeban test --help\n",
        ),
    ] {
        let said = edgeban(&[&["test"], arguments].concat(), "");
        assert_eq!((said.code, &*said.out, &*said.err), (Some(code), "", err), "{arguments:?}");
    }
    let said = edgeban(&["test", "--match", "a <*> b <ADDR> c <*>"], "");
    assert_eq!(
        said.err,
        "warning: filter match, match 1: the address stands between two <*>: a peer who chooses both texts can write the address twice and so hide\n"
    );
}
