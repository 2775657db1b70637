//! The messages of each service, one file a service: nom parsers and sample lines.
//!
//! Where a message holds text that the attacker chooses (a user name may hold anything), the address is found from the
//! other end: after the last ` from `, and only if what follows it fills the rest of the message as the service prints
//! it. Where both ends are the attacker's, a message with more than one reading counts only if the connection's earlier
//! lines tell which is right.

pub(super) mod access;
pub(super) mod apache;
pub(super) mod assp;
pub(super) mod asterisk;
pub(super) mod authelia;
pub(super) mod badbots;
pub(super) mod badrequest;
pub(super) mod bitwarden;
pub(super) mod botsearch;
pub(super) mod centreon;
pub(super) mod courier;
pub(super) mod cowrie;
pub(super) mod cyrus;
pub(super) mod dante;
pub(super) mod directadmin;
pub(super) mod domino;
pub(super) mod dovecot;
pub(super) mod dropbear;
pub(super) mod drupal;
pub(super) mod ejabberd;
pub(super) mod exim;
pub(super) mod eximspam;
pub(super) mod freeswitch;
pub(super) mod froxlor;
pub(super) mod gitlab;
pub(super) mod grafana;
pub(super) mod groupoffice;
pub(super) mod gssftpd;
pub(super) mod guacamole;
pub(super) mod halflife;
pub(super) mod haproxy;
pub(super) mod horde;
pub(super) mod jellyfin;
pub(super) mod kerio;
pub(super) mod keycloak;
pub(super) mod lighttpd;
pub(super) mod luci;
pub(super) mod modsecurity;
pub(super) mod mongodb;
pub(super) mod monit;
pub(super) mod monitorix;
pub(super) mod mssql;
pub(super) mod murmur;
pub(super) mod mysqld;
pub(super) mod nagios;
pub(super) mod named;
pub(super) mod netfilter;
pub(super) mod nextcloud;
pub(super) mod nginx;
pub(super) mod nohome;
pub(super) mod noscript;
pub(super) mod nsd;
pub(super) mod openhab;
pub(super) mod openvpn;
pub(super) mod openwebmail;
pub(super) mod oracleims;
pub(super) mod overflows;
mod pam;
pub(super) mod pamgeneric;
pub(super) mod perdition;
pub(super) mod phpmyadmin;
pub(super) mod portsentry;
pub(super) mod postfix;
pub(super) mod postgresql;
pub(super) mod proftpd;
pub(super) mod proxmox;
pub(super) mod pureftpd;
pub(super) mod qmail;
pub(super) mod roundcube;
pub(super) mod routeros;
pub(super) mod scanlogd;
pub(super) mod screensharing;
pub(super) mod selinux;
pub(super) mod sendmail;
pub(super) mod shellshock;
pub(super) mod slapd;
pub(super) mod softether;
pub(super) mod sogo;
pub(super) mod solidpop3d;
pub(super) mod squid;
pub(super) mod squirrelmail;
pub(super) mod sshd;
pub(super) mod status;
pub(super) mod stunnel;
pub(super) mod suhosin;
mod text;
pub(super) mod threeproxy;
pub(super) mod tine;
pub(super) mod traefik;
pub(super) mod urlfopen;
pub(super) mod uwimap;
pub(super) mod vaultwarden;
pub(super) mod vsftpd;
pub(super) mod webmin;
pub(super) mod wireguard;
pub(super) mod wuftpd;
pub(super) mod xinetd;
pub(super) mod xl2tpd;
pub(super) mod xrdp;
pub(super) mod znc;
pub(super) mod zoneminder;

use crate::addr::Addr;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till1, take_while};
use nom::character::complete::digit1;
use nom::combinator::{eof, map_opt, opt, recognize};
use nom::multi::fold_many_m_n;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

/// Nothing to say about why a line does not match: most do not.
pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

