//! Authelia, as `handlers/response.go` and its kin write it by logrus: `time="..." level=error msg="Unsuccessful 1FA
//! authentication attempt by user 'NAME'" ... remote_ip=ADDRESS`, or the same as JSON.
//!
//! logrus quotes and escapes what the peer wrote, and sorts the fields: `remote_ip` stands behind all of them.
//!
//! Authelia takes the first address of `X-Forwarded-For`: the proxy before it must set this header anew, as Traefik and
//! Caddy do, and nginx by `proxy_set_header X-Forwarded-For $remote_addr`. With a proxy that only adds to what the peer sent, the
//! peer chooses the address.

use super::split_last;
use super::text::{undated, word};
use crate::addr::Addr;
use crate::detect::json::Object;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    if message.first() == Some(&b'{') {
        let [text, peer] = Object::parse(message)?.fields(["msg", "remote_ip"])?;
        return if is_failure(text?.text()?.raw()) { peer?.addr() } else { None };
    }
    let text = undated(message).strip_prefix(b"level=error msg=\"")?;
    let (_, last) = split_last(text, b" remote_ip=")?;
    let (address, rest) = word(last).unwrap_or((last, b""));
    if !is_failure(text) || !rest.is_empty() && !rest.starts_with(b"stack=") {
        return None;
    }
    // IPv6 stands in quotes.
    let plain = address.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    Addr::parse(plain.unwrap_or(address)).ok()
}

/// `Unsuccessful 1FA authentication attempt by user 'NAME'`, and the same of `TOTP`, `WebAuthn`, `Duo`, `Passkey`, ...
fn is_failure(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"Unsuccessful ").and_then(word);
    rest.is_some_and(|(_factor, rest)| rest.starts_with(b"authentication attempt by user '"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_client() {
        let ours = Some("10.1.1.1");
        for (message, want) in [
            (
                r#"level=error msg="Unsuccessful 1FA authentication attempt by user 'a'" error="user not found" method=POST path=/api/firstfactor remote_ip=10.1.1.1"#,
                ours,
            ),
            (
                r#"time="2026-11-24T05:00:00+01:00" level=error msg="Unsuccessful TOTP authentication attempt by user 'a'" method=POST path=/api/secondfactor/totp remote_ip="2001:db8::1""#,
                Some("2001:db8::1"),
            ),
            (
                r#"time="2026-11-24T05:00:00+01:00" level=error msg="Unsuccessful TOTP authentication attempt by user 'a'" method=POST path=/api/secondfactor/totp remote_ip=10.1.1.1 stack="[a.go:1 b]""#,
                ours,
            ),
            (
                r#"level=error msg="Unsuccessful 1FA authentication attempt by user 'a' remote_ip=9.9.9.9'" method=POST path=/api/firstfactor remote_ip=10.1.1.1"#,
                ours,
            ),
            (
                r#"level=error msg="Unsuccessful 1FA authentication attempt by user 'a' remote_ip=9.9.9.9'" method=POST path=/api/firstfactor"#,
                None,
            ),
            (
                r#"level=error msg="Request timeout occurred while handling request from client." method=GET path=/ remote_ip=10.1.1.1 status_code=408"#,
                None,
            ),
            (
                r#"{"error":"user not found","level":"error","method":"POST","msg":"Unsuccessful 1FA authentication attempt by user 'a\",\"remote_ip\":\"9.9.9.9'","path":"/api/firstfactor","remote_ip":"10.1.1.1","time":"2026-11-24T05:00:00+01:00"}"#,
                ours,
            ),
            (
                r#"{"level":"debug","msg":"Successful 1FA authentication attempt made by user 'a'","remote_ip":"10.1.1.1"}"#,
                None,
            ),
        ] {
            assert_eq!(read(message.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{message}");
        }
    }
}
