use super::*;
use proptest::prelude::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

fn told(template: &str, message: &str) -> String {
    check(template.as_bytes()).unwrap_or_else(|fault| panic!("{template}: {fault:?}"));
    match read(template.as_bytes(), message.as_bytes()) {
        Found::No => "no".to_string(),
        Found::Ambiguous => "ambiguous".to_string(),
        Found::Nobody => "nobody".to_string(),
        Found::Peer(addr) => addr.to_string(),
    }
}

#[test]
fn each_part_stands_for_what_it_says() {
    for (template, message, want) in [
        ("login failed from <ADDR>", "login failed from 10.1.1.1", "10.1.1.1"),
        ("login failed from <ADDR>", "login failed from 10.1.1.1 x", "no"),
        ("login failed from <ADDR>", "login failed from 2001:db8::1", "2001:db8::1"),
        ("login failed from <ADDR>", "login failed from ::ffff:10.1.1.1", "10.1.1.1"),
        ("login failed from <ADDR>", "login failed from a.example", "no"),
        ("login failed from [<ADDR>]<*>", "login failed from [2001:db8::1]: bad", "2001:db8::1"),
        ("login failed from <PEER>", "login failed from [2001:db8::1]:4711", "2001:db8::1"),
        ("login failed from <PEER>", "login failed from 10.1.1.1:4711", "10.1.1.1"),
        ("login failed from <PEER>", "login failed from 10.1.1.1:471100", "no"),
        ("login failed from <PEER>: <*>", "login failed from 10.1.1.1:4711: x", "10.1.1.1"),
        ("login failed from <ADDR>:<N>", "login failed from 2001:db8::1:4711", "2001:db8::1"),
        ("<WORD> failed from <ADDR>", "login failed from 10.1.1.1", "10.1.1.1"),
        ("<WORD> failed from <ADDR>", " failed from 10.1.1.1", "no"),
        ("<N> failures from <ADDR>", "17 failures from 10.1.1.1", "10.1.1.1"),
        ("<N> failures from <ADDR>", "x failures from 10.1.1.1", "no"),
        ("user \"<^\">\" from <ADDR>", "user \"a\" from 10.1.1.1", "10.1.1.1"),
        ("user \"<^\">\" from <ADDR>", "user \"\" from 10.1.1.1", "10.1.1.1"),
        ("<bad|wrong> <user|password|> from <ADDR>", "wrong password from 10.1.1.1", "10.1.1.1"),
        ("<bad|wrong> <user|password|> from <ADDR>", "wrong  from 10.1.1.1", "10.1.1.1"),
        ("<bad|wrong> <user|password|> from <ADDR>", "good password from 10.1.1.1", "no"),
        (r"\<a\> \\ <a\|b|c\>> <ADDR>", r"<a> \ a|b 10.1.1.1", "10.1.1.1"),
        (r"\<a\> \\ <a\|b|c\>> <ADDR>", r"<a> \ c> 10.1.1.1", "10.1.1.1"),
        ("<ADDR> failed", "10.1.1.1 failed", "10.1.1.1"),
    ] {
        assert_eq!(told(template, message), want, "{template}: {message}");
    }
}

