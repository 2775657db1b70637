//! Tables of legacy iptables without a kernel: captured ones, damaged ones, and random ones.
#![cfg(all(target_endian = "little", target_pointer_width = "64"))]

use edgeban_core::addr::{Addr, Family, Prefix};
use edgeban_core::firewall::xt::{Content, Info, Plan, Refused, Rewrite, View};
use edgeban_core::limits::XT_JUMPS;
use edgeban_core::wire::buf::Writer;
use edgeban_core::wire::uapi::netfilter::{NF_INET_FORWARD, NF_INET_LOCAL_IN};
use edgeban_core::wire::xt::request::{COUNTERS_OFFSET, REPLACE_LEN};
use edgeban_core::wire::xt::rule::Rule;
use edgeban_core::wire::xt::set::SetMatch;
use edgeban_core::wire::xt::{COUNTERS_LEN, entry_len};
use edgeban_tests::hex;
use proptest::prelude::*;
use std::collections::BTreeMap;

const CHAIN: &str = "edgeban";

type Table = (Info, Vec<u8>);

/// The captured tables of a family: without our chain, and with it.
fn captured(family: Family) -> [Table; 2] {
    let text = match family {
        Family::V4 => include_str!("../golden/xt-v4.txt"),
        Family::V6 => include_str!("../golden/xt-v6.txt"),
    };
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let parts: Vec<Vec<u8>> = text.join("\n").split("--").map(hex::bytes).collect();
    let [info0, entries0, info1, entries1] = parts.try_into().unwrap();
    let info = |bytes: &[u8]| Info::parse(bytes).unwrap();
    [(info(&info0), entries0), (info(&info1), entries1)]
}

fn banned(family: Family) -> Vec<Prefix> {
    let texts = match family {
        Family::V4 => ["192.0.2.1", "203.0.113.0/24"],
        Family::V6 => ["2001:db8::1", "2001:db8:0:1::/64"],
    };
    texts.iter().map(|text| Prefix::parse(text.as_bytes()).unwrap()).collect()
}

/// The new table of a plan; `None` if it is the old one.
fn rewrite(family: Family, table: &Table, plan: Plan<'_>) -> Result<Option<Table>, Refused> {
    let rewrite = Rewrite::plan(family, "filter", &table.0, &table.1, plan)?;
    let mut out = vec![0xa5; REPLACE_LEN + table.1.len() + 64 * 1024];
    let Some(len) = rewrite.replace(&mut out)? else { return Ok(None) };
    // One byte less is too little, and all of that is written before.
    assert_eq!(rewrite.replace(&mut vec![0; len - 1]), Err(Refused::Full));
    assert_eq!(rewrite.replace(&mut vec![0; len]), Ok(Some(len)));
    assert!(out[len..].iter().all(|&b| b == 0xa5));
    let numbers: Vec<u32> = out[32..88].chunks(4).map(|bytes| u32::from_ne_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(&out[..32], b"filter\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!((numbers[13], &out[88..96]), (0, &[0; 8][..]), "the counters are the system call layer's");
    let info = Info {
        valid_hooks: numbers[0],
        num_entries: numbers[1],
        size: numbers[2],
        hook_entry: numbers[3..8].try_into().unwrap(),
        underflow: numbers[8..13].try_into().unwrap(),
    };
    Ok(Some((info, out[REPLACE_LEN..len].to_vec())))
}

const fn plan<'a>(content: Option<Content<'a>>) -> Plan<'a> {
    Plan { chain: CHAIN, hook: NF_INET_LOCAL_IN, content }
}

/// Clears `comefrom`, which the kernel computes for itself.
fn without_comefrom(family: Family, (info, mut entries): Table) -> Table {
    let ip = if family == Family::V4 { 84 } else { 136 };
    let mut at = 0;
    while at < entries.len() {
        entries[at + ip + 8..at + ip + 12].fill(0);
        at += usize::from(u16::from_ne_bytes([entries[at + ip + 6], entries[at + ip + 7]]));
    }
    (info, entries)
}

