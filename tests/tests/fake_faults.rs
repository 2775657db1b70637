//! The faults of the fake kernel are the kernel's: what is answered, and what is kept.

use edgeban_core::addr::Addr;
use edgeban_core::time::Duration;
use edgeban_core::wire::nfnl::{BatchBegin, BatchEnd};
use edgeban_core::wire::nft::elem::{Change, ElemList};
use edgeban_core::wire::nft::generation::GetGen;
use edgeban_core::wire::nft::scaffold::{SET_V4, Scaffold};
use edgeban_core::wire::nl::Tag;
use edgeban_core::wire::reply::{Replies, Reply};
use edgeban_tests::bytes::{self, with};
use edgeban_tests::fake_kernel::{FakeKernel, Fault};

const TABLE: &str = "edgeban";

fn ready() -> FakeKernel {
    let names = Scaffold { size: Some(3), ..Scaffold::plain(TABLE) };
    let mut kernel = FakeKernel::new();
    assert_eq!(u32::try_from(kernel.send(&bytes::scaffold(&names, 1)).len()), Ok(names.messages()));
    kernel
}

/// BATCH_BEGIN 10, an element each of 11, 12 and 13, BATCH_END 14.
fn three(change: Change) -> Vec<u8> {
    with(|w| {
        BatchBegin::default().emit(10, w).unwrap();
        for n in 1..=3 {
            let mut list = ElemList::begin(w, Tag::acked(10 + u32::from(n)), change, TABLE, SET_V4, 32).unwrap();
            list.push(Addr::v4([192, 0, 2, n]), Some(Duration::from_secs(60))).unwrap();
            assert_eq!(list.finish(), 1);
        }
        BatchEnd.emit(14, w).unwrap();
    })
}

fn answers(datagrams: &[Vec<u8>]) -> Vec<(u32, i32)> {
    let replies = datagrams.iter().flat_map(|datagram| Replies::new(datagram));
    replies
        .map(|reply| match reply.unwrap() {
            Reply::Ack { seq } => (seq, 0),
            Reply::Error { seq, error, .. } => (seq, error.get()),
            Reply::NewGen { seq, .. } => (seq, -1),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// A fault, the answers (sequence number, error), and how many elements are there afterwards.
type Case = (Fault, &'static [(u32, i32)], usize);

#[test]
fn each_fault_answers_and_keeps_what_the_kernel_would() {
    let all = [(11, 0), (12, 0), (13, 0)];
    let cases: [Case; 7] = [
        (Fault::Errno { message: 1, errno: 12 }, &[(11, 0), (12, 12), (13, 0)], 0),
        (Fault::Commit(12), &[(10, 12), (11, 0), (12, 0), (13, 0)], 0),
        (Fault::Permission, &[(10, 1)], 0),
        (Fault::NoReply, &[], 3),
        (Fault::Overrun { keep: 1 }, &[(11, 0)], 3),
        (Fault::LoseReply { message: 2 }, &[(11, 0), (12, 0)], 3),
        (Fault::Reorder, &[(13, 0), (12, 0), (11, 0)], 3),
    ];
    for (fault, want, kept) in cases {
        let mut kernel = ready();
        let generation = kernel.generation();
        kernel.inject(fault);
        assert_eq!(answers(&kernel.send(&three(Change::New))), want, "{fault:?}");
        assert_eq!(kernel.elements(TABLE, SET_V4, 0).len(), kept, "{fault:?}");
        assert_eq!(kernel.generation() - generation, u32::from(kept > 0), "{fault:?}");
        assert_eq!(kernel.take_overrun(), matches!(fault, Fault::Overrun { .. }));
        assert!(!kernel.take_overrun());
        // It happens once.
        assert_eq!(answers(&kernel.send(&three(Change::New))), all, "{fault:?}");
        assert_eq!(kernel.elements(TABLE, SET_V4, 0).len(), 3);
    }
}

#[test]
fn a_failed_batch_is_undone_element_by_element() {
    let mut kernel = ready();
    kernel.send(&three(Change::New));
    let before = kernel.elements(TABLE, SET_V4, 0);
    kernel.inject(Fault::Errno { message: 2, errno: 12 });
    assert_eq!(answers(&kernel.send(&three(Change::Del))), [(11, 0), (12, 0), (13, 12)]);
    assert_eq!(kernel.elements(TABLE, SET_V4, 0), before);
    assert_eq!(answers(&kernel.send(&three(Change::Del))), [(11, 0), (12, 0), (13, 0)]);
    assert!(kernel.elements(TABLE, SET_V4, 0).is_empty());
}

#[test]
fn elements_end_at_their_time_and_make_room_when_collected() {
    let mut kernel = ready();
    kernel.send(&three(Change::New));
    kernel.set_now(59_999);
    assert_eq!(kernel.elements(TABLE, SET_V4, 59_999).len(), 3);
    kernel.set_now(60_000);
    assert!(kernel.elements(TABLE, SET_V4, 60_000).is_empty());
    assert_eq!(answers(&kernel.send(&three(Change::Del))), [(11, 2), (12, 2), (13, 2)]);
    kernel.set_now(61_000);
    assert_eq!(answers(&kernel.send(&three(Change::New))), [(11, 0), (12, 0), (13, 0)]);
}

#[test]
fn an_outside_flush_is_noticed_by_errors_and_the_generation() {
    let mut kernel = ready();
    let ask = with(|w| GetGen.emit(Tag::silent(5), w).unwrap());
    assert_eq!(answers(&kernel.send(&ask)), [(5, -1)]);
    let stale = kernel.generation();
    kernel.flush_ruleset();
    assert_eq!(kernel.ruleset(), "");
    assert_eq!(answers(&kernel.send(&three(Change::New))), [(11, 2), (12, 2), (13, 2)]);
    let batch = with(|w| {
        BatchBegin { generation: Some(stale) }.emit(1, w).unwrap();
        BatchEnd.emit(2, w).unwrap();
    });
    assert_eq!(answers(&kernel.send(&batch)), [(1, 85)]);
}