#[test]
fn a_message_of_two_readings_is_about_nobody() {
    for (template, message, want) in [
        // The end decides.
        ("failed for <*> from <ADDR>", "failed for x from 9.9.9.9 from 10.1.1.1", "10.1.1.1"),
        // The start decides.
        ("failed from <ADDR> for <*>", "failed from 10.1.1.1 for x from 9.9.9.9 for y", "10.1.1.1"),
        // Nothing does.
        ("failed for <*> from <ADDR> with <*>", "failed for x from 10.1.1.1 with y", "10.1.1.1"),
        ("failed for <*> from <ADDR> with <*>", "failed for x from 9.9.9.9 with y from 10.1.1.1 with z", "ambiguous"),
        ("failed for <*> from <ADDR> with <*>", "failed for x from 10.1.1.1 with y from 10.1.1.1 with z", "10.1.1.1"),
        // The service printed a name or a cut address, and the peer an address.
        ("failed for <*> from <ADDR> with <*>", "failed for x from a.example with y from 9.9.9.9 with z", "ambiguous"),
        ("failed for <*> from <ADDR> with <*>", "failed for x from 9.9.9.9 with y from a.example with z", "ambiguous"),
        ("failed for <*> from <ADDR>: <*>", "failed for x from 10.1.1.1.5: y from 9.9.9.9: z", "ambiguous"),
        ("failed for <*> from <PEER>, <*>", "failed for x from 10.1.1.1:2:2, y from 9.9.9.9:3, z", "ambiguous"),
        ("failed for <*> from <ADDR> with <*>", "failed for x from a.example with y", "no"),
        // No address could stand there, since a space does.
        ("failed for <*> from <ADDR> with <*>", "failed for x from his home from 10.1.1.1 with y", "10.1.1.1"),
    ] {
        assert_eq!(told(template, message), want, "{template}: {message}");
    }
}

#[test]
fn spaces_around_a_message_are_nothing_or_its_own() {
    for (template, message, want) in [
        ("from <ADDR>", "  from 10.1.1.1  ", "10.1.1.1"),
        ("from <ADDR>", "from 10.1.1.1\t", "10.1.1.1"),
        ("<ADDR> said", "  10.1.1.1 said", "10.1.1.1"),
        ("<*> from <ADDR>", " from 10.1.1.1", "10.1.1.1"),
        ("from <ADDR> <*>", "from 10.1.1.1 ", "10.1.1.1"),
        ("from <ADDR> <*>", "from 10.1.1.1", "no"),
        ("<a|b|> from <ADDR>", " from 10.1.1.1", "10.1.1.1"),
        ("<WORD> from <ADDR>", "  x from 10.1.1.1", "10.1.1.1"),
        ("from <ADDR>: <WORD>", "from 10.1.1.1: x ", "10.1.1.1"),
    ] {
        assert_eq!(told(template, message), want, "{template}: {message}");
    }
}

#[test]
fn an_address_is_taken_whole() {
    for (template, message) in [
        ("from <ADDR><*>", "from 10.1.1.1.example.com"),
        ("from <ADDR><*>", "from 10.1.1.1.5"),
        ("from <ADDR><*>", "from 10.1.1.1x"),
        ("from <ADDR><*>", "from 10.1.1.1-pool.example"),
        ("from <ADDR>.<*>", "from 10.1.1.1.5"),
        ("from <ADDR>.<*>", "from 10.1.1.1.example.com"),
        ("from <ADDR><*>", "from 10.1.1.256"),
        ("from <ADDR><*>", "from 010.1.1.1"),
        ("from <ADDR><*>", "from 0x0a.1.1.1"),
        ("from <ADDR><*>", "from 2001:db8::1:g"),
        ("from<x|> <ADDR>", "from 1.10.1.1.1"),
        ("<from |><ADDR>", "10.10.1.1.1"),
    ] {
        assert_eq!(told(template, message), "no", "{template}: {message}");
    }
    assert_eq!(told("from <ADDR>.<*>", "from 10.1.1.1. Bye."), "10.1.1.1");
    assert_eq!(told("from <ADDR>.", "from 10.1.1.1."), "10.1.1.1");
    assert_eq!(told("from <ADDR><*>", "from 10.1.1.10"), "10.1.1.10");
    assert_eq!(told("from <ADDR><*>", "from 10.1.1.10, again"), "10.1.1.10");
}