#[test]
fn what_iptables_wrote_is_what_we_write() {
    for family in [Family::V4, Family::V6] {
        let [without, with] = captured(family);
        let sources = banned(family);
        let ours = plan(Some(Content::Sources(&sources)));
        assert_eq!(rewrite(family, &with, ours), Ok(None));
        assert_eq!(rewrite(family, &without, plan(None)), Ok(None));
        for (from, to, plan) in [(&without, &with, ours), (&with, &without, plan(None))] {
            let (info, entries) = without_comefrom(family, rewrite(family, from, plan).unwrap().unwrap());
            let (wanted_info, wanted) = without_comefrom(family, to.clone());
            hex::assert_same(&format!("{family:?}"), &wanted, &entries);
            // Of hooks that the table has not, iptables writes what it likes.
            assert_eq!(info.hook_entry[1..4], wanted_info.hook_entry[1..4]);
            assert_eq!(info.underflow[1..4], wanted_info.underflow[1..4]);
            assert_eq!((info.num_entries, info.size), (wanted_info.num_entries, wanted_info.size));
        }
        let view = View::new(family, &with.0, &with.1).unwrap();
        assert_eq!(view.banned(CHAIN).unwrap().map(|(source, _)| source).collect::<Vec<_>>(), sources);
        assert_eq!(view.banned("zone").unwrap().count(), 0);
        assert_eq!(view.banned("none").unwrap().count(), 0);
    }
}

#[test]
fn counters_go_where_their_entries_went() {
    for family in [Family::V4, Family::V6] {
        let [without, with] = captured(family);
        let sources = banned(family);
        let other = [Prefix::new(if family == Family::V4 { Addr::v4([1, 1, 1, 1]) } else { Addr::v6([9; 16]) }, 32)];
        let more: Vec<Prefix> = other.into_iter().map(Result::unwrap).chain([sources[1]]).collect();
        // INPUT: jump, ssh, policy; FORWARD; OUTPUT; edgeban: head, two rules, end; zone: head, rule, end; end.
        let numbers =
            |count: u64| (1..=count).flat_map(|n| [n, 100 * n]).flat_map(u64::to_ne_bytes).collect::<Vec<_>>();
        for (table, plan, wanted) in [
            (&without, plan(Some(Content::Sources(&sources))), &[0, 1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8][..]),
            (&with, plan(Some(Content::Sources(&more))), &[1, 2, 3, 4, 5, 6, 0, 8, 9, 10, 11, 12, 13]),
            (&with, plan(None), &[2, 3, 4, 5, 10, 11, 12, 13]),
        ] {
            let rewrite = Rewrite::plan(family, "filter", &table.0, &table.1, plan).unwrap();
            let returned = numbers(u64::from(table.0.num_entries));
            let mut out = vec![0xa5; 1000];
            let len = rewrite.counters(&returned, &mut out).unwrap();
            assert_eq!(len, COUNTERS_OFFSET + COUNTERS_LEN * wanted.len());
            assert_eq!(&out[..7], b"filter\0");
            assert_eq!(out[32..36], u32::try_from(wanted.len()).unwrap().to_ne_bytes());
            let got: Vec<[u64; 2]> = out[COUNTERS_OFFSET..len]
                .chunks(16)
                .map(|two| [0, 8].map(|at| u64::from_ne_bytes(two[at..at + 8].try_into().unwrap())))
                .collect();
            assert_eq!(got, wanted.iter().map(|&n| [n, 100 * n]).collect::<Vec<_>>());
            assert_eq!(rewrite.counters(&returned, &mut vec![0; len - 1]), Err(Refused::Full));
            for bad in [&returned[1..], &returned[16..], &[]] {
                assert_eq!(rewrite.counters(bad, &mut out), Err(Refused::Malformed));
            }
        }
    }
}

