//! Bytes that nobody promised anything about: reading ends, in order, and without a panic.

use edgeban_core::own::Own;
use edgeban_core::time::Instant;
use edgeban_core::wire::buf::Attrs;
use edgeban_core::wire::ipset::answer::{Answers, Body};
use edgeban_core::wire::nl::Messages;
use edgeban_core::wire::reply::{NetlinkError, Replies, Reply};
use edgeban_core::wire::rt::Notice;
use edgeban_tests::fake_ipset::FakeIpset;
use edgeban_tests::fake_kernel::FakeKernel;
use proptest::prelude::*;

/// Reads all of it; the number of items is bounded by the bytes.
fn read(bytes: &[u8]) -> usize {
    let mut items = 0;
    for reply in Replies::new(bytes) {
        items += 1;
        if let Ok(Reply::Elements { elements, .. }) = reply {
            items += elements.count();
        }
    }
    for message in Messages::new(bytes).flatten() {
        if let Ok(Some(Notice::DefaultRoute { gateways, .. })) = Notice::parse(message) {
            let mut found = 0;
            let _ = gateways.each(&mut |_| found += 1);
            assert!(found <= message.payload.len());
        }
    }
    items
}

/// As [`read`], for one who listens to ipset.
fn read_ipset(bytes: &[u8]) -> usize {
    let mut items = 0;
    for answer in Answers::new(bytes) {
        items += 1;
        if let Ok(Body::Part(part)) = answer.map(|answer| answer.body) {
            items += part.count();
        }
    }
    items
}

fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(16 + payload.len()).unwrap().to_ne_bytes().to_vec();
    out.extend(kind.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    out.extend(7u32.to_ne_bytes());
    out.extend(0u32.to_ne_bytes());
    out.extend(payload);
    out
}

fn error(number: i32, flags: u16, request_len: u32, rest: &[u8]) -> Vec<u8> {
    let mut payload = number.to_ne_bytes().to_vec();
    payload.extend(request_len.to_ne_bytes());
    payload.extend([0; 12]);
    payload.extend(rest);
    message(2, flags, &payload)
}

/// Attributes inside attributes inside a message whose lengths are mostly right.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let attr = |inner: Vec<(u16, Vec<u8>, i8)>| {
        let mut out = Vec::new();
        for (kind, value, lie) in inner {
            let len = (value.len() as i64 + 4 + if lie > 100 { i64::from(lie) } else { 0 }) as u16;
            out.extend(len.to_ne_bytes());
            out.extend(kind.to_ne_bytes());
            out.extend(&value);
            out.resize(out.len().div_ceil(4) * 4, 0);
        }
        out
    };
    let leaf = prop::collection::vec((0u16..8, prop::collection::vec(any::<u8>(), 0..20), any::<i8>()), 0..4);
    let two = prop::collection::vec((0u16..8, leaf.prop_map(attr), any::<i8>()), 0..4);
    let three = prop::collection::vec((0u16..8, two.prop_map(attr), any::<i8>()), 0..4);
    let kind = prop_oneof![Just(2u16), Just(3), Just(0xa0c), Just(0xa0f), 0x601u16..0x610, any::<u16>()];
    let top = prop::collection::vec((1u16..4, three.prop_map(attr), any::<i8>()), 0..4).prop_map(attr);
    (kind, any::<u16>(), top).prop_map(|(kind, flags, attrs)| {
        let mut payload = vec![1, 0, 0, 0];
        payload.extend(attrs);
        message(kind, flags, &payload)
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes) <= bytes.len());
        prop_assert!(read_ipset(&bytes) <= bytes.len());
        prop_assert!(Attrs::new(&bytes).count() <= bytes.len());
        prop_assert!(Messages::new(&bytes).count() <= bytes.len());
    }

    #[test]
    fn routes_and_addresses_that_are_nearly_right_are_read_to_an_end(
        route: bool,
        family in prop::sample::select(vec![2u8, 10, 7]),
        attrs in prop::collection::vec(
            (prop::sample::select(vec![1u16, 2, 5, 9, 18]), prop_oneof![
                prop::collection::vec(any::<u8>(), 0..20),
                Just(vec![16, 0, 0, 0, 3, 0, 0, 0, 8, 0, 5, 0, 192, 0, 2, 1, 8, 0, 0, 0, 1, 0, 0, 0]),
                Just(vec![2, 0, 192, 0, 2, 1]),
            ], prop_oneof![9 => Just(0u16), 1 => 0u16..9]),
            0..5,
        ),
    ) {
        let mut payload = vec![family, 0, 0, 0, 0, 0, 0, 1];
        payload.resize(if route { 12 } else { 8 }, 0);
        for (kind, value, lie) in attrs {
            payload.extend((u16::try_from(value.len()).unwrap() + 4 + lie).to_ne_bytes());
            payload.extend(kind.to_ne_bytes());
            payload.extend(&value);
            payload.resize(payload.len().next_multiple_of(4), 0);
        }
        read(&message(if route { 24 } else { 20 }, 0, &payload));
        let mut own = Box::new(Own::new());
        own.follow();
        own.handle(&message(if route { 24 } else { 20 }, 0, &payload), Instant::ZERO);
    }

    #[test]
    fn messages_that_are_nearly_right_are_read_to_an_end(list in prop::collection::vec(nearly(), 0..4)) {
        let bytes = list.concat();
        prop_assert!(read(&bytes) <= bytes.len());
        prop_assert!(read_ipset(&bytes) <= bytes.len());
        // The fakes are as robust.
        FakeIpset::new().send(&bytes);
        let mut fake = FakeKernel::new();
        fake.send(&bytes);
        fake.send(&[message(0x10, 1, &[0, 0, 0, 10]), bytes].concat());
    }

    #[test]
    fn cut_or_bent_answers_are_read_to_an_end(at in 0usize..200, value: u8, cut in 0usize..200) {
        let mut bytes = error(-2, 0x300, 60, &[8, 0, 2, 0, 1, 2, 3, 4, 7, 0, 1, 0, b'n', b'o', 0, 0]);
        bytes.extend(message(3, 2, &[0; 4]));
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        bytes.truncate(cut);
        prop_assert!(read(&bytes) <= 3);
        prop_assert!(read_ipset(&bytes) <= 3);
    }
}

