//! What the rules of a legacy table cost: each packet, and each change of one rule. As root:
//! `cargo run --release -p edgeban-tests --example xt_speed`

use edgeban_core::addr::{Addr, Family, Prefix};
use edgeban_core::firewall::xt::{Content, Plan};
use edgeban_core::limits::XT_RULES;
use edgeban_core::wire::uapi::netfilter::NF_INET_LOCAL_IN;
use edgeban_tests::netlink::enter_new_namespace;
use edgeban_tests::xtables::{Kernel, run};
use std::net::UdpSocket;
use std::time::Instant;

const PACKETS: u32 = 100_000;
const CHANGES: u32 = 20;

fn main() {
    enter_new_namespace();
    let _ = run("ip", "link set lo up", "");
    let to = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = to.local_addr().unwrap();
    let sources: Vec<Prefix> = (0..XT_RULES)
        .map(|n| {
            let [.., high, low] = n.to_be_bytes();
            Prefix::new(Addr::v4([10, 1, high, low]), 32).unwrap()
        })
        .collect();
    let kernel = Kernel::open(Family::V4);
    println!("rules  us/packet  us/change");
    for count in [0, 1, 64, 256, 512, XT_RULES] {
        let plan = |list| Plan { chain: "edgeban", hook: NF_INET_LOCAL_IN, content: Some(Content::Sources(list)) };
        let list = &sources[..count];
        let _ = kernel.change("filter", plan(list)).unwrap();
        let start = Instant::now();
        for _ in 0..PACKETS {
            to.send_to(b"x", address).unwrap();
        }
        let packet = start.elapsed() / PACKETS;
        let start = Instant::now();
        for n in 0..CHANGES {
            // One rule goes, or comes back.
            let shorter = list.len().saturating_sub(1 - usize::try_from(n % 2).unwrap());
            let _ = kernel.change("filter", plan(&list[..shorter])).unwrap();
        }
        let change = start.elapsed() / CHANGES;
        println!("{count:5}  {:9.2}  {:9}", packet.as_secs_f64() * 1e6, change.as_micros());
    }
}
