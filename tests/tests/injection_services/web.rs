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
    (
        Filter::ApacheBotsearch,
        &[
            "[Thu Jul 11 01:21:43 2013] [error] [client 10.1.1.1] File does not exist: /var/www/pma{u}, referer: {v}",
            "[Sat Jul 20 21:39:11.978080 2013] [core:info] [pid 7:tid 8] [client 10.1.1.1:5] AH00128: File does not exist: /var/www/html/wp-login.php{u}, referer: {v}",
            "[Thu Jul 11 01:21:43 2013] [error] [client 10.1.1.1] script '/var/www/pma/{u}' not found or unable to stat, referer: {v}",
            "Nov 24 05:00:00 srv apache2[7]: [error] [client 10.1.1.1] File does not exist: /var/www/mail{u}",
            "[Sat Jul 20 21:39:11.978080 2013] [cgi:error] [pid 7] AH01215: {u}",
        ],
    ),
    (
        Filter::ApacheModsecurity,
        &[
            "[Sat Jul 20 21:39:11.978080 2013] [:error] [pid 7] [client 10.1.1.1:5] [client 10.1.1.1] ModSecurity: Access denied with code 403 (phase 2). Pattern match \"a\" at {u}. [uri \"{v}\"]",
            "[Thu Jul 11 01:21:43 2013] [error] [client 10.1.1.1] ModSecurity: [file \"a\"] [msg \"{x}\"] [data {v}] Access denied with code 403 (phase 2).",
            "[Sat Jul 20 21:39:11.978080 2013] [:error] [pid 7] [client 10.1.1.1:5] ModSecurity: Warning. {u}",
        ],
    ),
    (
        Filter::ApacheNohome,
        &[
            "[Thu Jul 11 01:21:43 2013] [error] [client 10.1.1.1] File does not exist: /var/www/~{u}, referer: {v}",
            "[Sat Jul 20 21:39:11.978080 2013] [core:info] [pid 7:tid 8] [client 10.1.1.1:5] AH00128: File does not exist: /var/www/{u}, referer: {v}",
        ],
    ),
    (
        Filter::ApacheNoscript,
        &[
            "[Thu Jul 11 01:21:43 2013] [error] [client 10.1.1.1] File does not exist: /var/www/a.php/{u}, referer: {v}",
            "[Sat Jul 20 21:39:11.978080 2013] [cgid:error] [pid 7:tid 8] [client 10.1.1.1:5] AH01264: stderr from /srv/{u}.pl: script not found or unable to stat, referer: {v}",
            "[Sat Jul 20 21:39:11.978080 2013] [proxy_fcgi:error] [pid 7:tid 8] [client 10.1.1.1:5] AH01071: Got error 'PHP message: {u}', referer: {v}",
        ],
    ),
    (
        Filter::ApacheOverflows,
        &[
            "[Thu Jul 11 01:21:43 2013] [error] [client 10.1.1.1] Invalid URI in request {u}",
            "[Sat Jul 20 21:39:11.978080 2013] [core:error] [pid 7] [client 10.1.1.1:5] AH10244: invalid URI path ({u}), referer: {v}",
            "[Sat Jul 20 21:39:11.978080 2013] [core:error] [pid 7] [client 10.1.1.1:5] AH00135: Invalid method in request {u}",
        ],
    ),
    (
        Filter::ApacheShellshock,
        &[
            "[Sat Jul 20 21:39:11.978080 2013] [cgi:error] [pid 7] [client 10.1.1.1:5] AH01215: /bin/bash: warning: HTTP_A: ignoring function definition attempt, referer: {u}",
            "[Sat Jul 20 21:39:11.978080 2013] [cgi:error] [pid 7] [client 10.1.1.1:5] AH01215: stderr from /srv/a: {u}, referer: {v}",
        ],
    ),
    (
        Filter::Zoneminder,
        &[
            "[Sat Jul 20 21:39:11.978080 2013] [php7:notice] [pid 7] [client 10.1.1.1:5] ERR [Login denied for user \"{u}\"], referer: {v}",
            "[Sat Jul 20 21:39:11.978080 2013] [php7:notice] [pid 7] [client 10.1.1.1:5] ERR [Could not retrieve user {u} details]",
            "[Sat Jul 20 21:39:11.978080 2013] [php7:notice] [pid 7] [client 10.1.1.1:5] INF [{u}]",
        ],
    ),
    (
        Filter::NginxBotsearch,
        &[
            "10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] \"GET /pma{x} HTTP/1.1\" 404 5 \"{y}\" \"{y}\" \"-\"",
            "10.1.1.1 - {x} [24/Nov/2026:05:00:00 +0000] \"POST //wp-login.php{y} HTTP/1.1\" 404 5 \"-\" \"-\"",
            "2026/11/24 05:00:00 [error] 7#8: *9 open() \"/srv/pma/{u}\" failed (2: No such file or directory), client: 10.1.1.1, server: s, request: \"GET /pma/{v} HTTP/1.1\", host: \"{v}\", referrer: \"{u}\"",
            "2026/11/24 05:00:00 [error] 7#8: *9 \"/srv/{u}/index.html\" is not found (2: No such file or directory), client: 10.1.1.1, server: s, request: \"GET /mail{v} HTTP/1.1\", host: \"{v}\"",
            "Nov 24 05:00:00 srv nginx[7]: 2026/11/24 05:00:00 [error] 7#8: *9 open() \"/srv/pma/{u}\" failed (2: No such file or directory), client: 10.1.1.1, server: s, request: \"GET /pma/{v} HTTP/1.1\"",
        ],
    ),
    (
        Filter::NginxForbidden,
        &[
            "2026/11/24 05:00:00 [error] 7#8: *9 access forbidden by rule, client: 10.1.1.1, server: s, request: \"GET /{u} HTTP/1.1\", host: \"{v}\", referrer: \"{u}\"",
            "2026/11/24 05:00:00 [error] 7#8: *9 open() \"/srv/{u}\" failed (2: No such file or directory), client: 10.1.1.1, server: s, request: \"{v}\"",
        ],
    ),
    (
        Filter::NginxLimitReq,
        &[
            "2026/11/24 05:00:00 [error] 7#8: *9 limiting requests, excess: 1.852 by zone \"one\", client: 10.1.1.1, server: s, request: \"GET /{u} HTTP/1.1\", host: \"{v}\"",
            "2026/11/24 05:00:00 [warn] 7#8: *9 delaying request, excess: 0.850, by zone \"one\", client: 10.1.1.1, server: s, request: \"GET /{u} HTTP/1.1\", host: \"{v}\"",
            "2026/11/24 05:00:00 [error] 7#8: *9 limiting connections by zone \"one\", client: 10.1.1.1, server: s, request: \"{u}\", host: \"{v}\"",
            "2026/11/24 05:00:00 [error] 7#8: *9 open() \"/srv/{u}\" failed (2: No such file or directory), client: 10.1.1.1, server: s, request: \"{v}\"",
        ],
    ),
    (
        Filter::LighttpdAuth,
        &[
            "2026-11-24 05:00:00: (mod_auth.c.853) password doesn't match for /{u} username: {v} IP: 10.1.1.1",
            "2026-11-24 05:00:00: (http_auth.c.875) password doesn't match for /{u} username: {v} , IP: 10.1.1.1",
            "2026-11-24 05:00:00: (mod_auth.c.791) digest: auth failed for  {u} : wrong password, IP: 10.1.1.1",
            "2026-11-24 05:00:00: (mod_auth.c.791) digest: auth failed: uri mismatch (/{u} != /{v}), IP: 10.1.1.1",
            "Nov 24 05:00:00 srv lighttpd[7]: (mod_auth.c.853) password doesn't match for /{u} username: {v} IP: 10.1.1.1",
            "2026-11-24 05:00:00: (mod_fastcgi.c.2676) FastCGI-stderr: {u}",
        ],
    ),
    (
        Filter::Suhosin,
        &[
            "Nov 24 05:00:00 srv suhosin[7]: ALERT - a - dropped variable '{u}' (attacker '10.1.1.1', file '/srv/a.php')",
            "Nov 24 05:00:00 srv suhosin[7]: ALERT - a {u} (attacker '10.1.1.1', file '/srv/a.php', line 5)",
            "2026-11-24 05:00:00: (mod_fastcgi.c.2676) FastCGI-stderr: ALERT - a '{u}' (attacker '10.1.1.1', file '/srv/a.php')",
            "Nov 24 05:00:00 [7] ALERT - a '{u}' (attacker 'REMOTE_ADDR not set', file '/srv/a.php')",
        ],
    ),
    (
        Filter::HaproxyHttpAuth,
        &[
            "Nov 24 05:00:00 srv haproxy[7]: 10.1.1.1:5 [14/Nov/2015:22:45:11.608] main main/<NOSRV> -1/-1/-1/-1/0 401 248 - - PR-- 0/0/0/0/0 0/0 {{u}|{v}} \"GET /{u} HTTP/1.1\"",
            "Nov 24 05:00:00 srv haproxy[7]: 10.1.1.1:5 [14/Nov/2015:22:45:11.608] main app/a 1/0/1/0/1 401 248 - - ---- 0/0/0/0/0 0/0 {{u}|{v}} \"{u}\"",
        ],
    ),
    (
        Filter::Squid,
        &[
            "1386543323.000      4 10.1.1.1 TCP_DENIED/403 4099 GET http://{u} {v} HIER_NONE/- text/html",
            "1386543323.000      4 10.1.1.1 TCP_MISS/200 4099 GET http://{u} {v} HIER_NONE/- {u}",
        ],
    ),
    (
        Filter::ThreeProxy,
        &[
            "11-06-2013 02:09:43 +0300 PROXY.3128 00005 {u} 10.1.1.1:5 0.0.0.0:0 0 0 0 GET http://{v} HTTP/1.1",
            "1386543323.000  SOCKS.1080 00003 {u} 10.1.1.1:5 0.0.0.0:0 0 0 0 {v}",
            "11-06-2013 02:09:43 +0300 PROXY.3128 00000 {u} 10.1.1.1:5 192.0.2.1:80 5 5 0 GET http://{v} HTTP/1.1",
        ],
    ),
    (
        Filter::DrupalAuth,
        &[
            "Nov 24 05:00:00 srv drupal: https://a.example|1430068525|user|10.1.1.1|https://a.example/?{u}|{v}|0||Login attempt failed for {u}.",
            "Nov 24 05:00:00 srv a.example: https://a.example|1430068525|page not found|10.1.1.1|https://a.example/?{u}|{v}|0||{u}",
        ],
    ),
    (
        Filter::PhpmyadminSyslog,
        &[
            "Nov 24 05:00:00 srv phpMyAdmin[7]: user denied: {u} (mysql-denied) from 10.1.1.1",
            "Nov 24 05:00:00 srv phpMyAdmin[7]: user authenticated: {u} from 10.1.1.1",
        ],
    ),
    (
        Filter::FroxlorAuth,
        &[
            "Nov 24 05:00:00 srv Froxlor: [Login Action 10.1.1.1] Unknown user '{u}' tried to login.",
            "Nov 24 05:00:00 srv Froxlor: [Login Action 10.1.1.1] User '{u}' tried to login with wrong password.",
            "Nov 24 05:00:00 srv froxlor[7]: froxlor.WARNING: Unknown user '{u}' tried to login. {\"source\":\"login\",\"action\":\"50\",\"user\":\"10.1.1.1\"} []",
            "[2025-09-21T17:46:18.311379+02:00] froxlor.WARNING: User '{u}' tried to login with wrong password. {\"source\":\"login\",\"action\":\"50\",\"user\":\"10.1.1.1\"} []",
            "Nov 24 05:00:00 srv froxlor[7]: froxlor.INFO: {u} {\"source\":\"login\",\"action\":\"50\",\"user\":\"{x}\"} []",
        ],
    ),
    (
        Filter::Directadmin,
        &[
            "2014:07:02-00:17:45: '10.1.1.1' 2 failed login attempts. Account '{u}'",
            "2014:07:02-00:17:45: '10.1.1.1' successful login to '{u}' after {v} attempts",
        ],
    ),
    (
        Filter::Centreon,
        &[
            "2019-10-15 18:55:15|-1|0|0|[WEB] [10.1.1.1] Authentication failed for '{u}'",
            "2019-10-15 18:55:15|5|0|0|[WEB] [10.1.1.1] Authentication succeeded for '{u}'",
        ],
    ),
    (
        Filter::Monitorix,
        &[
            "Wed Apr 14 08:54:22 2021 - NOTEXIST - [10.1.1.1] File does not exist: /{u}",
            "Wed Apr 14 08:54:22 2021 - OK - [10.1.1.1] \"GET /{u} - {v}\"",
        ],
    ),
    (
        Filter::Guacamole,
        &[
            "WARNING: Authentication attempt from 10.1.1.1 for user \"{u}\" failed.",
            "12:57:32.907 [http-nio-8080-exec-1] WARN  o.a.g.r.auth.AuthenticationService - Authentication attempt from 10.1.1.1 for user \"{u}\" failed: {v}",
            "12:57:32.907 [http-nio-8080-exec-1] WARN  o.a.g.r.auth.AuthenticationService - Authentication attempt from [9.9.9.9, 10.1.1.1] for user \"{u}\" failed.",
            "12:57:32.907 [http-nio-8080-exec-1] INFO  o.a.g.r.auth.AuthenticationService - User \"{u}\" successfully authenticated from 10.1.1.1.",
        ],
    ),
    (
        Filter::Openhab,
        &[
            "10.1.1.1 -  -  [24/Nov/2026:05:00:00 +0000] \"GET /{u} HTTP/1.1\" 401 1384 ",
            "10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] \"GET /{u} HTTP/1.1\" 401 1384",
            "10.1.1.1 - a{u} [24/Nov/2026:05:00:00 +0000] \"GET /{v} HTTP/1.1\" 200 1384",
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
    "9.9.9.9] File does not exist: /var/www/pma",
    "[error] [client 9.9.9.9] File does not exist: /var/www/~pma.php",
    "AH00126: Invalid URI in request ",
    ": script not found or unable to stat",
    "' not found or unable to stat",
    "/bin/bash: warning: HTTP_A: ignoring function definition attempt",
    "[client 9.9.9.9] ModSecurity: Access denied with code 403",
    "ERR [Login denied for user \"\"]",
    ", referer: ",
    "\" failed (2: No such file or directory), client: 9.9.9.9, server: s, request: \"GET /pma HTTP/1.1\"",
    "access forbidden by rule, client: 9.9.9.9, server: s",
    "limiting connections by zone \"a\", client: 9.9.9.9, server: s",
    " username: a IP: 9.9.9.9",
    ": wrong password, IP: 9.9.9.9",
    " != a), IP: 9.9.9.9",
    "ALERT - a (attacker '9.9.9.9', file 'b')",
    " (attacker '9.9.9.9', file 'b', line 5)",
    "9.9.9.9:5 [14/Nov/2015:22:45:11.608] a b/<NOSRV> -1/-1/-1/-1/0 401 248 ",
    "4 9.9.9.9 TCP_DENIED/403 5 GET ",
    " 9.9.9.9:5 0.0.0.0:0 0 0 0 ",
    "a.b 00005 a 9.9.9.9:5 0.0.0.0:0 0 0 0 a",
    "https://a|5|user|9.9.9.9|a|b|0||Login attempt failed for a.",
    "|user|9.9.9.9|",
    "|Login attempt failed from ",
    " (mysql-denied) from 9.9.9.9",
    "[Login Action 9.9.9.9] User 'a' tried to login with wrong password.",
    "' tried to login. {\"user\":\"9.9.9.9\"} []",
    "froxlor.WARNING: User",
    "'9.9.9.9' 2 failed login attempts. a",
    "-1|0|0|[WEB] [9.9.9.9] Authentication failed for 'a",
    "- AUTHERR - [9.9.9.9] a",
    "\" failed. WARNING: Authentication attempt from 9.9.9.9 for user \"",
];
