//! An engine and the fake kernel, talking until neither has more to say.

use crate::fake_kernel::FakeKernel;
use edgeban_core::engine::Engine;
use edgeban_core::event::Event;
use edgeban_core::firewall::nft::DATAGRAM;
use edgeban_core::time::Instant;

/// What the daemon does in one turn of its loop; each event is shown beside the kernel as it is by then.
///
/// # Panics
/// If the engine never stops sending.
pub fn turn<const T: usize, const TI: usize, const B: usize, const BI: usize>(
    engine: &mut Engine<'_, T, TI, B, BI>,
    kernel: &mut FakeKernel,
    now: Instant,
    mut observe: impl FnMut(&FakeKernel, Event),
) {
    let mut out = vec![0xa5; DATAGRAM];
    for _ in 0..1000 {
        let mut sent = false;
        while let Some(len) = engine.poll_transmit(now, &mut out) {
            sent = true;
            for reply in kernel.send(&out[..len]) {
                engine.handle_datagram(&reply, now);
            }
            if kernel.take_overrun() {
                engine.handle_loss(now);
            }
        }
        while let Some(event) = engine.poll_event() {
            observe(kernel, event);
        }
        if !sent {
            return;
        }
    }
    panic!("the engine sends for ever");
}
