//! Web servers and what they serve.

use edgeban_core::detect::Filter;

/// What each service logs about the peer 10.1.1.1 that chooses `{u}` and `{v}`, which are `{x}` and `{y}` where the service
/// escapes quotes; the first line of each is a failure.
pub const LINES: &[(Filter, &[&str])] = &[
    (
        Filter::ApacheBadbots,
        &[
            "10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] \"GET /{x} HTTP/1.1\" 200 5 \"{y}\" \"EmailSiphon\"",
            "10.1.1.1 - {x} [24/Nov/2026:05:00:00 +0000] \"GET /{y} HTTP/1.1\" 200 5 \"-\" \"EmailSiphon\"",
            "a.example:80 10.1.1.1 - {x} [24/Nov/2026:05:00:00 +0000] \"{y}\" 200 5 \"-\" \"EmailSiphon\"",
            "{x} 10.1.1.1 - {y} [24/Nov/2026:05:00:00 +0000] \"{y}\" 200 5 \"-\" \"EmailSiphon\"",
            "10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] \"{x}\" 200 5 \"-\" \"{y}EmailSiphon\"",
        ],
    ),
    (
        Filter::NginxBadRequest,
        &[
            "10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] \"{x}\" 400 5 \"{y}\" \"{y}\"",
            "10.1.1.1 - {x} [24/Nov/2026:05:00:00 +0000] \"{y}\" 400 5 \"{y}\" \"{x}\" \"{x}\"",
            "{x} 10.1.1.1 - {y} [24/Nov/2026:05:00:00 +0000] \"{y}\" 400 5 \"-\" \"-\"",
            "unix: - {x} [24/Nov/2026:05:00:00 +0000] \"{y}\" 400 5 \"-\" \"-\"",
            "{x} unix: - {y} [24/Nov/2026:05:00:00 +0000] \"{y}\" 400 5 \"-\" \"-\"",
        ],
    ),
    (
        Filter::PhpUrlFopen,
        &[
            "10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] \"GET /{x}?a=http://b HTTP/1.1\" 200 5 \"{y}\" \"{y}\"",
            "10.1.1.1 - {x} [24/Nov/2026:05:00:00 +0000] \"GET /?a=http://{y} HTTP/1.1\" 200 5 \"-\" \"-\"",
            "a.example:80 10.1.1.1 - {x} [24/Nov/2026:05:00:00 +0000] \"GET /?a=http://{y} HTTP/1.1\" 200 5",
            "{x} 10.1.1.1 - {y} [24/Nov/2026:05:00:00 +0000] \"GET /?a=http://b HTTP/1.1\" 200 5",
        ],
    ),
    (
        Filter::TraefikAuth,
        &[
            "10.1.1.1 - a{u} [24/Nov/2026:05:00:00 +0000] \"GET /{v} HTTP/2.0\" 401 17 \"{x}\" \"{y}\" 72 \"a@docker\" \"-\" 0ms",
            "10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] \"{u} /{v} HTTP/2.0\" 401 17 \"{u}\" \"{v}\" 72 \"-\" \"-\" 0ms",
        ],
    ),
];

/// Pieces of the services' own words, with the victim in the peer's place.
pub const PIECES: &[&str] = &[
    "9.9.9.9 - - [24/Nov/2026:05:00:00 +0000] \"GET / HTTP/1.1\" 400 5 \"-\" \"EmailSiphon\"",
    "9.9.9.9 - ",
    " - ",
    "- ",
    " - - [24/Nov/2026:05:00:00 +0000] \"",
    "\" 400 5 \"-\" \"EmailSiphon\"",
    " 400 5",
    "a [24/Nov/2026:05:00:00 +0000] \"GET /?a=http://b HTTP/1.1\" 401 5 \"-\" \"-\"",
    "\\\"",
    "\\",
];
