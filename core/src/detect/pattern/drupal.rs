//! Drupal's `syslog` module: `SITE|SECONDS|TYPE|ADDRESS|URI|REFERER|USER ID|LINK|MESSAGE`, in the name of a program that the operator
//! chooses: `drupal` as it comes, or the site's own. What the peer writes stands behind its address.

use super::split_first;
use super::text::{after_any, contains_any};
use crate::addr::Addr;

/// Whose failure a message tells, of programs that no other service has.
#[inline(never)]
pub(in crate::detect) fn read(program: &[u8], message: &[u8]) -> Option<Addr> {
    let site = after_any(message, &[b"https://", b"http://"])?;
    if !is_site(program) {
        return None;
    }
    let (_site, rest) = split_first(site, b"|")?;
    let (_seconds, rest) = split_first(rest, b"|")?;
    let (address, rest) = split_first(rest.strip_prefix(b"user|")?, b"|")?;
    let failed = contains_any(rest, &[b"|Login attempt failed for ", b"|Login attempt failed from "]);
    if failed { Addr::parse(address).ok() } else { None }
}

/// A name with `drupal` in it, or a host's: what other programs say of the web may start with a URL, too.
fn is_site(program: &[u8]) -> bool {
    let host = program.rsplit(|b| *b == b'.').next().filter(|last| last.len() < program.len());
    program.windows(6).any(|part| part.eq_ignore_ascii_case(b"drupal"))
        || host.is_some_and(|last| last.len() > 1 && last.iter().all(u8::is_ascii_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_logins_count_for_sites() {
        let told = |program: &str, said: &str| {
            let message =
                std::format!("https://a.example|1430068525|user|10.1.1.1|https://a.example/?q=|9.9.9.9||0||{said}");
            read(program.as_bytes(), message.as_bytes())
        };
        let ours = Some(Addr::v4([10, 1, 1, 1]));
        for program in ["drupal", "my-Drupal-site", "a.example", "www.a.co"] {
            assert_eq!(told(program, "Login attempt failed for a|b."), ours, "{program}");
        }
        for program in ["python3.11", "cron", "a.", "kernel", ""] {
            assert_eq!(told(program, "Login attempt failed for a."), None, "{program}");
        }
        assert_eq!(told("drupal", "Login attempt failed from 10.1.1.1."), ours);
        assert_eq!(told("drupal", "Session opened for a."), None);
        assert_eq!(read(b"drupal", b"https://a|5|php|10.1.1.1|x|y|0||Login attempt failed for a."), None);
        assert_eq!(read(b"drupal", b"a https://a|5|user|10.1.1.1|x|y|0||Login attempt failed for a."), None);
    }
}
