//! Port scans, by what firewall rules log: `net/netfilter/nf_log_syslog.c` of Linux, for nft's `log` and iptables' `LOG`.
//!
//! `PREFIX IN=DEVICE OUT=[DEVICE] ... SRC=ADDRESS DST=ADDRESS LEN=N ... PROTO=TCP SPT=N DPT=N ... RES=0xNN FLAGS URGP=N`
//!
//! Counted are TCP packets without ACK and RST: connection requests, and the scans that leave out SYN. Everything
//! else may be a late answer: of a DNS server, of a web server to a connection that is forgotten here, an error message of a
//! router. UDP never counts. Prefixes with `accept`, `allow` or `audit` are of rules that let the packet pass. What the peer
//! chooses in a message are numbers, but its address is only what the packet says: who can send with another's address can
//! have that one banned.

use super::text::{contains, word};
use super::{split_first, split_last};
use crate::addr::Addr;

/// Whose packet a message is about.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const PASSED: [&[u8]; 3] = [b"accept", b"allow", b"audit"];
    let (before, after) = split_first(message, b" OUT=")?;
    let (prefix, device) = split_last(before, b"IN=")?;
    let passed = PASSED.iter().any(|word| prefix.windows(word.len()).any(|text| text.eq_ignore_ascii_case(word)));
    // What this machine itself sends came in nowhere.
    if device.is_empty() || device.contains(&b' ') || passed {
        return None;
    }
    let (_devices, rest) = split_first(after, b" SRC=")?;
    let (source, rest) = word(rest)?;
    let (_destination, rest) = word(rest.strip_prefix(b"DST=")?)?;
    let (ip, tcp) = split_first(rest.strip_prefix(b"LEN=")?, b" PROTO=TCP SPT=")?;
    // An error message quotes the packet that it is about.
    if contains(ip, b" PROTO=") {
        return None;
    }
    let (_, rest) = split_first(tcp, b" RES=0x")?;
    let (_reserved, rest) = word(rest)?;
    let (flags, _) = split_first(rest, b"URGP=")?;
    let answers = flags.split(|b| *b == b' ').any(|flag| flag == b"ACK" || flag == b"RST");
    if answers { None } else { Addr::parse(source).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    fn told(message: &str) -> Option<std::string::String> {
        read(message.as_bytes()).map(|addr| addr.to_string())
    }

    #[test]
    fn connection_requests_name_their_source() {
        for (message, want) in [
            // As Linux 6.18 wrote them.
            (
                "drop wan in: IN=wan0 OUT= MAC=9e:ca:22:38:3b:2c:12:58:c7:3c:9b:90:08:00 SRC=10.0.0.66 DST=10.0.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=34347 DF PROTO=TCP SPT=48684 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 ",
                "10.0.0.66",
            ),
            (
                "[UFW BLOCK] IN=wan0 OUT= MACSRC=12:58:c7:3c:9b:90 MACDST=9e:ca:22:38:3b:2c MACPROTO=0800 SRC=10.0.0.66 DST=10.0.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=19894 DF PROTO=TCP SPT=44000 DPT=25 SEQ=1580558676 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B40402080AF9A7DC7F000000000103030A) ",
                "10.0.0.66",
            ),
            (
                "drop wan in: IN=wan0 OUT= MAC=9e:ca:22:38:3b:2c:12:58:c7:3c:9b:90:86:dd SRC=2001:0db8:0000:0000:0000:0000:0000:0066 DST=2001:0db8:0000:0000:0000:0000:0000:0001 LEN=80 TC=0 HOPLIMIT=64 FLOWLBL=114659 PROTO=TCP SPT=40746 DPT=23 WINDOW=64800 RES=0x00 SYN URGP=0 ",
                "2001:db8::66",
            ),
            (
                "reject wan forward: IN=wan OUT=br-lan PHYSIN=a PHYSOUT=b SRC=10.0.0.66 DST=192.168.1.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=23 WINDOW=1 RES=0x00 CWR ECE SYN URGP=0",
                "10.0.0.66",
            ),
            (
                "Shorewall:net-fw:DROP:IN=eth0 OUT= SRC=10.0.0.66 DST=10.0.0.1 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=23 WINDOW=1 RES=0x00 SYN URGP=0 MARK=0x1",
                "10.0.0.66",
            ),
        ] {
            assert_eq!(told(message).as_deref(), Some(want), "{message}");
        }
        for flags in ["", "FIN ", "URG PSH FIN "] {
            let message = format!(
                "IN=wan OUT= SRC=10.0.0.66 DST=10.0.0.1 LEN=40 TOS=0x00 PROTO=TCP SPT=1 DPT=23 WINDOW=1 RES=0x00 {flags}URGP=0"
            );
            assert_eq!(told(&message).as_deref(), Some("10.0.0.66"), "{message}");
        }
    }

    #[test]
    fn what_may_be_an_answer_or_was_let_pass_counts_nothing() {
        const TCP: &str =
            "SRC=10.0.0.66 DST=10.0.0.1 LEN=40 TOS=0x00 PROTO=TCP SPT=1 DPT=23 WINDOW=1 RES=0x00 SYN URGP=0";
        for message in [
            format!("IN= OUT=wan {TCP}"),
            format!("[UFW ALLOW] IN=wan OUT= {TCP}"),
            format!("[UFW AUDIT] IN=wan OUT= {TCP}"),
            format!("Shorewall:net-fw:ACCEPT:IN=wan OUT= {TCP}"),
            format!("IN=wan OUT= {}", TCP.replace("SYN", "ACK SYN")),
            format!("IN=wan OUT= {}", TCP.replace("SYN", "RST")),
            format!("IN=wan OUT= {}", TCP.replace("SYN", "ACK FIN")),
            format!("IN=wan OUT= {}", TCP.replace("10.0.0.66", "010.0.0.66")),
            format!("IN=wan OUT= SRC=10.0.0.5 DST=10.0.0.1 LEN=88 TOS=0x00 PROTO=ICMP TYPE=3 CODE=1 [{TCP} ] "),
            "IN=wan OUT= SRC=10.0.0.66 DST=10.0.0.1 LEN=30 TOS=0x00 PROTO=UDP SPT=53 DPT=39914 LEN=10".to_string(),
            "IN=wan OUT= SRC=10.0.0.66 DST=10.0.0.1 LEN=40 TOS=0x00 FRAG:64 PROTO=TCP".to_string(),
            "IN=wan OUT= SRC=10.0.0.66 DST=10.0.0.1 LEN=40 TOS=0x00 PROTO=TCP INCOMPLETE [8 bytes] ".to_string(),
        ] {
            assert_eq!(told(&message), None, "{message}");
        }
    }
}
