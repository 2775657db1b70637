//! Jellyfin, as `UserManager.cs` writes it into its log file: `[DATE] [INF] [THREAD] SOURCE: Authentication request for "USER"
//! has been denied (IP: "ADDRESS").`
//!
//! The user's name may hold anything, line ends too, but every quote in it is escaped: what a peer writes never has the plain
//! ones around the address. The console's lines have no quotes at all, and are not read. Without `KnownProxies` the address is the
//! connection's. The file's name has the day in it unless `logging.json` says `"rollingInterval": "Infinite"`.

use super::text::undated;
use crate::addr::Addr;
use crate::detect::template;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const FAILED: [&str; 4] = [
        r#"[<WORD> [<N>] Jellyfin.Server.Implementations.Users.UserManager: Authentication request for "<*>" has been denied (IP: "<ADDR>")."#,
        r#"[<WORD> [<N>] Jellyfin.Server.Implementations.Users.UserManager: Authentication request for "<*>" has been denied because this account is currently disabled (IP: "<ADDR>")."#,
        r#"[<WORD> [<N>] Jellyfin.Server.Implementations.Users.UserManager: Authentication request for "<*>" forbidden: remote access disabled and user not in local network (IP: "<ADDR>")."#,
        r#"[<WORD> [<N>] Jellyfin.Server.Implementations.Users.UserManager: Authentication request without username has been denied (IP: "<ADDR>")."#,
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
        for (message, want) in [
            (r#"for "a" has been denied (IP: "10.1.1.1")."#, ours),
            (r#"for "a" has been denied (IP: "2001:db8::1")."#, Some("2001:db8::1")),
            (r#"for "a" has been denied because this account is currently disabled (IP: "10.1.1.1")."#, ours),
            (r#"for "a" forbidden: remote access disabled and user not in local network (IP: "10.1.1.1")."#, ours),
            (r#"without username has been denied (IP: "10.1.1.1")."#, ours),
            (r#"for "a\" has been denied (IP: \"9.9.9.9\")." has been denied (IP: "10.1.1.1")."#, ours),
            (r#"for \"a\" has been denied (IP: \"9.9.9.9\")."#, None),
            (r#"for "a\" has been denied (IP: \"9.9.9.9\")."#, None),
            (r#"for a has been denied (IP: 9.9.9.9)."#, None),
            (r#"for "a" has succeeded."#, None),
        ] {
            let message = format!(
                "[2026-11-24 05:00:00.123 +01:00] [INF] [12] Jellyfin.Server.Implementations.Users.UserManager: Authentication request {message}"
            );
            assert_eq!(read(message.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{message}");
        }
    }
}
