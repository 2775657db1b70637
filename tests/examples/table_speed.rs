//! What an insertion into a table costs while its index grows: on average, and the longest of a million.
//!
//! `cargo run --release -p edgeban-tests --example table_speed`

use edgeban_core::addr::Addr;
use edgeban_core::table::{HashKey, Table};
use std::time::{Duration, Instant};

const ENTRIES: u32 = 1 << 20;

type Large = Table<Addr, [u64; 4], { 1 << 20 }, { 1 << 21 }>;

fn measure() {
    let mut table = Box::new(Large::new());
    table.set_key(HashKey(0x1234_5678, 0x9abc_def0));
    // Sorted, the tails of three passes tell what is ours from what is an interruption, which never hits the same twice.
    let mut least = vec![Duration::MAX; usize::try_from(ENTRIES).unwrap()];
    let mut total = Duration::MAX;
    for _ in 0..3 {
        *table = Large::new();
        table.set_key(HashKey(0x1234_5678, 0x9abc_def0));
        let start = Instant::now();
        for (number, least) in (0..ENTRIES).zip(&mut least) {
            let key = Addr::v4(number.wrapping_mul(0x9e37_79b1).to_be_bytes());
            let begin = Instant::now();
            assert!(table.find(&key).is_none() && table.insert(key, [0; 4]).is_ok());
            *least = begin.elapsed().min(*least);
        }
        total = total.min(start.elapsed());
    }
    least.sort_unstable();
    let at = |share: f64| least[((least.len() - 1) as f64 * share) as usize];
    println!("{ENTRIES} insertions, each after a search: {total:?}");
    println!("one: median {:?}, 99.9 % {:?}, longest {:?}", at(0.5), at(0.999), at(1.0));
}

fn main() {
    // The table is made on the stack.
    std::thread::Builder::new().stack_size(1 << 29).spawn(measure).unwrap().join().unwrap();
}
