//! How fast lines are framed, beside memchr counting the same newlines: `frame_speed FILE`.
//! The last row reads the file through the tail state machine, in chunks, as the daemon does.

use edgeban_core::limits::CHUNK;
use edgeban_core::source::line::Framer;
use edgeban_core::source::tail::{Action, FileKey, Start, Status, Tail};
use edgeban_core::time::Instant as Now;
use std::os::unix::fs::FileExt;
use std::time::Instant;

fn best(name: &str, bytes: usize, mut run: impl FnMut() -> u64) {
    let (mut best, mut count) = (f64::MAX, 0);
    for _ in 0..7 {
        let start = Instant::now();
        count = run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:28} {:7.1} ms {:7.0} MB/s {count} lines", best * 1e3, bytes as f64 / best / 1e6);
}

fn main() {
    let path = std::env::args().nth(1).expect("usage: frame_speed FILE");
    let text = std::fs::read(&path).expect("readable");
    best("memchr_iter().count()", text.len(), || memchr::memchr_iter(b'\n', &text).count() as u64);
    best("memchr_iter(), each newline", text.len(), || {
        memchr::memchr_iter(b'\n', &text).fold(0, |n, at| std::hint::black_box(at).min(1) as u64 + n)
    });
    best("framer, one chunk", text.len(), || {
        let mut lines = 0;
        let _ = Framer::new().feed(&text, |line| lines += u64::from(std::hint::black_box(line).len() < usize::MAX));
        lines
    });
    let file = std::fs::File::open(&path).expect("readable");
    let mut buffer = vec![0; CHUNK];
    best("pread alone", text.len(), || {
        let mut pos = 0;
        while let Ok(len @ 1..) = file.read_at(&mut buffer, pos) {
            pos += len as u64;
        }
        pos / text.len().max(1) as u64
    });
    best("pread and tail", text.len(), || {
        let mut tail = Tail::new(Start::Beginning);
        let status = Status { key: FileKey { dev: 1, ino: 1 }, size: text.len() as u64, links: 1 };
        let mut lines = 0;
        while let Some(action) = tail.poll(Now::ZERO) {
            match action {
                Action::Look => tail.looked(Ok(status), Now::ZERO),
                Action::Open(slot) => tail.opened(slot, Ok(status), Now::ZERO),
                Action::Read(slot, pos) => {
                    let len = file.read_at(&mut buffer, pos).expect("readable");
                    tail.bytes(slot, &buffer[..len], len == CHUNK, Now::ZERO, |line| {
                        lines += u64::from(std::hint::black_box(line).len() < usize::MAX);
                    });
                }
                Action::Check(_) | Action::Close(_) => break,
            }
        }
        lines
    });
}
