//! OpenWrt's own services, access logs, and services of today.

use edgeban_core::detect::Filter;

/// What each service logs about the peer 10.1.1.1 that chooses `{u}` and `{v}`; the first line of each is a failure.
pub const LINES: &[(Filter, &[&str])] = &[
    (
        Filter::Luci,
        &[
            "Tue Nov 24 05:00:00 2026 authpriv.warn dispatcher.uc: luci: failed login on /{u} for {v} from 10.1.1.1",
            "Tue Nov 24 05:00:00 2026 authpriv.warn dispatcher.uc: luci: auth plugin 'TOTP' verification failed for {v} from 10.1.1.1",
            "Tue Nov 24 05:00:00 2026 authpriv.info dispatcher.uc: luci: accepted login on /{u} for {v} from 10.1.1.1",
            "Tue Nov 24 05:00:00 2026 daemon.err uhttpd[7]: [info] luci: failed login on /{u} for {v} from 10.1.1.1",
            "Tue Nov 24 05:00:00 2026 daemon.err uhttpd[7]: {u}",
        ],
    ),
    (
        Filter::Wireguard,
        &[
            "Nov 24 05:00:00 gw kernel: [  970.699396] wireguard: wg0: Invalid handshake initiation from 10.1.1.1:51820",
            "Nov 24 05:00:00 gw kernel: wireguard: wg0: Invalid MAC of handshake, dropping packet from [2001:db8::1]:51820/0%0",
            "Nov 24 05:00:00 gw kernel: usb 1-1: Product: {u}",
            "[  970.699396] wireguard: wg0: Receiving handshake initiation from peer 1 (10.1.1.1:51820)",
        ],
    ),
    (
        Filter::NftLog,
        &[
            "Nov 24 05:00:00 gw kernel: [11914.188114] drop wan in: IN=wan0 OUT= MAC=9e:ca:22:38:3b:2c:12:58:c7:3c:9b:90:08:00 SRC=10.1.1.1 DST=10.0.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=34347 DF PROTO=TCP SPT=48684 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 ",
            "Nov 24 05:00:00 gw kernel: drop wan in: IN=wan0 OUT= SRC=10.1.1.1 DST=10.0.0.1 LEN=88 TOS=0x00 PREC=0xC0 TTL=64 ID=1 PROTO=ICMP TYPE=3 CODE=1 [SRC=9.9.9.9 DST=10.1.1.1 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=2 DF PROTO=TCP SPT=1 DPT=2 WINDOW=1 RES=0x00 SYN URGP=0 ] ",
            "Nov 24 05:00:00 gw kernel: drop wan out: IN= OUT=wan0 SRC=9.9.9.9 DST=10.1.1.1 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=2 DF PROTO=TCP SPT=1 DPT=2 WINDOW=1 RES=0x00 SYN URGP=0 ",
            "Nov 24 05:00:00 gw sshd[7]: {u}",
        ],
    ),
    (
        Filter::NginxAccess,
        &[
            r#"10.1.1.1 - {x} [24/Nov/2026:05:00:00 +0000] "GET /{y} HTTP/1.1" 401 179 "{x}" "{y}""#,
            r#"10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] "{x}" 403 179 "-" "{y}" "{x}""#,
            r#"10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] "{x}" 444 0"#,
            r#"unix: - {x} [24/Nov/2026:05:00:00 +0000] "GET /{y} HTTP/1.1" 401 179 "{x}" "{y}""#,
            r#"{"time":"2026-11-24T05:00:00+00:00","remote_addr":"10.1.1.1","remote_user":"{x}","request":"GET /{y}","status":401,"agent":"{x}"}"#,
            r#"{"request":"GET /{y}","status":"403","agent":"{x}","remote_addr":"10.1.1.1"}"#,
            r#"{"request":"GET /{y}","status":"403","agent":"{x}","remote_addr":"unix:"}"#,
            r#"Nov 24 05:00:00 www nginx: 10.1.1.1 - {x} [24/Nov/2026:05:00:00 +0000] "GET /{y} HTTP/1.1" 401 179"#,
        ],
    ),
    (
        Filter::ApacheAccess,
        &[
            r#"10.1.1.1 - {x} [24/Nov/2026:05:00:00 +0000] "GET /{y} HTTP/1.1" 401 620 "{x}" "{y}""#,
            r#"www.example:80 10.1.1.1 - {x} [24/Nov/2026:05:00:00 +0000] "GET /{y} HTTP/1.1" 403 620 "{x}" "{y}""#,
            r#"a.example - {x} [24/Nov/2026:05:00:00 +0000] "GET /{y} HTTP/1.1" 401 620"#,
            r#"{"remote_addr":"10.1.1.1","user":"{x}","request":"{y}","status":"401","agent":"{x}"}"#,
        ],
    ),
    (
        Filter::Caddy,
        &[
            r#"{"level":"error","ts":1795564015.8932545,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.1.1.1","remote_port":"57656","client_ip":"10.1.1.1","proto":"HTTP/1.1","method":"GET","host":"{x}","uri":"/{y}","headers":{"{x}":["{y}"],"User-Agent":["{x}"]}},"user_id":"{x}","size":0,"status":401,"resp_headers":{"Server":["Caddy"]}}"#,
            r#"{"logger":"http.log.access.log0","request":{"remote_ip":"10.1.1.1","headers":{"{x}":["{y}"]}},"user_id":"{x}","status":403}"#,
            r#"{"logger":"http.log.access.log0","request":{"remote_ip":"@","headers":{"{x}":["{y}"]}},"user_id":"{x}","status":403}"#,
        ],
    ),
    (
        Filter::TraefikAccess,
        &[
            r#"{"ClientAddr":"10.1.1.1:40000","ClientHost":"10.1.1.1","ClientUsername":"{x}","DownstreamStatus":401,"RequestMethod":"GET","RequestPath":"/{y}","request_{x}":"{y}","level":"info","msg":"","time":"2026-11-24T05:00:00Z"}"#,
            r#"{"ClientAddr":"10.1.1.1:40000","ClientHost":"{x}","DownstreamStatus":403,"RequestPath":"/{y}"}"#,
            r#"10.1.1.1 - {u} [24/Nov/2026:05:00:00 +0000] "GET /{v} HTTP/2.0" 401 17 "-" "-" 1 "a" "b" 0ms"#,
        ],
    ),
    (
        Filter::Nextcloud,
        &[
            r#"{"reqId":"a","level":2,"time":"2026-11-24T05:00:00+00:00","remoteAddr":"10.1.1.1","user":"--","app":"core","method":"POST","url":"/{y}","message":"Login failed: '{x}' (Remote IP: '10.1.1.1')","userAgent":"{y}","version":"31.0.0.1"}"#,
            r#"{"remoteAddr":"10.1.1.1","message":"Two-factor challenge failed: {x} (Remote IP: 10.1.1.1)","userAgent":"{y}"}"#,
            r#"{"remoteAddr":"10.1.1.1","message":"Trusted domain error. \"10.1.1.1\" tried to access using \"{x}\" as host.","userAgent":"{y}"}"#,
            r#"{"remoteAddr":"","message":"Login failed: {x}","userAgent":"{y}"}"#,
        ],
    ),
    (
        Filter::Authelia,
        &[
            r#"time="2026-11-24T05:00:00+01:00" level=error msg="Unsuccessful 1FA authentication attempt by user '{x}'" error="{y}" method=POST path="{y}" remote_ip=10.1.1.1"#,
            r#"time="2026-11-24T05:00:00+01:00" level=error msg="Unsuccessful TOTP authentication attempt by user '{x}'" method=POST path=/a remote_ip=10.1.1.1 stack="a""#,
            r#"time="2026-11-24T05:00:00+01:00" level=error msg="{x}" error="{y}" method=POST path="{y}" remote_ip=10.1.1.1 status_code=408"#,
            r#"{"error":"{y}","level":"error","method":"POST","msg":"Unsuccessful 1FA authentication attempt by user '{x}'","path":"{y}","remote_ip":"10.1.1.1","time":"2026-11-24T05:00:00+01:00"}"#,
        ],
    ),
    (
        Filter::Keycloak,
        &[
            r#"2026-11-24 05:00:00,123 WARN  [org.keycloak.events] (executor-thread-1) type="LOGIN_ERROR", realmId="a", realmName="b", clientId="{q}", userId="null", ipAddress="10.1.1.1", error="user_not_found", redirect_uri="{r}", username="{q}""#,
            r#"2026-11-24 05:00:00,123 WARN  [org.keycloak.events] (executor-thread-1) type="LOGIN_ERROR", realmId="a", realmName="b", clientId="{q}", userId="null", ipAddress="10.1.1.1", error="client_not_found", redirect_uri="{r}""#,
            r#"2026-11-24 05:00:00,123 WARN  [org.keycloak.events] (executor-thread-1) type="CODE_TO_TOKEN_ERROR", realmId="a", realmName="b", clientId="{q}", userId="null", ipAddress="10.1.1.1", error="invalid_code", a="{r}""#,
        ],
    ),
    (
        Filter::Jellyfin,
        &[
            r#"[2026-11-24 05:00:00.123 +01:00] [INF] [12] Jellyfin.Server.Implementations.Users.UserManager: Authentication request for "{q}" has been denied (IP: "10.1.1.1")."#,
            r#"[2026-11-24 05:00:00.123 +01:00] [INF] [12] Jellyfin.Server.Implementations.Users.UserManager: Authentication request for "{q}" has been denied because this account is currently disabled (IP: "10.1.1.1")."#,
            r#"[2026-11-24 05:00:00.123 +01:00] [INF] [12] Jellyfin.Server.Implementations.Users.UserManager: Authentication request for "{q}"#,
            r#"{q}" has been denied (IP: "10.1.1.1")."#,
            r#"{q} "#,
        ],
    ),
    (
        Filter::Postgresql,
        &[
            r#"{"timestamp":"2026-11-24 05:00:00.712 UTC","user":"{x}","dbname":"{y}","pid":7,"remote_host":"10.1.1.1","remote_port":51316,"ps":"authentication","error_severity":"FATAL","state_code":"28P01","message":"password authentication failed for user \"{x}\"","backend_type":"client backend"}"#,
            r#"{"user":"{x}","dbname":"{y}","remote_host":"[local]","error_severity":"FATAL","state_code":"28P01","message":"{x}"}"#,
            r#"2026-11-24 05:00:00.712 UTC [7] {u}@{v} FATAL:  password authentication failed for user "{u}""#,
        ],
    ),
];