fn only(bytes: &[u8]) -> String {
    let all: Vec<_> = Replies::new(bytes).map(|reply| format!("{reply:?}")).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[test]
fn errors_are_read_capped_and_whole() {
    let tlvs = [8, 0, 2, 0, 0x1c, 0, 0, 0, 7, 0, 1, 0, b'n', b'o', 0, 0];
    let offset = u32::from_ne_bytes([0x1c, 0, 0, 0]);
    // Attributes behind 44 more bytes of the request, and behind its header alone.
    let whole = error(-2, 0x200, 60, &[&[0xff; 44][..], &tlvs].concat());
    let capped = error(-2, 0x300, 60, &tlvs);
    for bytes in [whole, capped] {
        let mut replies = Replies::new(&bytes);
        let Some(Ok(Reply::Error { seq: 7, error, text: Some(b"no"), offset: Some(at) })) = replies.next() else {
            panic!("{}", only(&bytes))
        };
        assert_eq!((error, at), (NetlinkError::ENOENT, offset));
        assert!(replies.next().is_none());
    }
    // Without the flag, what follows is the request and nothing else.
    assert_eq!(
        only(&error(-4103, 0, 60, &[0; 44])),
        "Ok(Error { seq: 7, error: IPSET_ERR_EXIST (4103), text: None, offset: None })"
    );
    assert_eq!(only(&error(-999, 0x100, 60, &[])), "Ok(Error { seq: 7, error: error 999, text: None, offset: None })");
    assert_eq!(only(&error(0, 0x100, 60, &[])), "Ok(Ack { seq: 7 })");
}

#[test]
fn what_contradicts_itself_is_malformed() {
    for bytes in [
        error(2, 0x100, 60, &[]),
        error(i32::MIN, 0x100, 60, &[]),
        error(-2, 0x200, 60, &[]),
        error(-2, 0x200, 3, &[]),
        error(-2, 0x200, u32::MAX, &[]),
        error(-2, 0x300, 60, &[3, 0, 1, 0]),
        error(-2, 0x300, 60, &[9, 0, 1, 0, 0, 0, 0, 0]),
        message(2, 0, &[0; 4]),
        message(3, 0, &[0; 3]),
        message(0xa0f, 0, &[0; 4]),
        message(0xa0f, 0, &[0, 0, 0, 0, 6, 0, 1, 0, 0, 0, 0, 0]),
        message(0xa0c, 0, &[0; 4]),
        message(0xa0c, 0, &[]),
        vec![0; 16],
        vec![1],
        [15u32.to_ne_bytes().to_vec(), vec![0; 12]].concat(),
        [u32::MAX.to_ne_bytes().to_vec(), vec![0; 12]].concat(),
    ] {
        assert_eq!(only(&bytes), "Err(Malformed)", "{bytes:02x?}");
    }
}
