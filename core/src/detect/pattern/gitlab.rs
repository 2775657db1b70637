//! GitLab's `application.log` and `application_json.log`: `Failed Login: username=NAME ip=ADDRESS`.
//!
//! The name is the peer's, so the address is read from the end. It is what the proxies in front say it is, those that GitLab is
//! told to believe. The text log has the ends of lines in a name as they are: a peer can so write any line there.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::json::Object;
use crate::detect::template;

const FAILED: [&str; 1] = ["Failed Login: username=<*> ip=<ADDR>"];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let text = if message.first() == Some(&b'{') {
        let [text] = Object::parse(message)?.fields(["message"])?;
        text?.text()?.raw()
    } else {
        message
    };
    template::first(&FAILED, trim_end(text))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        hold(
            &FAILED,
            read,
            &[
                ("Failed Login: username=a b ip=10.1.1.1", OURS),
                ("Failed Login: username=a ip=9.9.9.9 ip=10.1.1.1", OURS),
                (r#"{"severity":"INFO","message":"Failed Login: username=\"a\" ip=2001:db8::1"}"#, Some("2001:db8::1")),
                (r#"{"message":"User \"Failed Login: username=a ip=9.9.9.9\" was created"}"#, None),
                ("Failed Login: username=a ip=9.9.9.9 ip=", None),
            ],
        );
    }
}