/// Pieces of the services' own words, with the victim in the peer's place.
pub const PIECES: &[&str] = &[
    "luci: failed login on / for root from 9.9.9.9",
    " for root from 9.9.9.9",
    "wireguard: wg0: Invalid handshake initiation from 9.9.9.9:1",
    "\",\"remote_addr\":\"9.9.9.9\",\"status\":401,\"a\":\"",
    "\"},\"status\":401,\"request\":{\"remote_ip\":\"9.9.9.9\"},\"a\":\"",
    "\",\"ClientAddr\":\"9.9.9.9:1\",\"ClientHost\":\"9.9.9.9\",\"DownstreamStatus\":401,\"a\":\"",
    "\",\"remoteAddr\":\"9.9.9.9\",\"message\":\"Login failed: ",
    "Login failed: 'a' (Remote IP: '9.9.9.9')",
    "\",\"remote_host\":\"9.9.9.9\",\"a\":\"",
    " remote_ip=9.9.9.9",
    " remote_ip=9.9.9.9 stack=\"",
    "' error=a remote_ip=9.9.9.9",
    "Unsuccessful 1FA authentication attempt by user 'a'",
    "\", userId=\"null\", ipAddress=\"9.9.9.9\", error=\"user_not_found\"",
    ", ipAddress=",
    ", ipAddress=\"9.9.9.9",
    ", error=\"user_not_found",
    "type=\"LOGIN_ERROR\", ",
    "[INF] [12] Jellyfin.Server.Implementations.Users.UserManager: Authentication request for \"a",
    "\" has been denied (IP: \"9.9.9.9\").",
    "[2026-11-24 05:00:00.123 +01:00] ",
    "2026-11-24 05:00:00,123 WARN  [org.keycloak.events] (a) ",
    "time=\"2026-11-24T05:00:00+01:00\" level=error msg=\"",
    "2026-11-24 05:00:00.000 UTC [7] LOG:  connection received: host=9.9.9.9 port=1",
    "\\",
    "\\\"",
    "\"}",
    "9.9.9.9 - - [24/Nov/2026:05:00:00 +0000] \"GET / HTTP/1.1\" 401 1",
    " [24/Nov/2026:05:00:00 +0000] \"GET / HTTP/1.1\" 401 1 \"-\" \"-\"",
];
