//! Keycloak 22.0.9, 23.0.5, 24 and later, as `JBossLoggingEventListenerProvider.java` writes events into `keycloak.log`:
//! `DATE LEVEL [org.keycloak.events] (THREAD) type="LOGIN_ERROR", ..., ipAddress="ADDRESS", error="REASON", ...`
//!
//! Values stand in quotes, and a quote in one is escaped, so that none of the peer's can look like another field; white space in
//! them is a space. Earlier versions did neither: their lines can be forged, and are not read. The address is the
//! connection's unless the server is told to believe a proxy (`--proxy-headers`).

use super::text::undated;
use crate::addr::Addr;
use crate::detect::template;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    // Other errors come about without a guess: an old tab, a client that is set up wrongly.
    const FAILED: [&str; 1] = [
        "<WORD> <| >[org.keycloak.events] (<^)>) type=\"LOGIN_ERROR\", <*>, ipAddress=\"<ADDR>\", error=\"<invalid_user_credentials|user_not_found|user_disabled|user_temporarily_disabled>\"<*>",
    ];
    template::first(&FAILED, undated(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_client() {
        let ours = Some("10.1.1.1");
        let start = "WARN  [org.keycloak.events] (executor-thread-1) type=\"LOGIN_ERROR\", realmId=\"a\", realmName=\"a\", clientId=";
        for (message, want) in [
            (
                format!(
                    "{start}\"account\", userId=\"b\", ipAddress=\"10.1.1.1\", error=\"invalid_user_credentials\", auth_method=\"openid-connect\", username=\"c\""
                ),
                ours,
            ),
            (
                format!(
                    "2026-11-24 05:00:00,123 {start}\"account\", userId=\"null\", ipAddress=\"2001:db8::1\", error=\"user_not_found\", username=\"c\""
                ),
                Some("2001:db8::1"),
            ),
            (
                format!(
                    "{start}\"x\\\", ipAddress=\\\"9.9.9.9\\\", error=\\\"user_not_found\\\"\", userId=\"null\", ipAddress=\"10.1.1.1\", error=\"user_not_found\""
                ),
                ours,
            ),
            (format!("{start}\"account\", ipAddress=\"10.1.1.1\", error=\"expired_code\""), None),
            (
                "WARN  [org.keycloak.events] (default task-51) type=LOGIN_ERROR, realmId=a, clientId=b, userId=c, ipAddress=9.9.9.9, error=invalid_user_credentials".to_string(),
                None,
            ),
            (
                "WARN  [org.keycloak.services] (executor-thread-1) type=\"LOGIN_ERROR\", a, ipAddress=\"9.9.9.9\", error=\"user_not_found\"".to_string(),
                None,
            ),
        ] {
            assert_eq!(read(message.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{message}");
        }
    }
}