#[test]
fn what_is_no_template_is_refused_with_its_place() {
    let many = format!("{}<ADDR>", "<*> ".repeat(PARTS / 2));
    for (template, want) in [
        ("a <ADDR", Fault::Open(2)),
        ("a <ADDR> <HOST>", Fault::Unknown(9)),
        ("a <ADDR> <>", Fault::Unknown(9)),
        ("a <ADDR> <^>", Fault::Unknown(9)),
        ("a <ADDR> <PEER>", Fault::SecondAddress(9)),
        ("a <*>", Fault::NoAddress),
        ("", Fault::NoAddress),
        ("a <*><ADDR>", Fault::Adjacent(5)),
        ("a <N><ADDR>", Fault::Adjacent(5)),
        (r"<ADDR> \", Fault::Escape(7)),
        (&many, Fault::TooMany(many.len() - 6)),
    ] {
        assert_eq!(check(template.as_bytes()), Err(want), "{template}");
    }
}

/// As [`check_custom`] says it: the faulty byte, and what is wrong.
fn refused(template: &str, of: Use) -> String {
    let fault = check_custom(template.as_bytes(), of).expect_err(template);
    format!("{}: {}", fault.at(), Explained(fault, template))
}

#[test]
fn an_operator_is_told_what_to_write() {
    for (template, want) in [
        ("a <ADDR", "2: `<` without its `>`, expected a part, or `\\<` for the sign itself"),
        ("from <HOST>", "5: unknown part `<HOST>`, write <ADDR> where the peer's address stands"),
        ("from <addr>", "5: unknown part `<addr>`, write <ADDR> where the peer's address stands"),
        ("for <F-USER>", "4: unknown part `<F-USER>`, write <*> for any text, or <WORD> for one without spaces"),
        ("port <n>", "5: unknown part `<n>`, write <N> for digits"),
        (
            "a <b> <ADDR>",
            "2: unknown part `<b>`, expected <ADDR>, <PEER>, <*>, <WORD>, <N>, <^CHARS> or <a|b>; `\\<` for the sign itself",
        ),
        ("a <ADDR> b <PEER>", "11: `<PEER>` is a second address, expected one in a template"),
        ("a <*>", "0: no address, expected <ADDR> or <PEER> where the peer's stands"),
        (
            "<prog:a> b <*><ADDR>",
            "14: `<ADDR>` right behind a part that varies, expected text between: where it starts would be a guess",
        ),
        ("a <ADDR> \\", "9: a backslash at the end, expected the sign that it is for"),
        (
            r"port \d+ <ADDR>",
            "5: `\\d` is of regular expressions, and a template is none: write <N> for digits; for this text itself put a `\\` before its signs",
        ),
        (
            "a .* <ADDR>",
            "2: `.*` is of regular expressions, and a template is none: write <*> for any text; for this text itself put a `\\` before its signs",
        ),
        (
            "a (?P<host>x) <ADDR>",
            "2: `(?P<host>` is of regular expressions, and a template is none: write <ADDR> where the peer's address stands; for this text itself put a `\\` before its signs",
        ),
        (
            "<prog:a>  ^b <ADDR>",
            "10: `^` is of regular expressions, and a template is none: it speaks of the whole message as it is; for this text itself put a `\\` before its signs",
        ),
        (
            "a <ADDR>$",
            "8: `$` is of regular expressions, and a template is none: it speaks of the whole message as it is; for this text itself put a `\\` before its signs",
        ),
        (
            "a [^b] <ADDR>",
            "2: `[^` is of regular expressions, and a template is none: write <^CHARS> for what goes up to one of these; for this text itself put a `\\` before its signs",
        ),
        ("a <prog:b> <ADDR>", "2: expected <prog:NAME>, <prog:a|b> or <prog:*>, and only at the start"),
        ("<prog:a|> <ADDR>", "0: expected <prog:NAME>, <prog:a|b> or <prog:*>, and only at the start"),
        (
            "[<WORD>] a <ADDR>",
            "1: `<WORD>` takes as much as there is, the `]` behind it, too, so nothing would ever match: write <^]> for what goes up to `]`",
        ),
        (
            r"<^;>\<, a <ADDR>",
            "0: `<^;>` takes as much as there is, the `<` behind it, too, so nothing would ever match: write <^<> for what goes up to `<`",
        ),
        ("<prog:a", "0: `<` without its `>`, expected a part, or `\\<` for the sign itself"),
        ("<*> <ADDR> <*>", "0: no text by which to know the message, expected some of it"),
        ("<x|> <ADDR>", "0: no text by which to know the message, expected some of it"),
        ("a <ADDR> ", "8: a space at the start or end, where messages have none"),
        (" a <ADDR>", "0: a space at the start or end, where messages have none"),
        ("a\n<ADDR>", "1: a new line, and a message is one line"),
    ] {
        assert_eq!(refused(template, Use::Match), want, "{template}");
    }
    assert_eq!(refused("<*>", Use::Ignore), "0: no text by which to know the message, expected some of it");
    assert_eq!(refused("", Use::Ignore), "0: no text by which to know the message, expected some of it");
    for template in [
        r"a \.\* \(?b\) \^ \$ <ADDR> 5 \$",
        "a . * + ( ) [x] { ^ $ | ? <ADDR>",
        "<prog:*> a <ADDR>",
        "<prog:a|b/c>  a <PEER>",
    ] {
        assert_eq!(check_custom(template.as_bytes(), Use::Match), Ok(()), "{template}");
    }
    assert_eq!(check_custom(b"<prog:a> health check", Use::Ignore), Ok(()));
}

#[test]
fn doubtful_templates_are_told() {
    let (between, begins) = (Doubt::Between(Use::Match), Doubt::Begins(Use::Match));
    for (template, want) in [
        ("a <*> from <ADDR>", None),
        ("a <ADDR> b <*>", None),
        ("a <WORD> from <ADDR> b <*>", None),
        ("a <*> from <ADDR> port <N>", None),
        ("a <*> from <ADDR> b <*>", Some(between)),
        ("<prog:x> <*> from <PEER> b <*> c", Some(between)),
        ("<prog:x> <*> a from <PEER>", Some(begins)),
    ] {
        assert_eq!(doubt(template.as_bytes(), Use::Match), want, "{template}");
    }
    for (template, want) in [
        ("a <*> from 10.1.1.1", None),
        ("a<*>", None),
        ("x <*> a<*>", Some(Doubt::Between(Use::Ignore))),
        ("<*> a", Some(Doubt::Begins(Use::Ignore))),
    ] {
        assert_eq!(doubt(template.as_bytes(), Use::Ignore), want, "{template}");
    }
}

#[test]
fn a_template_names_its_programs() {
    for (template, program, want) in [
        ("<prog:myapp> a", "myapp", true),
        ("<prog:myapp> a", "myapp2", false),
        ("<prog:myapp> a", "myap", false),
        ("<prog:a|myapp>   a", "myapp", true),
        ("<prog:*> a", "myapp", true),
        ("a", "myapp", false),
    ] {
        let (programs, body) = programs(template.as_bytes());
        assert_eq!((programs.have(program.as_bytes()), body), (want, &b"a"[..]), "{template}");
    }
}

#[test]
fn a_template_without_an_address_describes() {
    for (template, message, want) in [
        ("health check", "health check", Found::Nobody),
        ("health check", "health check 2", Found::No),
        ("health <*>", "health check", Found::Nobody),
        ("<*> check", "health check", Found::Nobody),
        ("<N> checks <a|b>", "17 checks b", Found::Nobody),
        ("<N> checks <a|b>", "17 checks c", Found::No),
        ("<N> checks", "17 check", Found::No),
    ] {
        assert_eq!(read(template.as_bytes(), message.as_bytes()), want, "{template}: {message}");
    }
}

#[test]
fn the_first_template_of_a_message_decides() {
    let templates = ["a <*> from <ADDR> with <*>", "a <*> from <ADDR> with z"];
    assert_eq!(first(&templates, b"a x from 9.9.9.9 with y from 10.1.1.1 with z"), None);
    assert_eq!(first(&["b <ADDR>", "a <ADDR>"], b"a 10.1.1.1").map(|a| a.to_string()).as_deref(), Some("10.1.1.1"));
    let long = format!("a 10.1.1.1{}", " ".repeat(limits::LINE));
    assert_eq!(first(&["a <ADDR><*>"], long.as_bytes()), None);
    assert!(first(&["a <ADDR><*>"], &long.as_bytes()[..limits::LINE]).is_some());
}

/// Another way to the same answer: every way of dividing the message, by recursion.
fn all_ways(
    parts: &[Part<'_>],
    message: &[u8],
    at: usize,
    opened: bool,
    peer: Option<Addr>,
    found: &mut Vec<Option<Addr>>,
) {
    let Some((part, rest)) = parts.split_first() else {
        if at >= message.trim_ascii_end().len() {
            found.push(peer);
        }
        return;
    };
    let text = &message[at..];
    match part {
        Part::Any => (at..=message.len()).for_each(|end| all_ways(rest, message, end, false, peer, found)),
        Part::OneOf(inner) => {
            for len in alternatives(inner).filter_map(|one| prefix_len(text, one)) {
                all_ways(rest, message, at + len, false, peer, found);
            }
        }
        Part::Addr | Part::Peer => {
            if !opened && at > 0 && continues(message[at - 1]) {
                return;
            }
            let before = found.len();
            for end in (at + 1..=message.len()).rev().filter(|end| !cuts(message, *end, rest.first())) {
                let text = &message[at..end];
                let addr = match part {
                    Part::Addr => Addr::parse(text).ok(),
                    _ => crate::detect::pattern::host_port(text),
                };
                if addr.is_some() {
                    all_ways(rest, message, end, false, addr, found);
                }
                if found.len() > before {
                    return;
                }
            }
            for end in (at + 1..=message.len()).take_while(|end| message[end - 1] != b' ') {
                all_ways(rest, message, end, false, None, found);
            }
        }
        _ => {
            if let Some(end) = step(*part, message, at) {
                all_ways(rest, message, end, matches!(part, Part::Text(_)), peer, found);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn sets_of_places_find_what_all_ways_find(
        template in prop::collection::vec(
            prop::sample::select(&["a", " ", "from ", "x=", "<*>", "<WORD>", "<N>", "<^ >", "<^=a>", "<a|b|>", "[", "]", ":"][..]), 0..8),
        address in prop::sample::select(&["<ADDR>", "<PEER>"][..]),
        place in 0..9usize,
        fill in prop::collection::vec(prop::collection::vec(
            prop::sample::select(&["a", " ", "from ", "x=", "b", "7", "10.1.1.1", "9.9.9.9", "2001:db8::1", "[", "]", ":", ":22", ".", "="][..]), 0..4), 9..10),
    ) {
        let mut pieces = template;
        pieces.insert(place.min(pieces.len()), address);
        let fill = pieces.iter().zip(&fill).map(|(piece, fill)| match *piece {
            "<ADDR>" => "10.1.1.1".to_string(),
            "<PEER>" => "10.1.1.1:5".to_string(),
            "<N>" => "5".to_string(),
            text if !text.starts_with('<') => text.to_string(),
            _ => fill.concat(),
        });
        let message = fill.collect::<Vec<_>>().concat();
        let template = pieces.concat();
        prop_assume!(check(template.as_bytes()).is_ok());
        let mut parts = Vec::new();
        let mut rest = template.as_bytes();
        while !rest.is_empty() {
            let (one, after) = part(rest).unwrap();
            parts.push(one);
            rest = after;
        }
        let mut ways = Vec::new();
        let lead = if template.starts_with(' ') { 0 } else { message.len() - message.trim_start().len() };
        for at in 0..=lead {
            all_ways(&parts, message.as_bytes(), at, true, None, &mut ways);
        }
        ways.dedup();
        let want = match ways[..] {
            [] | [None] => Found::No,
            [Some(one)] => Found::Peer(one),
            _ => Found::Ambiguous,
        };
        prop_assert_eq!(read(template.as_bytes(), message.as_bytes()), want, "{} of {}", message, template);
    }

    #[test]
    fn no_bytes_are_too_much(template in prop::collection::vec(any::<u8>(), 0..60), message in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = check(&template);
        let _ = read(&template, &message);
    }
}
