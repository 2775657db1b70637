//! What the kernel's audit says of OpenSSH: `type=USER_AUTH msg=audit(SECONDS:NUMBER): pid=N uid=0 auid=N ses=N subj=CONTEXT msg='op=...
//! acct=NAME exe="/usr/sbin/sshd" hostname=NAME addr=ADDRESS terminal=ssh res=failed'`, in auditd's own log, or without `type=` and
//! `msg=` through syslog.
//!
//! Only root may write there. A name with a space or a quote is in hexadecimal.

use super::text::after_any;
use super::{split_first, split_last};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let text = message.strip_prefix(b"type=").unwrap_or(message);
    let text = after_any(text, &[b"USER_ERR ", b"USER_AUTH "])?;
    let (who, what) = split_first(text, b" msg='")?;
    // auditd repeats the names behind a separator of its own.
    let what = split_first(what, b"\x1d").map_or(what, |(what, _)| what);
    let (what, address) = split_last(what.strip_suffix(b" terminal=ssh res=failed'")?, b" addr=")?;
    let (what, _hostname) = split_last(what, b" hostname=")?;
    let (_, program) = split_last(what.strip_suffix(b"\"")?, b" exe=\"")?;
    let is_sshd = matches!(split_last(program, b"/"), Some((_, b"sshd" | b"sshd-session" | b"sshd-auth")));
    split_first(who, b" uid=0 ")?;
    if is_sshd { Addr::parse(address).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;
    use std::format;

    #[test]
    fn each_message_names_its_peer() {
        let head =
            "USER_AUTH msg=audit(1383116263.000:603): pid=12887 uid=0 auid=4294967295 ses=4294967295 subj=unconfined";
        let tail = "hostname=a.example addr=10.1.1.1 terminal=ssh res=failed'";
        for (message, want) in [
            (format!("type={head} msg='op=password acct=\"a\" exe=\"/usr/sbin/sshd\" {tail}"), OURS),
            (format!("type={head} msg='op=PAM:bad_ident grantors=? acct=\"?\" exe=\"/usr/lib/openssh/sshd-session\" {tail}\u{1d}UID=\"root\" AUID=\"unset\""), OURS),
            ("USER_AUTH pid=5 uid=0 auid=1 ses=2 subj=x msg='op=PAM:authentication acct=\"a\" exe=\"/usr/sbin/sshd\" hostname=10.1.1.1 addr=10.1.1.1 terminal=ssh res=failed'".into(), OURS),
            (format!("type=USER_LOGIN {head} msg='op=login acct=\"a\" exe=\"/usr/sbin/sshd\" {tail}"), None),
            (format!("type={head} msg='op=password acct=\"a\" exe=\"/usr/bin/su\" {tail}"), None),
            (format!("type={} msg='op=password acct=\"a\" exe=\"/usr/sbin/sshd\" {tail}", head.replace("uid=0", "uid=1")), None),
            (format!("type={head} msg='op=password acct=\"a\" exe=\"/usr/sbin/sshd\" hostname=? addr=9.9.9.9 terminal=ssh res=success'"), None),
            (format!("type={head} msg='op=password acct=\"a'addr=9.9.9.9\" exe=\"/usr/sbin/sshd\" {tail}"), OURS),
        ] {
            hold(&[], read, &[(&message, want)]);
        }
    }
}
