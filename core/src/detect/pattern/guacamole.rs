//! Guacamole, as `EventLoggingListener.java` and before it `AuthenticationService.java` log it: by logback's `TIME [THREAD] WARN  LOGGER -
//! MESSAGE`, or into Tomcat's log, where the message is the second line of two and has no date.
//!
//! The address stands before the name. With `X-Forwarded-For` Guacamole writes a list, and its end is a proxy: such a line
//! counts for nobody; Tomcat's `RemoteIpValve` makes one address of it. Guacamole escapes nothing in a name: what stands
//! behind a line break in one is a line of the peer's own making.

use super::text::undated;
use crate::addr::Addr;
use crate::detect::template;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const TEMPLATES: [&str; 3] = [
        "WARNING: Authentication attempt from <ADDR> for user \"<*>\" failed<.|: ><*>",
        "[<^]>] WARN  <WORD> - Authentication attempt from <ADDR> for user \"<*>\" failed<.|: ><*>",
        "<N>:<N>:<N>.<N> [<^]>] WARN  <WORD> - Authentication attempt from <ADDR> for user \"<*>\" failed<.|: ><*>",
    ];
    template::first(&TEMPLATES, undated(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn failed_logins_count() {
        for (text, counts) in [
            ("10.1.1.1 for user \"a\" failed.", true),
            ("10.1.1.1 for user \"a\" failed: Permission denied. (rejected by \"mysql\")", true),
            ("10.1.1.1 for user \"\" failed. Authentication attempt from 9.9.9.9 for user \"\" failed.", true),
            ("[9.9.9.9, 10.1.1.1] for user \"a\" failed.", false),
            ("10.1.1.1 for user \"a\" succeeded", false),
        ] {
            for start in ["WARNING:", "12:57:32.907 [http-nio-8080-exec-1] WARN  o.a.g.r.auth.AuthenticationService -"]
            {
                let message = format!("{start} Authentication attempt from {text}");
                assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
            }
        }
    }
}