/// An address that ends at a space or at the end.
fn peer(input: &[u8]) -> Parsed<'_, Addr> {
    map_opt(take_till1(|b| b == b' '), |text| Addr::parse(text).ok()).parse(input)
}

/// ` port 4711`.
fn port(input: &[u8]) -> Parsed<'_, &[u8]> {
    preceded(tag(" port "), digit1).parse(input)
}

/// ` on 192.0.2.1`: the server's own address.
fn on(input: &[u8]) -> Parsed<'_, &[u8]> {
    preceded(tag(" on "), take_till1(|b| b == b' ')).parse(input)
}

/// What may follow an address at a message's end: up to three of ` port N`, ` on ADDRESS`, ` [preauth]`, then spaces.
fn ending(input: &[u8]) -> Parsed<'_, ()> {
    let (input, ()) = fold_many_m_n(0, 3, alt((port, on, tag(" [preauth]"))), || (), |(), _| ()).parse(input)?;
    let (input, _) = take_while(|b| b == b' ').parse(input)?;
    eof(input).map(|(input, _)| (input, ()))
}

/// An address and then the message's end.
fn last_peer(input: &[u8]) -> Parsed<'_, Addr> {
    terminated(peer, ending).parse(input)
}

/// ` port N on ADDRESS`, both optional.
fn port_on(input: &[u8]) -> Parsed<'_, &[u8]> {
    recognize((opt(port), opt(on))).parse(input)
}

/// What follows the last `needle`.
fn after_last<'a>(text: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    split_last(text, needle).map(|(_, after)| after)
}

/// What stands before and after the last `needle`.
fn split_last<'a>(text: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (&first, tail) = needle.split_first()?;
    memchr::memrchr_iter(first, text).find_map(|at| {
        let (before, rest) = text.split_at_checked(at)?;
        Some((before, rest.get(1..)?.strip_prefix(tail)?))
    })
}

/// What stands before and after the first `needle`.
pub(super) fn split_first<'a>(text: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (&first, tail) = needle.split_first()?;
    memchr::memchr_iter(first, text).find_map(|at| {
        let (before, rest) = text.split_at_checked(at)?;
        Some((before, rest.get(1..)?.strip_prefix(tail)?))
    })
}

/// Without spaces at the end.
fn trim_end(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

/// `192.0.2.1:4711`, `2001:db8::1:4711`, `[2001:db8::1]:4711`; an IPv4 address may do without the port.
pub(super) fn host_port(text: &[u8]) -> Option<Addr> {
    if let Some(bracketed) = text.strip_prefix(b"[") {
        let (host, port) = split_last(bracketed, b"]:")?;
        return if is_port(port) { Addr::parse(host).ok() } else { None };
    }
    match split_last(text, b":") {
        None => Addr::parse(text).ok(),
        Some((host, port)) => {
            if is_port(port) {
                Addr::parse(host).ok()
            } else {
                None
            }
        }
    }
}

fn is_port(text: &[u8]) -> bool {
    (1..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

/// The value of a parser that matched.
fn found<T>(parsed: Parsed<'_, T>) -> Option<T> {
    parsed.ok().map(|(_, value)| value)
}

/// Sample messages of filters.
#[cfg(test)]
mod samples {
    use super::Addr;
    use crate::detect::template;
    use std::string::ToString;

    /// The peer of most of them.
    pub const OURS: Option<&str> = Some("10.1.1.1");

    /// Makes sure that a filter's templates are some, and that it says of each message whose failure it is.
    pub fn hold(templates: &[&str], read: fn(&[u8]) -> Option<Addr>, messages: &[(&str, Option<&str>)]) {
        for text in templates {
            assert_eq!(template::check(text.as_bytes()), Ok(()), "{text}");
        }
        for (message, want) in messages {
            let got = read(message.as_bytes()).map(|addr| addr.to_string());
            assert_eq!(got.as_deref(), *want, "{message}");
        }
    }
}
