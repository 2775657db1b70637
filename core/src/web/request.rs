//! The head of a request: RFC 9112, as far as it is needed, read by httparse.

use crate::addr::Addr;
use heapless::Vec;

/// Header fields of one request. A browser sends some twenty.
const FIELDS: usize = 48;

/// Bytes of a path's or query's part, decoded: an address, a jail's name.
pub const PART: usize = 64;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub host: Option<&'a str>,
    /// What follows `Bearer `.
    pub token: Option<&'a [u8]>,
}

/// Why there is no request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bad {
    /// It is not complete yet.
    Partial,
    /// It is no HTTP.
    Malformed,
    /// It has too many fields.
    TooLarge,
}

impl<'a> Request<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Bad> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(Bad::Partial),
            Err(httparse::Error::TooManyHeaders) => return Err(Bad::TooLarge),
            Err(_) => return Err(Bad::Malformed),
        }
        let target = request.path.ok_or(Bad::Malformed)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (mut host, mut token) = (None, None);
        for field in request.headers.iter() {
            if field.name.eq_ignore_ascii_case("host") {
                // Two of them are an attack or a mistake.
                if host.is_some() {
                    return Err(Bad::Malformed);
                }
                host = Some(core::str::from_utf8(field.value).map_err(|_| Bad::Malformed)?);
            } else if field.name.eq_ignore_ascii_case("authorization") {
                token = field.value.split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
            }
        }
        let token = token.map(|(_, token)| token.trim_ascii());
        Ok(Self { method: request.method.unwrap_or_default(), path, query, host, token })
    }

    /// The value of a name in the query, decoded.
    pub fn asks(&self, name: &str) -> Option<Vec<u8, PART>> {
        let value = self.query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))?.1;
        decoded(value)
    }

    /// Whether `Host` is one that only a request that is meant for us has.
    pub fn is_for_us(&self) -> bool {
        let Some(host) = self.host else { return false };
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
            None => host.split_once(':').map_or(host, |(name, _)| name),
        };
        name.eq_ignore_ascii_case("localhost") || Addr::parse(name.as_bytes()).is_ok()
    }
}

/// Percent-decoded; `None` if it is too long or not well-formed.
pub fn decoded(text: &str) -> Option<Vec<u8, PART>> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' => b' ',
            byte => byte,
        };
        out.push(byte).ok()?;
    }
    Some(out)
}