/// Whatever the bytes are, the answer is a table that is as planned, or a refusal.
fn must_not_panic(family: Family, table: &Table) {
    let sources = banned(family);
    for hook in [0, NF_INET_LOCAL_IN, NF_INET_FORWARD, 4, 5, 31, 32, u32::MAX] {
        for content in [None, Some(Content::Sources(&sources)), Some(Content::Set(SetMatch { index: 1, revision: 4 }))]
        {
            let plan = Plan { chain: CHAIN, hook, content };
            let Ok(rewrite) = Rewrite::plan(family, "filter", &table.0, &table.1, plan) else { continue };
            let mut out = vec![0; table.1.len() + 4096];
            let counters = vec![0; usize::try_from(table.0.num_entries).unwrap() * COUNTERS_LEN];
            let Ok(Some(len)) = rewrite.replace(&mut out) else { continue };
            let size = u32::from_ne_bytes(out[40..44].try_into().unwrap());
            assert_eq!(len, REPLACE_LEN + usize::try_from(size).unwrap());
            let _ = rewrite.counters(&counters, &mut out);
        }
    }
    if let Ok(view) = View::new(family, &table.0, &table.1) {
        let _ = view.banned(CHAIN).unwrap().count();
    }
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_tables_are_refused_or_taken_but_never_panicked_over(
        family in family(),
        which in 0usize..2,
        cut in prop_oneof![3 => Just(usize::MAX), 1 => 0usize..2000],
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        words in prop::collection::vec((0usize..13, any::<prop::sample::Index>()), 0..3),
    ) {
        let (mut info, mut entries) = captured(family)[which].clone();
        entries.truncate(cut);
        for (at, value) in damage {
            if !entries.is_empty() {
                let at = at.index(entries.len());
                entries[at] = value;
            }
        }
        if cut < 1000 {
            info.size = u32::try_from(entries.len()).unwrap();
        }
        for (word, value) in words {
            // Multiples of 8 in the table's range, so that some are offsets of entries.
            let value = u32::try_from(value.index(400) * 8).unwrap();
            match word {
                0..5 => info.hook_entry[word] = value,
                5..10 => info.underflow[word - 5] = value,
                10 => info.num_entries = value / 8,
                11 => info.valid_hooks = value / 8,
                _ => info.size = value,
            }
        }
        must_not_panic(family, &(info, entries));
    }

    #[test]
    fn any_bytes_are_refused_or_taken_but_never_panicked_over(
        family in family(), entries in prop::collection::vec(any::<u8>(), 0..600), hooks in any::<[u32; 5]>(),
    ) {
        let size = u32::try_from(entries.len()).unwrap();
        let info = Info { valid_hooks: 14, hook_entry: hooks, underflow: hooks, num_entries: hooks[0] % 5, size };
        must_not_panic(family, &(info, entries));
    }
}

/// Where a rule of a random table goes.
#[derive(Clone, Copy, Debug)]
enum To {
    Drop(u8),
    /// A rule without a target.
    On,
    Chain(usize),
    Set,
}

fn to() -> impl Strategy<Value = To> {
    prop_oneof![any::<u8>().prop_map(To::Drop), Just(To::On), (0usize..4).prop_map(To::Chain), Just(To::Set)]
}

/// The names of a random table's chains; ours is among them or not.
const NAMES: [&str; 4] = ["Alpha", CHAIN, "edgebans", "zeta"];

