//! Grafana, as `KEY=VALUE ...` or as JSON: `msg="Invalid username or password" ... remote_addr=ADDRESS`, and since version 9.4 a request
//! for `/login` that was answered with 401: `msg="Request Completed" ... path=/login status=401 remote_addr=ADDRESS ...
//! errorMessageID=password-auth.failed`.
//!
//! What the peer chooses is quoted where it holds a space, a quote or an equals sign. The address is what the headers
//! `X-Real-IP` and `X-Forwarded-For` say: the proxy in front must set both, else the peer chooses it.

use super::split_first;
use super::text::undated;
use crate::addr::Addr;
use crate::detect::json::{Object, Value};

const KEYS: [&str; 4] = ["msg", "status", "errorMessageID", "remote_addr"];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let text = undated(message);
    let [said, status, why, peer] = if text.first() == Some(&b'{') {
        Object::parse(text)?.fields(KEYS)?.map(|value| match value {
            Some(Value::Text(text)) => Some(text.raw()),
            Some(Value::Plain(plain)) => Some(plain),
            _ => None,
        })
    } else {
        fields(text)?
    };
    let failed = match said? {
        b"Invalid username or password" => true,
        b"Request Completed" => status? == b"401" && why?.starts_with(b"password-auth."),
        _ => false,
    };
    // Versions before 9.1 leave IPv6 in its brackets.
    let peer = peer?;
    let bare = peer.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    if failed { Addr::parse(bare.unwrap_or(peer)).ok() } else { None }
}

/// The values of [`KEYS`]; nothing if one of them is there twice.
fn fields(text: &[u8]) -> Option<[Option<&[u8]>; KEYS.len()]> {
    let mut found = [None; KEYS.len()];
    let mut rest = text;
    while !rest.is_empty() {
        let (key, after) = split_first(rest, b"=")?;
        let (value, after) = match after {
            [b'"', quoted @ ..] => {
                let mut escaped = false;
                let end = quoted.iter().position(|&b| {
                    let ends = b == b'"' && !escaped;
                    escaped = b == b'\\' && !escaped;
                    ends
                })?;
                (quoted.get(..end)?, quoted.get(end + 1..)?)
            }
            _ => after.split_at_checked(memchr::memchr(b' ', after).unwrap_or(after.len()))?,
        };
        for (_, place) in KEYS.iter().zip(&mut found).filter(|(name, _)| name.as_bytes() == key) {
            if place.replace(value).is_some() {
                return None;
            }
        }
        rest = match after {
            [] => after,
            [b' ', after @ ..] => after,
            _ => return None,
        };
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        hold(
            &[],
            read,
            &[
                (
                    r#"lvl=eror msg="Invalid username or password" logger=context userId=0 orgId=0 uname= error="User not found" remote_addr=10.1.1.1"#,
                    OURS,
                ),
                (
                    r#"logger=context userId=0 orgId=0 uname= t=2022-01-01T00:00:00Z level=error msg="Invalid username or password" error="a \" remote_addr=9.9.9.9" remote_addr=[2001:db8::1] traceID="#,
                    Some("2001:db8::1"),
                ),
                (
                    r#"logger=context userId=0 orgId=0 uname= t=2025-07-17T13:08:42.28Z level=info msg="Request Completed" method=POST path=/login status=401 remote_addr=10.1.1.1 time_ms=15 size=94 referer="https://a/ remote_addr=9.9.9.9" handler=/login errorReason=Unauthorized errorMessageID=password-auth.failed error="x""#,
                    OURS,
                ),
                (
                    r#"logger=context level=info msg="Request Completed" path=/login status=200 remote_addr=9.9.9.9 errorMessageID=password-auth.failed"#,
                    None,
                ),
                (r#"logger=context level=info msg="Request Completed" path=/api status=401 remote_addr=9.9.9.9"#, None),
                (r#"lvl=eror msg="Invalid username or password" remote_addr=9.9.9.9 remote_addr=10.1.1.1"#, None),
                (r#"{"level":"error","msg":"Invalid username or password","remote_addr":"10.1.1.1"}"#, OURS),
                (
                    r#"{"msg":"Request Completed","path":"a\",\"remote_addr\":\"9.9.9.9","status":401,"remote_addr":"10.1.1.1","errorMessageID":"password-auth.failed"}"#,
                    OURS,
                ),
                (r#"lvl=info msg="Successful Login" User=a@b remote_addr=9.9.9.9"#, None),
            ],
        );
    }
}
