//! Access logs, judged by the status of the answer: of nginx and Apache httpd in the common and combined formats, or as JSON;
//! of Caddy and Traefik as JSON.
//!
//! 401 and 403 count, in mode `aggressive` also 429 and 444: too many requests, by a proxy's own limit or by that of what is
//! behind it. A 401 is also what a browser gets before it asks for a password, and what git, docker and WebDAV clients get at each
//! first request, so that `maxretry` should not be small.
//!
//! JSON of nginx and Apache httpd is what the operator made it: read are the keys `remote_addr` and `status`, whatever else there
//! is. nginx needs `escape=json` or its usual escaping, not `escape=none`.
//!
//! Caddy and Traefik write the connection's address and the one that a proxy may have told: a request with two different ones
//! counts for nobody, since packets only ever come from the one, and only the other did it.

use super::host_port;
use super::text::contains;
use crate::addr::Addr;
use crate::detect::Mode;
use crate::detect::heard::Heard;
use crate::detect::json::{Object, Value};

/// Whose refused request a line of nginx or Apache httpd tells.
#[inline(never)]
pub(in crate::detect) fn read(record: &Heard<'_>, mode: Mode) -> Option<Addr> {
    if record.message.first() == Some(&b'{') {
        // Cheaper than to take all apart.
        contains(record.message, b"remote_addr").then_some(())?;
        let [peer, status] = Object::parse(record.message)?.fields(["remote_addr", "status"])?;
        return if refused(status?, mode) { peer?.addr() } else { None };
    }
    let access = record.access()?;
    is_refusal(access.status, mode).then_some(access.peer)
}

/// The same of Caddy.
#[inline(never)]
pub(in crate::detect) fn caddy(line: &[u8], mode: Mode) -> Option<Addr> {
    let [logger, status, request] = Object::parse(line)?.fields(["logger", "status", "request"])?;
    if !logger?.text()?.starts_with("http.log.access") || !refused(status?, mode) {
        return None;
    }
    let [remote, client] = request?.object()?.fields(["remote_ip", "client_ip"])?;
    let peer = remote?.addr()?;
    agrees(client, peer).then_some(peer)
}

/// The same of Traefik.
#[inline(never)]
pub(in crate::detect) fn traefik(line: &[u8], mode: Mode) -> Option<Addr> {
    let keys = ["ClientAddr", "ClientHost", "DownstreamStatus"];
    let [remote, client, status] = Object::parse(line)?.fields(keys)?;
    if !refused(status?, mode) {
        return None;
    }
    let peer = host_port(remote?.text()?.raw())?;
    agrees(client, peer).then_some(peer)
}

fn agrees(client: Option<Value<'_>>, peer: Addr) -> bool {
    client.is_none_or(|client| client.addr() == Some(peer))
}