/// A table of three built-in chains and those of [`NAMES`] that are `Some`.
fn build(family: Family, built_in: &[Vec<To>; 3], chains: &[Option<Vec<To>>; 4]) -> Table {
    let length = |to: &To| match to {
        To::Set => Rule::DropSet(SetMatch { index: 3, revision: 4 }).buffer_len(family),
        _ => Rule::Return.buffer_len(family),
    };
    let head = Rule::Head("").buffer_len(family);
    let sum = |rules: &[To]| rules.iter().map(length).sum::<usize>() + Rule::Return.buffer_len(family);
    let mut at: usize = built_in.iter().map(|rules| sum(rules)).sum();
    let starts: Vec<usize> = chains
        .iter()
        .map(|chain| {
            let Some(rules) = chain else { return usize::MAX };
            let start = at + head;
            at = start + sum(rules);
            start
        })
        .collect();
    let mut buffer = vec![0; at + head];
    let mut w = Writer::new(&mut buffer);
    let mut count = 0;
    let mut emit = |rule: Rule<'_>, w: &mut Writer<'_>| {
        rule.emit(family, w).unwrap();
        count += 1;
    };
    let mut info =
        Info { valid_hooks: 14, hook_entry: [u32::MAX; 5], underflow: [u32::MAX; 5], num_entries: 0, size: 0 };
    let offset = |w: &Writer<'_>| u32::try_from(w.len()).unwrap();
    let mut rules = |rules: &[To], w: &mut Writer<'_>| {
        for to in rules {
            let here = w.len();
            let jump = |to: usize| Rule::Jump(i32::try_from(to).unwrap());
            let on = here + Rule::Return.buffer_len(family);
            emit(
                match *to {
                    To::Drop(n) if family == Family::V4 => {
                        Rule::Drop(Prefix::new(Addr::v4([10, 0, 0, n]), 32).unwrap())
                    }
                    To::Drop(n) => Rule::Drop(Prefix::new(Addr::v6([32 + n % 2; 16]), n.clamp(1, 128)).unwrap()),
                    To::Chain(n) if chains[n].is_some() => jump(starts[n]),
                    To::On | To::Chain(_) => jump(on),
                    To::Set => Rule::DropSet(SetMatch { index: 3, revision: 4 }),
                },
                w,
            );
        }
        emit(Rule::Return, w);
    };
    for (hook, list) in built_in.iter().enumerate() {
        info.hook_entry[hook + 1] = offset(&w);
        rules(list, &mut w);
        info.underflow[hook + 1] = offset(&w) - u32::try_from(Rule::Return.buffer_len(family)).unwrap();
    }
    for (name, chain) in NAMES.iter().zip(chains) {
        if let Some(list) = chain {
            Rule::Head(name).emit(family, &mut w).unwrap();
            info.num_entries += 1;
            rules(list, &mut w);
        }
    }
    Rule::Head("ERROR").emit(family, &mut w).unwrap();
    info.num_entries += 1 + count;
    info.size = offset(&w);
    assert_eq!(w.len(), buffer.len());
    (info, buffer)
}

