//! rtnetlink, byte for byte: what the kernel (6.18) answers and tells, caught in a network namespace that the command at
//! each vector was run in, with the port ids set to 0. The bytes are those of a little-endian machine.
#![cfg(target_endian = "little")]

use edgeban_core::wire::buf::Writer;
use edgeban_core::wire::nl::Messages;
use edgeban_core::wire::rt::{Dump, GetLink, List, Notice};
use edgeban_core::wire::uapi::rtnetlink::{AF_INET, AF_INET6};
use edgeban_tests::hex;

/// What a message says, as text.
fn read(bytes: &[u8]) -> String {
    let message = Messages::new(bytes).next().unwrap().unwrap();
    let sign = |gone| if gone { '-' } else { '+' };
    match Notice::parse(message).unwrap() {
        None => "nothing".into(),
        Some(Notice::Device) => "device".into(),
        Some(Notice::Address { gone, addr }) => format!("{}{addr}", sign(gone)),
        Some(Notice::DefaultRoute { gone, gateways }) => {
            let mut text = format!("{}via", sign(gone));
            gateways.each(&mut |addr| text.push_str(&format!(" {addr}"))).unwrap();
            text
        }
    }
}

const VECTORS: &[(&str, &str, &str)] = &[
    (
        "ip addr add 192.0.2.1/24 dev wan (in a list)",
        "4c000000140002000700000000000000021880000300000008000100c000020108000200c00002010800030077616e00080008008000000014000600ffffffffffffffff6be601006be60100",
        "+192.0.2.1",
    ),
    (
        "ip addr add 198.51.100.1 peer 198.51.100.2/32 dev lan (in a list)",
        "4c000000140002000700000000000000022080000500000008000100c633640208000200c6336401080003006c616e00080008008000000014000600ffffffffffffffff6ce601006ce60100",
        "+198.51.100.1",
    ),
    (
        "ip -6 addr add 2001:db8::1/64 dev wan nodad (in a list)",
        "480000001400020007000000000000000a408200030000001400010020010db800000000000000000000000114000600ffffffffffffffff6ce601006ce601000800080082000000",
        "+2001:db8::1",
    ),
    (
        "ip -6 addr add 2001:db8:1::1 peer 2001:db8:1::2/128 dev lan nodad (in a list)",
        "5c0000001400020007000000000000000a808200050000001400020020010db80001000000000000000000011400010020010db800010000000000000000000214000600ffffffffffffffff6ce601006ce601000800080082000000",
        "+2001:db8:1::1",
    ),
    (
        "ip link set wan up: a tentative link-local address (in a list)",
        "500000001400020007000000000000000a40c0fd0300000014000100fe800000000000008443a4fffe9fefe814000600ffffffffffffffff6ae601006ae6010008000800c000000005000b0003000000",
        "+fe80::8443:a4ff:fe9f:efe8",
    ),
    (
        "ip route add default table 100 via 192.0.2.253 (in a list)",
        "3400000018000200070000000000000002000000640300010000000008000f006400000008000500c00002fd0800040003000000",
        "+via 192.0.2.253",
    ),
    (
        "ip route add default metric 7 nexthop via 192.0.2.251 dev wan weight 1 nexthop via 192.0.2.252 dev wan weight 2 (in a list)",
        "5000000018000200070000000000000002000000fe0300010000000008000f00fe000000080006000700000024000900100000000300000008000500c00002fb100000010300000008000500c00002fc",
        "+via 192.0.2.251 192.0.2.252",
    ),
    (
        "ip -4 route add default metric 8 via inet6 2001:db8::ee dev wan (in a list)",
        "4c00000018000200070000000000000002000000fe0300010000000008000f00fe0000000800060008000000160012000a0020010db80000000000000000000000ee00000800040003000000",
        "+via 2001:db8::ee",
    ),
    (
        "ip route add default metric 9 dev lan (in a list)",
        "3400000018000200070000000000000002000000fe03fd010000000008000f00fe00000008000600090000000800040005000000",
        "+via",
    ),
    (
        "ip nexthop add id 5 via 192.0.2.250 dev wan; ip route add default metric 10 nhid 5 (in a list)",
        "4400000018000200070000000000000002000000fe0300010000000008000f00fe000000080006000a00000008001e000500000008000500c00002fa0800040003000000",
        "+via 192.0.2.250",
    ),
    (
        "ip route add unreachable default metric 4000 (in a list)",
        "2c00000018000200070000000000000002000000fe0300070000000008000f00fe00000008000600a00f0000",
        "nothing",
    ),
    (
        "ip route add 203.0.113.0/24 via 192.0.2.200 (in a list)",
        "3c00000018000200070000000000000002180000fe0300010000000008000f00fe00000008000100cb00710008000500c00002c80800040003000000",
        "nothing",
    ),
    (
        "ip -6 route add default via 2001:db8::fe (in a list)",
        "740000001800020007000000000000000a000000fe0300010000000008000f00fe00000008000600000400001400050020010db80000000000000000000000fe080004000300000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000",
        "+via 2001:db8::fe",
    ),
    (
        "ip -6 route add default metric 2000 nexthop via 2001:db8::f1 dev wan nexthop via fe80::f2 dev wan (in a list)",
        "940000001800020007000000000000000a000000fe0300010000000008000f00fe00000008000600d00700003c0009001c000000030000001400050020010db80000000000000000000000f11c0000000300000014000500fe8000000000000000000000000000f224000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000",
        "+via 2001:db8::f1 fe80::f2",
    ),
    (
        "ip addr del 192.0.2.9/24 dev wan (told)",
        "4c0000001500000079f8056b00000000021881000300000008000100c000020908000200c00002090800030077616e00080008008100000014000600ffffffffffffffff82e6010082e60100",
        "-192.0.2.9",
    ),
    (
        "ip route replace default via 192.0.2.222 (told)",
        "340000001800000179f8056b0000000002000000fe0300010000000008000f00fe00000008000500c00002de0800040003000000",
        "+via 192.0.2.222",
    ),
    (
        "ip route del default via 192.0.2.222 (told)",
        "340000001900000079f8056b0000000002000000fe0300010000000008000f00fe00000008000500c00002de0800040003000000",
        "-via 192.0.2.222",
    ),
    (
        "ip -4 route add default metric 21 nexthop via 192.0.2.231 dev wan nexthop via inet6 2001:db8::32 dev wan (told)",
        "600000001800000679f8056b0000000002000000fe0300010000000008000f00fe000000080006001500000034000900100000000300000008000500c00002e72000000003000000160012000a0020010db80000000000000000000000320000",
        "+via 192.0.2.231 2001:db8::32",
    ),
    (
        "ip link add wan type veth peer name lan (told of wan; its attributes are cut off)",
        "2000000010000000000000000000000000000100030000000210 0000ffffffff",
        "device",
    ),
    (
        "ip link set wan up (told; its attributes are cut off)",
        "200000001000000000000000000000000000010003000000031000000100 0000",
        "device",
    ),
    (
        "ip link set wan mtu 1400 (told; its attributes are cut off)",
        "200000001000000000000000000000000000010003000000031000000000 0000",
        "nothing",
    ),
    ("(ends a list)", "1400000003000200070000000000000000000000", "nothing"),
];

