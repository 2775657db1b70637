//! Froxlor, as `FroxlorLogger.php` prints it: `[Login Action ADDRESS] MESSAGE` before 2.0, `froxlor.WARNING: MESSAGE {..., "user":"ADDRESS"} []`
//! since then, when the address is the last.

use super::text::undated;
use crate::addr::Addr;
use crate::detect::template;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const TEMPLATES: [&str; 3] = [
        "[Login Action <ADDR>] Unknown user '<*>' tried to login.",
        "[Login Action <ADDR>] User '<*>' tried to login with wrong password.",
        "froxlor.WARNING: <User|Unknown user><*> tried to login<| with wrong password>. {<*>\"user\":\"<ADDR>\"} []",
    ];
    template::first(&TEMPLATES, undated(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_logins_count() {
        let ours = Some(Addr::v4([10, 1, 1, 1]));
        for message in [
            "[Login Action 10.1.1.1] Unknown user '] [Login Action 9.9.9.9' tried to login.",
            "[Login Action 10.1.1.1] User 'a' tried to login with wrong password.",
            r#"froxlor.WARNING: User tried to login with wrong password. {"source":"login","action":"50","user":"10.1.1.1"} []"#,
            r#"froxlor.WARNING: Unknown user 'a' tried to login. {"source":"login","action":50,"user":"10.1.1.1"} []"#,
            r#"[2025-09-21T17:46:18.311379+02:00] froxlor.WARNING: User 'a' tried to login with wrong password. {"user":"9.9.9.9"} []' tried to login with wrong password. {"source":"login","action":"50","user":"10.1.1.1"} []"#,
        ] {
            assert_eq!(read(message.as_bytes()), ours, "{message}");
        }
        assert_eq!(read(b"[Admin Action 10.1.1.1] User 'a' tried to login with wrong password."), None);
        assert_eq!(read(b"froxlor.WARNING: User 'a' did it. {\"user\":\"10.1.1.1\"} []"), None);
    }
}
