//! PostgreSQL 15 and later with `log_destination = 'jsonlog'`, as `jsonlog.c` writes it: an object a line. It needs
//! `logging_collector = on`, and a `log_filename` without a date.
//!
//! Its usual log is not read, since it can be forged: names of users and databases stand in the prefix of each line (`%u`,
//! `%d`: Debian's default), with any line end that the peer puts there.
//!
//! Counted is by the SQLSTATE: `28P01`, a wrong password, and `28000`, a user, database or host that may not log in.

use crate::addr::Addr;
use crate::detect::json::Object;

/// Whose failure a line tells.
#[inline(never)]
pub(in crate::detect) fn read(line: &[u8]) -> Option<Addr> {
    let [severity, state, host] = Object::parse(line)?.fields(["error_severity", "state_code", "remote_host"])?;
    let state = state?;
    let failed = severity?.is("FATAL") && (state.is("28P01") || state.is("28000"));
    if failed { host?.addr() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_line_names_its_client() {
        for (line, want) in [
            // As PostgreSQL 15.18 wrote them.
            (
                r#"{"timestamp":"2026-11-24 23:47:39.712 UTC","user":"postgres","dbname":"postgres","pid":28164,"remote_host":"10.1.1.1","remote_port":51316,"session_id":"6b06221b.6e04","line_num":2,"ps":"authentication","session_start":"2026-11-24 23:47:39 UTC","vxid":"3/1","txid":0,"error_severity":"FATAL","state_code":"28P01","message":"password authentication failed for user \"postgres\"","detail":"Connection matched pg_hba.conf line 2: \"host all postgres 10.1.1.1/32 scram-sha-256\"","backend_type":"client backend","query_id":0}"#,
                Some("10.1.1.1"),
            ),
            (
                r#"{"timestamp":"2026-11-24 23:47:39.863 UTC","user":"x\n2026-11-24 05:00:00.000 UTC [7] [unknown]","dbname":"[unknown] LOG:  connection received: host=9.9.9.9 port=1\n","pid":28168,"remote_host":"10.1.1.1","remote_port":51330,"error_severity":"FATAL","state_code":"28P01","message":"password authentication failed for user \"x\n2026-11-24 05:00:00.000 UTC [7] [unknown]\"","backend_type":"client backend","query_id":0}"#,
                Some("10.1.1.1"),
            ),
            (
                r#"{"timestamp":"2026-11-24 23:47:39.942 UTC","user":"postgres","dbname":"nodb","remote_host":"10.1.1.1","error_severity":"FATAL","state_code":"3D000","message":"database \"nodb\" does not exist"}"#,
                None,
            ),
            (r#"{"remote_host":"10.1.1.1","error_severity":"ERROR","state_code":"28000","message":"a"}"#, None),
            (r#"{"remote_host":"[local]","error_severity":"FATAL","state_code":"28P01","message":"a"}"#, None),
            (r#"{"remote_host":"a.example","error_severity":"FATAL","state_code":"28000","message":"a"}"#, None),
            (r#"{"error_severity":"FATAL","state_code":"28000","message":"no host"}"#, None),
        ] {
            assert_eq!(read(line.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{line}");
        }
    }
}