#[test]
fn the_kernels_messages_are_read() {
    for (command, bytes, want) in VECTORS {
        assert_eq!(&read(&hex::bytes(bytes)), want, "{command}");
    }
}

#[test]
fn what_breaks_off_is_malformed_and_never_misread() {
    for (command, bytes, want) in VECTORS {
        let whole = hex::bytes(bytes);
        for len in 16..whole.len() {
            let mut bytes = whole[..len].to_vec();
            bytes[..4].copy_from_slice(&u32::try_from(len).unwrap().to_ne_bytes());
            let message = Messages::new(&bytes).next().unwrap().unwrap();
            match Notice::parse(message) {
                Ok(Some(Notice::DefaultRoute { gateways, .. })) => {
                    let mut found = Vec::new();
                    let _ = gateways.each(&mut |addr| found.push(addr.to_string()));
                    assert!(found.iter().all(|addr| want.contains(addr)), "{command}, cut at {len}: {found:?}");
                }
                Ok(Some(Notice::Address { addr, .. })) => {
                    // A point-to-point address whose second half is missing reads as the other end's.
                    let local = want.ends_with(&addr.to_string()) || command.contains("peer");
                    assert!(local, "{command}, cut at {len}: {addr}");
                }
                Ok(Some(Notice::Device)) => panic!("{command}, cut at {len}"),
                Ok(None) | Err(_) => {}
            }
        }
    }
}

#[test]
fn requests_are_those_of_a_plain_ip_command() {
    // strace of `ip -4 addr` and `ip -6 route` shows the same header and family, then zeros (and, for its filters, more).
    for (list, family, want) in [
        (List::Addresses, AF_INET, "18000000160001030700000000000000 0200000000000000"),
        (List::Addresses, AF_INET6, "18000000160001030700000000000000 0a00000000000000"),
        (List::Routes, AF_INET, "1c0000001a0001030700000000000000 020000000000000000000000"),
        (List::Routes, AF_INET6, "1c0000001a0001030700000000000000 0a0000000000000000000000"),
    ] {
        let mut buffer = [0xa5; 64];
        let mut w = Writer::new(&mut buffer);
        Dump { list, family }.emit(7, &mut w).unwrap();
        hex::assert_same("request", &hex::bytes(want), w.written());
        let short = w.len() - 1;
        assert!(Dump { list, family }.emit(7, &mut Writer::new(&mut buffer[..short])).is_err());
    }
    // `ip link show dev wan`, without the attribute by which it asks for more.
    let mut buffer = [0xa5; 64];
    let mut w = Writer::new(&mut buffer);
    GetLink { name: "wan" }.emit(7, &mut w).unwrap();
    let want = "28000000120001000700000000000000 00000000000000000000000000000000 0800030077616e00";
    hex::assert_same("request", &hex::bytes(want), w.written());
    assert!(GetLink { name: "wan" }.emit(7, &mut Writer::new(&mut buffer[..39])).is_err());
}