/// Whether a JSON value, a number or a string, is a status that counts.
fn refused(status: Value<'_>, mode: Mode) -> bool {
    let text = status.plain().or_else(|| status.text().map(|text| text.raw()));
    let number = text.and_then(|text| core::str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
    number.is_some_and(|status| is_refusal(status, mode))
}

const fn is_refusal(status: u16, mode: Mode) -> bool {
    match status {
        401 | 403 => true,
        429 | 444 => matches!(mode, Mode::Aggressive),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::syslog::Record;
    use std::format;
    use std::string::{String, ToString};

    type Read = fn(&[u8], Mode) -> Option<Addr>;
    const READ: Read = read;

    fn read(line: &[u8], mode: Mode) -> Option<Addr> {
        let record = Record { stamp: None, program: b"", pid: None, message: line };
        super::read(&Heard::new(&record), mode)
    }

    const CADDY: Read = caddy;

    fn told(read: Read, line: &str, mode: Mode) -> Option<String> {
        read(line.as_bytes(), mode).map(|addr| addr.to_string())
    }

    #[test]
    fn refused_requests_name_their_client() {
        for (read, line, want) in [
            // As nginx 1.22.1, Apache 2.4.71 and Caddy 2.6.2 wrote them.
            (
                READ,
                r#"10.1.1.1 - - [24/Nov/2026:23:46:52 +0000] "GET / HTTP/1.1" 401 179 "-" "curl/7.88.1""#,
                "10.1.1.1",
            ),
            (
                read,
                r#"10.1.1.1 - a\x22 b]\x5C [9.9.9.9\x0A [24/Nov/2026:23:46:52 +0000] "GET /x%22 HTTP/1.1" 401 179 "-" "evil \x229.9.9.9 \x5C""#,
                "10.1.1.1",
            ),
            (
                read,
                r#"10.1.1.1 - - [24/Nov/2026:23:46:52 +0000] "GET /deny HTTP/1.1" 403 153 "-" "curl/7.88.1""#,
                "10.1.1.1",
            ),
            (
                read,
                r#"2001:db8::1 - - [24/Nov/2026:23:46:52 +0000] "GET / HTTP/1.1" 401 179 "-" "curl/7.88.1""#,
                "2001:db8::1",
            ),
            (
                read,
                r#"10.1.1.1 - a\" b]\\ [9.9.9.9\n [24/Nov/2026:23:46:53 +0000] "GET /x%22 HTTP/1.1" 401 620 "-" "evil \"9.9.9.9 \\""#,
                "10.1.1.1",
            ),
            (
                read,
                r#"x:80 10.1.1.1 - root [24/Nov/2026:23:46:53 +0000] "GET / HTTP/1.1" 401 620 "-" "curl/7.88.1""#,
                "10.1.1.1",
            ),
            (
                read,
                r#"{"time":"2026-11-24T23:46:52+00:00","remote_addr":"10.1.1.1","remote_user":"a\" b]\\ [9.9.9.9\n","request":"GET /x%22 HTTP/1.1","status":401,"http_user_agent":"evil \"9.9.9.9 \\"}"#,
                "10.1.1.1",
            ),
            (
                read,
                r#"{"time":"2026-11-24T23:46:52+00:00","remote_addr":"10.1.1.1","remote_user":"a\x22 b]\x5C [9.9.9.9\x0A","request":"GET /x%22 HTTP/1.1","status":"401","http_user_agent":"evil \x229.9.9.9 \x5C"}"#,
                "10.1.1.1",
            ),
            (
                read,
                r#"{"remote_addr":"10.1.1.1","user":"a\" b]\\ [9.9.9.9\n","request":"GET /x%22 HTTP/1.1","status":"401","agent":"evil \"9.9.9.9 \\"}"#,
                "10.1.1.1",
            ),
            (
                caddy,
                r#"{"level":"error","ts":1795564015.8932545,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.1.1.1","remote_port":"57656","proto":"HTTP/1.1","method":"GET","host":"10.0.0.1:82","uri":"/","headers":{"Accept":["*/*"],"User-Agent":["curl/7.88.1"]}},"user_id":"","duration":0.000113939,"size":0,"status":401,"resp_headers":{"Server":["Caddy"],"Www-Authenticate":["Basic realm=\"restricted\""]}}"#,
                "10.1.1.1",
            ),
            (
                caddy,
                r#"{"level":"error","ts":1795564019.0302289,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.1.1.1","remote_port":"57670","proto":"HTTP/1.1","method":"GET","host":"10.0.0.1:82","uri":"/x\"","headers":{"Accept":["*/*"],"X-Forwarded-For":["9.9.9.9"],"Remote_ip":["9.9.9.9"],"Authorization":[],"User-Agent":["evil\"},\"status\":401,\"request\":{\"remote_ip\":\"9.9.9.9"]}},"user_id":"","duration":3.10131848,"size":0,"status":401,"resp_headers":{"Www-Authenticate":["Basic realm=\"restricted\""],"Server":["Caddy"]}}"#,
                "10.1.1.1",
            ),
            (
                caddy,
                r#"{"logger":"http.log.access.log0","request":{"remote_ip":"10.1.1.1","client_ip":"10.1.1.1"},"status":403}"#,
                "10.1.1.1",
            ),
            // As Traefik's sources have it.
            (
                traefik,
                r#"{"ClientAddr":"10.1.1.1:40000","ClientHost":"10.1.1.1","ClientPort":"40000","ClientUsername":"a\n9.9.9.9","DownstreamStatus":401,"RequestPath":"/","level":"info","msg":"","time":"2026-11-24T05:00:00Z"}"#,
                "10.1.1.1",
            ),
            (
                traefik,
                r#"{"ClientAddr":"[2001:db8::1]:40000","ClientHost":"2001:db8::1","DownstreamStatus":403}"#,
                "2001:db8::1",
            ),
            (traefik, r#"{"ClientAddr":"10.1.1.1:40000","DownstreamStatus":401}"#, "10.1.1.1"),
        ] {
            for mode in Mode::ALL {
                assert_eq!(told(read, line, mode).as_deref(), Some(want), "{line}");
            }
        }
    }

    #[test]
    fn two_addresses_are_nobodys() {
        for (read, line) in [
            (
                CADDY,
                r#"{"logger":"http.log.access","request":{"remote_ip":"10.1.1.1","client_ip":"9.9.9.9"},"status":401}"#,
            ),
            (
                caddy,
                r#"{"logger":"http.log.access","request":{"remote_ip":"10.1.1.1","remote_ip":"9.9.9.9"},"status":401}"#,
            ),
            (caddy, r#"{"logger":"http.log.error.log0","request":{"remote_ip":"10.1.1.1"},"status":401}"#),
            (caddy, r#"{"logger":"http.log.access","request":{"remote_ip":"@"},"status":401}"#),
            (traefik, r#"{"ClientAddr":"10.1.1.1:40000","ClientHost":"9.9.9.9","DownstreamStatus":401}"#),
            (traefik, r#"{"ClientAddr":"10.1.1.1:40000","ClientHost":"9.9.9.9, 10.1.1.1","DownstreamStatus":401}"#),
            (traefik, r#"{"ClientHost":"10.1.1.1","DownstreamStatus":401}"#),
            (read, r#"{"remote_addr":"unix:","status":401}"#),
            (read, r#"{"remote_addr":"10.1.1.1","status":401,"status":200}"#),
        ] {
            assert_eq!(told(read, line, Mode::Aggressive), None, "{line}");
        }
    }

    #[test]
    fn the_mode_says_which_statuses_count() {
        for (status, normal, aggressive) in [
            (200, false, false),
            (302, false, false),
            (400, false, false),
            (401, true, true),
            (403, true, true),
            (404, false, false),
            (429, false, true),
            (444, false, true),
            (500, false, false),
        ] {
            let common = format!(r#"10.1.1.1 - - [24/Nov/2026:23:46:52 +0000] "GET / HTTP/1.1" {status} 179"#);
            let json = format!(r#"{{"remote_addr":"10.1.1.1","status":{status}}}"#);
            for line in [common, json] {
                for (mode, want) in [(Mode::Normal, normal), (Mode::Ddos, normal), (Mode::Aggressive, aggressive)] {
                    assert_eq!(told(read, &line, mode).is_some(), want, "{line}");
                }
            }
        }
    }
}
