//! Bytes of edgeban's own encoders, for tests that send them.

use edgeban_core::wire::buf::Writer;
use edgeban_core::wire::nfnl::{BatchBegin, BatchEnd};
use edgeban_core::wire::nft::scaffold::Scaffold;

/// What `write` writes into a buffer that was full of something else.
pub fn with(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0xa5; 200_000];
    let mut w = Writer::new(&mut buffer);
    write(&mut w);
    w.written().to_vec()
}

/// The scaffold as a batch with the numbers `first` (BATCH_BEGIN) and up, each message acked.
#[must_use]
pub fn scaffold(names: &Scaffold<'_>, first: u32) -> Vec<u8> {
    with(|w| {
        BatchBegin::default().emit(first, w).unwrap();
        let messages = names.emit(w, first.wrapping_add(1), true).unwrap();
        assert_eq!(messages, names.messages());
        BatchEnd.emit(first.wrapping_add(messages).wrapping_add(1), w).unwrap();
    })
}