/// A table as text without offsets, one list of rules for each chain: an independent reader.
fn meaning(family: Family, (info, entries): &Table) -> Vec<(String, Vec<String>)> {
    let base = entry_len(family);
    let ip = if family == Family::V4 { 84 } else { 136 };
    let mut chains: Vec<(String, Vec<String>)> = Vec::new();
    let mut names = BTreeMap::new();
    for pass in 0..2 {
        chains.clear();
        let (mut at, mut count) = (0, 0);
        while at < entries.len() {
            let half = |at: usize| usize::from(u16::from_ne_bytes([entries[at], entries[at + 1]]));
            let (target, next) = (at + half(at + ip + 4), at + half(at + ip + 6));
            let text = |from: usize| {
                let len = entries[from..].iter().position(|&b| b == 0).unwrap();
                String::from_utf8(entries[from..from + len].to_vec()).unwrap()
            };
            if let Some(hook) = (1..4).find(|&hook| info.hook_entry[hook] == u32::try_from(at).unwrap()) {
                chains.push((format!("hook {hook}"), Vec::new()));
            }
            if text(target + 2) == "ERROR" {
                chains.push((text(target + 32), Vec::new()));
                names.insert(next, text(target + 32));
            } else if pass == 1 {
                let verdict = i32::from_ne_bytes(entries[target + 32..target + 36].try_into().unwrap());
                let to = match usize::try_from(verdict) {
                    Err(_) => format!("verdict {verdict}"),
                    Ok(to) if to == next => String::from("on"),
                    Ok(to) => format!("to {}", names[&to]),
                };
                let policy = (1..4).any(|hook| info.underflow[hook] == u32::try_from(at).unwrap());
                let policy = if policy { "policy " } else { "" };
                let what = [&entries[at..at + ip], &entries[at + base..target]].concat();
                chains.last_mut().unwrap().1.push(format!("{policy}{what:?} {to}"));
            }
            count += 1;
            at = next;
        }
        assert_eq!((at, count), (entries.len(), info.num_entries));
    }
    chains
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn all_that_is_not_ours_means_what_it_meant(
        family in family(),
        built_in in prop::array::uniform3(prop::collection::vec(to(), 0..8)),
        chains in prop::array::uniform4(prop::option::of(prop::collection::vec(to(), 0..5))),
        hook in 1u32..4,
        count in 0usize..3,
        want in any::<bool>(),
    ) {
        let table = build(family, &built_in, &chains);
        let sources = banned(family);
        let content = want.then_some(Content::Sources(&sources[..count]));
        let plan = Plan { chain: CHAIN, hook, content };
        let before = meaning(family, &table);
        let jump = format!("{:?} to {CHAIN}", vec![0u8; if family == Family::V4 { 84 } else { 136 }]);
        let built_in = format!("hook {hook}");
        let mut expected = before.clone();
        for (name, rules) in &mut expected {
            if *name == built_in {
                rules.retain(|rule| *rule != jump);
                if want {
                    rules.insert(0, jump.clone());
                }
            }
        }
        expected.retain(|(name, _)| name != CHAIN);
        let to_ours = format!(" to {CHAIN}");
        let referenced = expected.iter().any(|(_, rules)| rules.iter().any(|rule| rule.ends_with(&to_ours)));
        match rewrite(family, &table, plan) {
            Err(Refused::Referenced) => prop_assert!(!want && referenced),
            Err(refused) => prop_assert!(false, "{:?}", refused),
            Ok(new) => {
                prop_assert!(want || !referenced);
                let new = new.unwrap_or(table);
                let mut after = meaning(family, &new);
                let ours = after.iter().position(|(name, _)| name == CHAIN);
                prop_assert_eq!(ours.is_some(), want);
                if let Some(at) = ours {
                    let (_, rules) = after.remove(at);
                    prop_assert_eq!(rules.len(), count + 1);
                    prop_assert!(at == after.len() - 1 || after[at].0.as_str() > CHAIN);
                }
                prop_assert_eq!(after, expected);
                let view = View::new(family, &new.0, &new.1).unwrap();
                let shown: Vec<Prefix> = view.banned(CHAIN).unwrap().map(|(source, _)| source).collect();
                prop_assert_eq!(shown, if want { sources[..count].to_vec() } else { Vec::new() });
                prop_assert_eq!(rewrite(family, &new, plan), Ok(None));
            }
        }
    }
}

#[test]
fn as_many_jumps_as_the_limit_are_removed() {
    let family = Family::V4;
    for runs in [XT_JUMPS, XT_JUMPS + 1] {
        // Each run is two jumps.
        let input: Vec<To> = (0..runs).flat_map(|_| [To::On, To::Chain(1), To::Chain(1)]).collect();
        let table = build(family, &[input, vec![], vec![]], &[None, Some(vec![]), None, None]);
        for content in [None, Some(Content::Sources(&[]))] {
            let new = rewrite(family, &table, plan(content));
            if runs > XT_JUMPS {
                assert_eq!(new, Err(Refused::TooManyJumps));
            } else {
                let rules = meaning(family, &new.unwrap().unwrap())[0].1.len();
                assert_eq!(rules, runs + usize::from(content.is_some()) + 1);
            }
        }
    }
}
