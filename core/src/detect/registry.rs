//! The table of the services: from it follow the filters' names, the programs that they read, and where they log.

use super::dispatch::Row;
use super::heard::Heard;
use super::pattern::access::Access;
use super::pattern::split_first;
use super::pattern::*;
use super::{Attempt, Mode, Sessions};
use crate::addr::Addr;
use crate::source::syslog::Record;

/// Where programs log through syslog: Debian and its kin, Red Hat and its kin, OpenWrt and other BusyBox systems. A path
/// that does not exist is waited for, not an error.
const AUTH: &[&str] = &["/var/log/auth.log", "/var/log/secure", "/var/log/messages"];

/// The same of mail servers.
const MAIL: &[&str] = &["/var/log/mail.log", "/var/log/maillog", "/var/log/messages"];

/// The same of other daemons, and of the kernel.
const DAEMON: &[&str] = &["/var/log/syslog", "/var/log/messages", "/var/log/daemon.log"];
const KERNEL: &[&str] = &["/var/log/kern.log", "/var/log/messages"];

/// Of mail servers that log what concerns authentication where others do.
const AUTH_AND_MAIL: &[&str] =
    &["/var/log/auth.log", "/var/log/secure", "/var/log/mail.log", "/var/log/maillog", "/var/log/messages"];

/// Exim's main log.
const EXIM: &[&str] = &["/var/log/exim4/mainlog", "/var/log/exim/main.log", "/var/log/exim/mainlog"];

/// Where Apache httpd and nginx write down requests.
const APACHE_ACCESS: &[&str] =
    &["/var/log/apache2/access.log", "/var/log/apache2/other_vhosts_access.log", "/var/log/httpd/access_log"];
const NGINX_ACCESS: &[&str] = &["/var/log/nginx/access.log"];

/// Where they complain, and lighttpd.
const APACHE_ERROR: &[&str] = &["/var/log/apache2/error.log", "/var/log/httpd/error_log"];
const NGINX_ERROR: &[&str] = &["/var/log/nginx/error.log"];
const LIGHTTPD_ERROR: &[&str] = &["/var/log/lighttpd/error.log"];

/// Makes [`Filter`] of the table's rows:
///
/// - `programs`: the names that syslog has for it; several filters may read one program;
/// - `instance`: of a name with a part that the operator chooses, whether it is one of this service's; asked only about names
///   that no row has;
/// - `starts` (optional): what such names start with, so that `instance` is not asked about others;
/// - `others` (optional): whether it reads the programs that are no filter's by name;
/// - `logpath`: where it logs unless the jail says otherwise;
/// - `own_log`: whether it also, or only, writes a log file of its own, where lines have a date and no program: such lines
///   are read for jails with this filter and for no other;
/// - `first` (optional): the bytes that its messages there start with, behind the date;
/// - `access` (optional): whether it reads access logs; it is only asked about their lines then, and about those that `first` says;
/// - `dated` (optional): whether it always writes a date there: a line without one is the rest of one that the peer's text
///   broke;
/// - `unescaped` (optional): whether it writes, or may write, the ends of lines that a peer sends as they are into that log;
/// - `has` (optional): a text that each message of interest has, to tell the others cheaply;
/// - `modes`: whether it counts more in other modes than in `normal`;
/// - one of `message` (whose failure a message tells), `moded` (in which mode), `request` (whose failure a line of an access log
///   is, in which mode) and `read` (from a record to what it proves), which is for those who need more.
macro_rules! services {
    ($(
        $(#[$doc:meta])*
        $id:ident = $name:literal {
            programs: [$($program:literal),* $(,)?],
            instance: $instance:expr,
            $(starts: [$($start:literal),+ $(,)?],)?
            $(others: $others:literal,)?
            logpath: $logpath:expr,
            own_log: $own_log:literal,
            $(first: $first:literal,)?
            $(access: $access:literal,)?
            $(dated: $dated:literal,)?
            $(unescaped: $unescaped:literal,)?
            $(has: $has:literal,)?
            modes: $modes:literal,
            $(message: $message:expr,)?
            $(moded: $moded:expr,)?
            $(request: $request:expr,)?
            $(read: |$record:ident, $mode:ident, $sessions:ident| $read:expr,)?
        }
    )*) => {
        /// A service whose messages edgeban understands; fail2ban's filter names.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum Filter {
            $($(#[$doc])* $id,)*
        }

        /// What the dispatch is made of, in the order of [`Filter::ALL`].
        pub(super) const ROWS: [Row; Filter::NAMES.len()] = [$(Row {
            programs: &[$($program),*],
            instance: $instance,
            starts: &[$($($start),+)?],
            others: false $(|| $others)?,
            own_log: $own_log,
            first: one_or_none(&[$($first)?]),
            access: false $(|| $access)?,
        }),*];

        impl Filter {
            /// Every filter.
            pub const ALL: [Self; Self::NAMES.len()] = [$(Self::$id),*];

            /// The filters' names.
            pub const NAMES: [&str; [$($name),*].len()] = [$($name),*];

            /// The filter's name in the configuration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$id => $name,)* }
            }

            /// Its place in [`Filter::ALL`].
            #[expect(clippy::as_conversions, reason = "the enum's own numbers")]
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }

            /// Where the service logs unless it is told otherwise.
            #[must_use]
            pub const fn logpath(self) -> &'static [&'static str] {
                match self { $(Self::$id => $logpath,)* }
            }

            /// Whether a peer may write whole lines into the service's log at this path, and so have anybody banned. Syslog
            /// daemons escape line ends, and nginx does in its access log, so it cannot where these usually are.
            #[must_use]
            pub fn is_forgeable(self, path: &str) -> bool {
                let unescaped = match self { $(Self::$id => false $(|| $unescaped)?,)* };
                unescaped && !AUTH.iter().chain(DAEMON).chain(NGINX_ACCESS).any(|known| *known == path)
            }

            /// Whether other modes count more than `normal`.
            #[must_use]
            pub const fn has_modes(self) -> bool {
                match self { $(Self::$id => $modes,)* }
            }

            /// The failed attempts that this record proves, if any. It must be of one of this filter's programs, or
            /// [of its own log](Self::own_record).
            pub fn detect(self, mode: Mode, sessions: &mut Sessions, record: &Record<'_>) -> Option<Attempt> {
                self.hear(mode, sessions, &Heard::new(record))
            }

            /// The same of a record that other filters may have heard.
            pub(crate) fn hear(self, mode: Mode, sessions: &mut Sessions, record: &Heard<'_>) -> Option<Attempt> {
                // Functions in a table are a fifth of the code that a `match` of calls is.
                static READERS: [(Reader, bool, &[u8]); Filter::NAMES.len()] = [$((
                    $(Reader::Message($message))?
                    $(Reader::Moded($moded))?
                    $(Reader::Request($request))?
                    $(Reader::Record(|$record: &Heard<'_>, $mode: Mode, $sessions: &mut Sessions| $read))?,
                    false $(|| $dated)?,
                    one_or_none(&[$($has)?]),
                )),*];
                let (reader, dated, has) = READERS.get(self.index())?;
                if (*dated && !is_whole(record)) || !(has.is_empty() || split_first(record.message, has).is_some()) {
                    return None;
                }
                match reader {
                    Reader::Message(read) => read(record.message).map(once),
                    Reader::Moded(read) => read(record.message, mode).map(once),
                    Reader::Request(read) => read(record.access()?, mode).map(once),
                    Reader::Record(read) => read(record, mode, sessions),
                }
            }
        }
    };
}

services! {
    /// OpenSSH's `sshd` and `sshd-session`.
    Sshd = "sshd" {
        programs: [b"sshd", b"sshd-session", b"sshd-auth"],
        instance: None,
        logpath: AUTH,
        own_log: false,
        modes: true,
        read: |record, mode, sessions| {
            let part = sshd::read(record.message, mode, sessions.peer(record.pid))?;
            sessions.take(record.pid, part)
        },
    }
    /// Dropbear.
    Dropbear = "dropbear" {
        programs: [b"dropbear"],
        instance: None,
        logpath: AUTH,
        own_log: false,
        modes: true,
        read: |record, mode, sessions| {
            let part = dropbear::read(record.message, mode)?;
            sessions.take(record.pid, part)
        },
    }
    /// Postfix's `smtpd` and `postscreen`.
    Postfix = "postfix" {
        programs: [b"postfix/smtpd", b"postfix/postscreen"],
        instance: Some(postfix::is_program),
        starts: [b"postfix"],
        logpath: MAIL,
        own_log: false,
        modes: true,
        moded: postfix::read,
    }
    /// Dovecot.
    Dovecot = "dovecot" {
        programs: [b"dovecot", b"dovecot-auth", b"auth", b"auth-worker", b"imap-login", b"pop3-login", b"managesieve-login", b"submission-login"],
        instance: Some(dovecot::is_program),
        starts: [b"auth"],
        logpath: MAIL,
        own_log: true,
        modes: true,
        moded: dovecot::read,
    }
    /// Exim.
    Exim = "exim" {
        programs: [b"exim", b"exim4"],
        instance: None,
        logpath: EXIM,
        own_log: true,
        modes: true,
        moded: exim::read,
    }
    /// vsftpd.
    Vsftpd = "vsftpd" {
        programs: [b"vsftpd"],
        instance: None,
        logpath: &["/var/log/vsftpd.log", "/var/log/auth.log", "/var/log/secure", "/var/log/messages"],
        own_log: true,
        first: b"[(pa",
        modes: false,
        message: vsftpd::read,
    }
    /// ProFTPD.
    Proftpd = "proftpd" {
        programs: [b"proftpd"],
        instance: None,
        logpath: &["/var/log/proftpd/proftpd.log", "/var/log/auth.log", "/var/log/secure", "/var/log/messages"],
        own_log: true,
        modes: false,
        message: proftpd::read,
    }
    /// Pure-FTPd.
    PureFtpd = "pure-ftpd" {
        programs: [b"pure-ftpd"],
        instance: None,
        logpath: &["/var/log/syslog", "/var/log/messages"],
        own_log: false,
        modes: false,
        message: pureftpd::read,
    }
    /// Apache httpd's error log.
    ApacheAuth = "apache-auth" {
        programs: [b"httpd", b"apache2"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: APACHE_ERROR,
        own_log: true,
        first: b"[",
        modes: true,
        moded: apache::read,
    }
    /// nginx's error log.
    NginxHttpAuth = "nginx-http-auth" {
        programs: [b"nginx"],
        instance: None,
        logpath: NGINX_ERROR,
        own_log: true,
        first: b"[",
        unescaped: true,
        modes: true,
        moded: nginx::read,
    }
    /// Asterisk.
    Asterisk = "asterisk" {
        programs: [b"asterisk"],
        instance: None,
        logpath: &["/var/log/asterisk/messages", "/var/log/asterisk/messages.log", "/var/log/asterisk/security"],
        own_log: true,
        first: b"NSWE",
        modes: false,
        message: asterisk::read,
    }
    /// OpenVPN's server.
    Openvpn = "openvpn" {
        programs: [b"openvpn"],
        instance: Some(openvpn::is_program),
        starts: [b"ovpn-", b"openvpn"],
        logpath: &["/var/log/openvpn/openvpn.log", "/var/log/syslog", "/var/log/messages"],
        own_log: true,
        modes: false,
        read: |record, _mode, sessions| {
            let (connection, part) = openvpn::read(record.message, |tag| sessions.peer(Some(tag)))?;
            sessions.take(Some(connection), part)
        },
    }
    /// Vaultwarden.
    Vaultwarden = "vaultwarden" {
        programs: [b"vaultwarden"],
        instance: None,
        logpath: &["/var/log/vaultwarden.log", "/var/log/vaultwarden/vaultwarden.log"],
        own_log: true,
        first: b"[",
        unescaped: true,
        modes: false,
        message: vaultwarden::read,
    }

    /// No service: who was banned again and again by other jails.
    Recidive = "recidive" {
        programs: [],
        instance: None,
        logpath: &[],
        own_log: false,
        modes: false,
        read: |_record, _mode, _sessions| None,
    }

    // Mail servers and webmail.

    /// Courier's IMAP and POP3 servers, and its webmail.
    CourierAuth = "courier-auth" {
        programs: [b"imapd", b"pop3d", b"sqwebmaild"],
        instance: Some(courier::is_login),
        starts: [b"imap", b"pop3", b"courier"],
        logpath: MAIL,
        own_log: false,
        modes: false,
        message: courier::login,
    }
    /// Courier's SMTP server.
    CourierSmtp = "courier-smtp" {
        programs: [b"courieresmtpd"],
        instance: None,
        logpath: MAIL,
        own_log: false,
        modes: false,
        message: courier::smtp,
    }
    /// Cyrus' IMAP and POP3 servers.
    CyrusImap = "cyrus-imap" {
        programs: [b"imap", b"imapd", b"imaps", b"pop3", b"pop3d", b"pop3s", b"cyrus/imap", b"cyrus/imapd", b"cyrus/imaps", b"cyrus/pop3", b"cyrus/pop3d", b"cyrus/pop3s"],
        instance: None,
        logpath: MAIL,
        own_log: false,
        modes: false,
        message: cyrus::read,
    }
    /// Cyrus' Sieve server.
    Sieve = "sieve" {
        programs: [b"timsieved", b"sieve", b"cyrus/timsieved", b"cyrus/sieve"],
        instance: None,
        logpath: MAIL,
        own_log: false,
        modes: false,
        message: cyrus::read,
    }
    /// Perdition, the proxy for IMAP and POP3.
    Perdition = "perdition" {
        programs: [b"perdition"],
        instance: Some(perdition::is_program),
        starts: [b"perdition."],
        logpath: MAIL,
        own_log: false,
        modes: false,
        message: perdition::read,
    }
    /// Authentication at Sendmail.
    SendmailAuth = "sendmail-auth" {
        programs: [b"sendmail", b"sm-mta", b"sm-acceptingconnections"],
        instance: None,
        logpath: MAIL,
        own_log: false,
        modes: false,
        message: sendmail::auth,
    }
    /// Peers that Sendmail turns away.
    SendmailReject = "sendmail-reject" {
        programs: [b"sendmail", b"sm-mta", b"sm-acceptingconnections"],
        instance: None,
        logpath: MAIL,
        own_log: false,
        modes: true,
        read: |record, mode, sessions| {
            let (envelope, part) = sendmail::reject(record.message, mode)?;
            sessions.take(envelope, part)
        },
    }
    /// solid-pop3d.
    SolidPop3d = "solid-pop3d" {
        programs: [b"solid-pop3d"],
        instance: None,
        logpath: MAIL,
        own_log: false,
        modes: false,
        message: solidpop3d::read,
    }
    /// The University of Washington's IMAP and POP3 servers.
    UwimapAuth = "uwimap-auth" {
        programs: [b"imapd", b"ipop3d"],
        instance: None,
        logpath: AUTH_AND_MAIL,
        own_log: false,
        modes: false,
        message: uwimap::read,
    }
    /// qmail's peers that a DNS list knows.
    Qmail = "qmail" {
        programs: [b"qmail", b"rblsmtpd", b"qmail-smtpd"],
        instance: None,
        logpath: &["/service/qmail/log/main/current", "/var/log/qmail/smtpd/current", "/var/log/mail.log", "/var/log/maillog"],
        own_log: false,
        modes: false,
        message: qmail::read,
    }
    /// Domino's SMTP server.
    DominoSmtp = "domino-smtp" {
        programs: [],
        instance: None,
        logpath: &["/local/notesdata/IBM_TECHNICAL_SUPPORT/console.log", "/home/domino01/data/IBM_TECHNICAL_SUPPORT/console.log"],
        own_log: true,
        first: b"Ss",
        dated: true,
        modes: false,
        message: domino::read,
    }
    /// Oracle's Messaging Server.
    Oracleims = "oracleims" {
        programs: [],
        instance: None,
        logpath: &["/opt/sun/comms/messaging64/log/mail.log_current"],
        own_log: true,
        dated: true,
        has: b" mi=\"Bad password\" us=\"",
        modes: false,
        message: oracleims::read,
    }
    /// Kerio Connect.
    Kerio = "kerio" {
        programs: [],
        instance: None,
        logpath: &["/opt/kerio/mailserver/store/logs/security.log"],
        own_log: true,
        dated: true,
        modes: false,
        message: kerio::read,
    }
    /// The Anti-Spam SMTP Proxy.
    Assp = "assp" {
        programs: [b"assp"],
        instance: None,
        logpath: &["/usr/share/assp/logs/maillog.txt", "/var/log/assp/maillog.txt"],
        own_log: true,
        dated: true,
        modes: false,
        message: assp::read,
    }
    /// Spam that Exim refused.
    EximSpam = "exim-spam" {
        programs: [b"exim", b"exim4"],
        instance: None,
        logpath: EXIM,
        own_log: true,
        dated: true,
        modes: false,
        message: eximspam::read,
    }
    /// Horde and IMP.
    Horde = "horde" {
        programs: [b"HORDE", b"horde"],
        instance: None,
        logpath: &["/var/log/horde/horde.log"],
        own_log: true,
        dated: true,
        has: b"FAILED LOGIN for ",
        modes: false,
        message: horde::read,
    }
    /// Roundcube.
    RoundcubeAuth = "roundcube-auth" {
        programs: [b"roundcube"],
        instance: None,
        logpath: &["/var/log/roundcube/errors.log", "/var/log/roundcube/userlogins.log", "/var/log/roundcube/errors", "/var/log/roundcube/userlogins", "/var/log/roundcubemail/errors.log", "/var/log/roundcubemail/errors", "/var/log/messages"],
        own_log: true,
        first: b":",
        dated: true,
        modes: false,
        message: roundcube::read,
    }
    /// SquirrelMail.
    Squirrelmail = "squirrelmail" {
        programs: [b"squirrelmail"],
        instance: None,
        logpath: &["/var/lib/squirrelmail/prefs/squirrelmail_access_log"],
        own_log: true,
        first: b"[",
        dated: true,
        modes: false,
        message: squirrelmail::read,
    }
    /// Open WebMail.
    Openwebmail = "openwebmail" {
        programs: [],
        instance: None,
        logpath: &["/var/log/openwebmail.log"],
        own_log: true,
        first: b"-",
        dated: true,
        modes: false,
        message: openwebmail::read,
    }
    /// Group-Office.
    Groupoffice = "groupoffice" {
        programs: [],
        instance: None,
        logpath: &["/home/groupoffice/log/info.log"],
        own_log: true,
        first: b"L[",
        dated: true,
        has: b"LOGIN FAILED for user: ",
        modes: false,
        message: groupoffice::read,
    }
    /// SOGo.
    SogoAuth = "sogo-auth" {
        programs: [b"sogod"],
        instance: None,
        logpath: &["/var/log/sogo/sogo.log"],
        own_log: true,
        first: b"s",
        dated: true,
        modes: false,
        message: sogo::read,
    }
    /// Tine 2.0.
    Tine20 = "tine20" {
        programs: [],
        instance: None,
        logpath: &["/var/log/tine20/tine20.log"],
        own_log: true,
        first: b"W",
        dated: true,
        modes: false,
        message: tine::read,
    }

    // Web servers and what they serve.

    /// Bad robots, by an access log.
    ApacheBadbots = "apache-badbots" {
        programs: [b"httpd", b"apache2"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: APACHE_ACCESS,
        own_log: true,
        access: true,
        modes: false,
        request: badbots::read,
    }
    /// Requests that nginx could not read.
    NginxBadRequest = "nginx-bad-request" {
        programs: [b"nginx"],
        instance: None,
        logpath: NGINX_ACCESS,
        own_log: true,
        access: true,
        modes: false,
        request: badrequest::read,
    }
    /// URLs for PHP scripts to open, by an access log.
    PhpUrlFopen = "php-url-fopen" {
        programs: [b"httpd", b"apache2", b"nginx"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: &["/var/log/nginx/access.log", "/var/log/apache2/access.log", "/var/log/apache2/other_vhosts_access.log", "/var/log/httpd/access_log"],
        own_log: true,
        access: true,
        modes: false,
        request: urlfopen::read,
    }
    /// Traefik's access log in the common format.
    TraefikAuth = "traefik-auth" {
        programs: [b"traefik"],
        instance: None,
        logpath: &["/var/log/traefik/access.log"],
        own_log: true,
        access: true,
        unescaped: true,
        modes: true,
        request: traefik::read,
    }
    /// What robots look for, by Apache's error log.
    ApacheBotsearch = "apache-botsearch" {
        programs: [b"httpd", b"apache2"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: APACHE_ERROR,
        own_log: true,
        first: b"[",
        modes: false,
        message: botsearch::apache,
    }
    /// Requests that ModSecurity denied.
    ApacheModsecurity = "apache-modsecurity" {
        programs: [b"httpd", b"apache2"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: APACHE_ERROR,
        own_log: true,
        first: b"[",
        has: b"ModSecurity:",
        modes: false,
        message: modsecurity::read,
    }
    /// Home directories that are not there.
    ApacheNohome = "apache-nohome" {
        programs: [b"httpd", b"apache2"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: APACHE_ERROR,
        own_log: true,
        first: b"[",
        has: b"/~",
        modes: false,
        message: nohome::read,
    }
    /// Scripts that are not there.
    ApacheNoscript = "apache-noscript" {
        programs: [b"httpd", b"apache2"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: APACHE_ERROR,
        own_log: true,
        first: b"[",
        modes: false,
        message: noscript::read,
    }
    /// Requests that Apache cannot read.
    ApacheOverflows = "apache-overflows" {
        programs: [b"httpd", b"apache2"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: APACHE_ERROR,
        own_log: true,
        first: b"[",
        modes: false,
        message: overflows::read,
    }
    /// Headers with functions for bash.
    ApacheShellshock = "apache-shellshock" {
        programs: [b"httpd", b"apache2"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: APACHE_ERROR,
        own_log: true,
        first: b"[",
        has: b" function definition",
        modes: false,
        message: shellshock::read,
    }
    /// What robots look for, by nginx's logs.
    NginxBotsearch = "nginx-botsearch" {
        programs: [b"nginx"],
        instance: None,
        logpath: NGINX_ACCESS,
        own_log: true,
        first: b"[",
        access: true,
        unescaped: true,
        modes: false,
        read: |record, _mode, _sessions| botsearch::nginx(record).map(once),
    }
    /// Requests that a rule of nginx forbids.
    NginxForbidden = "nginx-forbidden" {
        programs: [b"nginx"],
        instance: None,
        logpath: NGINX_ERROR,
        own_log: true,
        first: b"[",
        unescaped: true,
        has: b"access forbidden by rule",
        modes: false,
        message: nginx::forbidden,
    }
    /// Requests and connections that are too many for nginx.
    NginxLimitReq = "nginx-limit-req" {
        programs: [b"nginx"],
        instance: None,
        logpath: NGINX_ERROR,
        own_log: true,
        first: b"[",
        unescaped: true,
        has: b" by zone ",
        modes: false,
        message: nginx::limited,
    }
    /// lighttpd.
    LighttpdAuth = "lighttpd-auth" {
        programs: [b"lighttpd"],
        instance: None,
        logpath: LIGHTTPD_ERROR,
        own_log: true,
        first: b"(",
        dated: true,
        has: b" IP: ",
        modes: false,
        message: lighttpd::read,
    }
    /// Suhosin.
    Suhosin = "suhosin" {
        programs: [b"suhosin", b"lighttpd"],
        instance: None,
        logpath: &["/var/log/user.log", "/var/log/syslog", "/var/log/messages", "/var/log/lighttpd/error.log"],
        own_log: true,
        first: b"A[(",
        has: b"ALERT - ",
        modes: false,
        message: suhosin::read,
    }
    /// HAProxy.
    HaproxyHttpAuth = "haproxy-http-auth" {
        programs: [b"haproxy"],
        instance: None,
        logpath: &["/var/log/haproxy.log", "/var/log/messages"],
        own_log: false,
        has: b"/<NOSRV> ",
        modes: false,
        message: haproxy::read,
    }
    /// Squid.
    Squid = "squid" {
        programs: [b"squid", b"(squid-1)"],
        instance: None,
        logpath: &["/var/log/squid/access.log"],
        own_log: true,
        first: b"0123456789",
        dated: true,
        modes: false,
        message: squid::read,
    }
    /// 3proxy.
    ThreeProxy = "3proxy" {
        programs: [b"3proxy"],
        instance: None,
        logpath: &["/var/log/3proxy.log", "/var/log/3proxy/3proxy.log"],
        own_log: true,
        dated: true,
        unescaped: true,
        modes: false,
        message: threeproxy::read,
    }
    /// Drupal's sites.
    DrupalAuth = "drupal-auth" {
        programs: [],
        instance: None,
        others: true,
        logpath: &["/var/log/syslog", "/var/log/daemon.log", "/var/log/messages"],
        own_log: false,
        has: b"Login attempt failed ",
        modes: false,
        read: |record, _mode, _sessions| drupal::read(record.program, record.message).map(once),
    }
    /// phpMyAdmin.
    PhpmyadminSyslog = "phpmyadmin-syslog" {
        programs: [b"phpMyAdmin", b"phpmyadmin"],
        instance: None,
        logpath: AUTH,
        own_log: false,
        unescaped: true,
        has: b"user denied: ",
        modes: false,
        message: phpmyadmin::read,
    }
    /// Froxlor.
    FroxlorAuth = "froxlor-auth" {
        programs: [b"froxlor", b"Froxlor"],
        instance: None,
        logpath: &["/var/log/user.log", "/var/log/syslog", "/var/log/messages"],
        own_log: true,
        first: b"f[",
        dated: true,
        has: b" tried to login",
        modes: false,
        message: froxlor::read,
    }
    /// DirectAdmin.
    Directadmin = "directadmin" {
        programs: [b"directadmin"],
        instance: None,
        logpath: &["/var/log/directadmin/login.log"],
        own_log: true,
        first: b"'",
        dated: true,
        has: b" failed login attempt",
        modes: false,
        message: directadmin::read,
    }
    /// Centreon.
    Centreon = "centreon" {
        programs: [b"centreon"],
        instance: None,
        logpath: &["/var/log/centreon/login.log"],
        own_log: true,
        first: b"-0123456789",
        dated: true,
        unescaped: true,
        has: b"Authentication failed for ",
        modes: false,
        message: centreon::read,
    }
    /// Monitorix.
    Monitorix = "monitorix" {
        programs: [b"monitorix-httpd"],
        instance: None,
        logpath: &["/var/log/monitorix-httpd"],
        own_log: true,
        first: b"-",
        dated: true,
        unescaped: true,
        modes: false,
        message: monitorix::read,
    }
    /// ZoneMinder's web interface.
    Zoneminder = "zoneminder" {
        programs: [b"httpd", b"apache2"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: APACHE_ERROR,
        own_log: true,
        first: b"[",
        modes: false,
        message: zoneminder::read,
    }
    /// Guacamole.
    Guacamole = "guacamole" {
        programs: [b"guacamole", b"tomcat", b"tomcat8", b"tomcat9", b"tomcat10"],
        instance: None,
        logpath: &["/var/log/guacamole.log", "/var/log/tomcat9/catalina.out", "/var/log/tomcat10/catalina.out"],
        own_log: true,
        first: b"W[0123456789",
        unescaped: true,
        has: b"Authentication attempt from ",
        modes: false,
        message: guacamole::read,
    }
    /// openHAB.
    Openhab = "openhab" {
        programs: [b"openhab"],
        instance: None,
        logpath: &["/var/log/openhab/request.log", "/opt/openhab/logs/request.log"],
        own_log: true,
        access: true,
        modes: false,
        request: openhab::read,
    }

    // Other services of hosts and networks.

    /// BIND's `named`.
    Named = "named-refused" {
        programs: [b"named", b"named-pkcs11", b"named-sdb"],
        instance: None,
        logpath: &["/var/log/named/security.log", "/var/log/syslog", "/var/log/messages"],
        own_log: true,
        dated: true,
        modes: false,
        message: named::read,
    }
    /// NLnet Labs' NSD.
    Nsd = "nsd" {
        programs: [b"nsd"],
        instance: None,
        logpath: &["/var/log/nsd.log", "/var/log/syslog", "/var/log/messages"],
        own_log: true,
        first: b"n",
        dated: true,
        modes: false,
        message: nsd::read,
    }
    /// OpenLDAP's server.
    Slapd = "slapd" {
        programs: [b"slapd"],
        instance: None,
        logpath: DAEMON,
        own_log: false,
        modes: false,
        read: |record, _mode, sessions| {
            let (connection, part) = slapd::read(record, |tag| sessions.peer(Some(tag)))?;
            sessions.take(Some(connection), part)
        },
    }
    /// MySQL's and MariaDB's server.
    MysqldAuth = "mysqld-auth" {
        programs: [b"mysqld", b"mariadbd"],
        instance: None,
        logpath: &["/var/log/mysql/error.log", "/var/log/mysqld.log", "/var/log/mariadb/mariadb.log", "/var/log/daemon.log"],
        own_log: true,
        first: b"[0123456789",
        dated: true,
        unescaped: true,
        has: b"Access denied for user ",
        modes: false,
        message: mysqld::read,
    }
    /// Microsoft's SQL Server.
    MssqlAuth = "mssql-auth" {
        programs: [b"sqlservr"],
        instance: None,
        logpath: &["/var/opt/mssql/log/errorlog"],
        own_log: true,
        first: b"L",
        dated: true,
        unescaped: true,
        modes: false,
        message: mssql::read,
    }
    /// MongoDB.
    MongodbAuth = "mongodb-auth" {
        programs: [b"mongod", b"mongos"],
        instance: None,
        logpath: &["/var/log/mongodb/mongod.log", "/var/log/mongodb/mongodb.log"],
        own_log: true,
        dated: true,
        unescaped: true,
        modes: false,
        read: |record, _mode, sessions| {
            let (connection, part) = mongodb::read(record.message)?;
            sessions.take(Some(connection), part)
        },
    }
    /// Mumble's server.
    Murmur = "murmur" {
        programs: [b"murmurd", b"mumble-server"],
        instance: None,
        logpath: DAEMON,
        own_log: true,
        first: b"0123456789",
        dated: true,
        unescaped: true,
        modes: false,
        message: murmur::read,
    }
    /// ejabberd.
    EjabberdAuth = "ejabberd-auth" {
        programs: [b"ejabberd"],
        instance: None,
        logpath: &["/var/log/ejabberd/ejabberd.log"],
        own_log: true,
        first: b"[I",
        unescaped: true,
        modes: false,
        message: ejabberd::read,
    }
    /// FreeSWITCH.
    Freeswitch = "freeswitch" {
        programs: [b"freeswitch"],
        instance: None,
        logpath: &["/var/log/freeswitch/freeswitch.log", "/var/log/freeswitch.log"],
        own_log: true,
        first: b"[0123456789",
        dated: true,
        has: b"sofia_reg.c:",
        modes: true,
        moded: freeswitch::read,
    }
    /// Half-Life's server, for Counter-Strike.
    CounterStrike = "counter-strike" {
        programs: [],
        instance: None,
        logpath: &["/opt/cstrike/logs/console.log"],
        own_log: true,
        first: b"B",
        dated: true,
        unescaped: true,
        modes: false,
        message: halflife::read,
    }
    /// The honeypot Cowrie.
    Cowrie = "cowrie" {
        programs: [],
        instance: None,
        logpath: &["/var/log/cowrie/cowrie.json", "/home/cowrie/cowrie/var/log/cowrie/cowrie.json"],
        own_log: true,
        first: b"{",
        has: b"cowrie.session.connect",
        modes: false,
        message: cowrie::read,
    }
    /// Dante's SOCKS server.
    Dante = "dante" {
        programs: [b"danted", b"sockd"],
        instance: None,
        logpath: DAEMON,
        own_log: false,
        modes: false,
        message: dante::read,
    }
    /// MIT Kerberos' FTP server.
    Gssftpd = "gssftpd" {
        programs: [b"ftpd"],
        instance: None,
        logpath: DAEMON,
        own_log: false,
        modes: false,
        message: gssftpd::read,
    }
    /// WU-FTPD.
    Wuftpd = "wuftpd" {
        programs: [b"wu-ftpd"],
        instance: None,
        logpath: DAEMON,
        own_log: false,
        modes: false,
        message: wuftpd::read,
    }
    /// Monit's web interface.
    Monit = "monit" {
        programs: [b"monit"],
        instance: None,
        logpath: &["/var/log/monit.log", "/var/log/syslog", "/var/log/messages"],
        own_log: true,
        first: b"eWH",
        dated: true,
        modes: false,
        message: monit::read,
    }
    /// Nagios' NRPE.
    Nagios = "nagios" {
        programs: [b"nrpe"],
        instance: None,
        logpath: DAEMON,
        own_log: false,
        modes: false,
        message: nagios::read,
    }
    /// PAM, in the name of programs without a filter of their own.
    PamGeneric = "pam-generic" {
        programs: [b"proftpd", b"pure-ftpd"],
        instance: None,
        others: true,
        logpath: AUTH,
        own_log: false,
        modes: false,
        message: pamgeneric::read,
    }
    /// PortSentry.
    Portsentry = "portsentry" {
        programs: [b"portsentry"],
        instance: None,
        logpath: &["/var/lib/portsentry/portsentry.history"],
        own_log: true,
        first: b"-",
        dated: true,
        modes: false,
        message: portsentry::read,
    }
    /// Proxmox' products.
    Proxmox = "proxmox" {
        programs: [b"pvedaemon", b"pveproxy", b"proxmox-backup-api", b"proxmox-backup-proxy", b"pmgdaemon"],
        instance: None,
        logpath: DAEMON,
        own_log: false,
        modes: false,
        message: proxmox::read,
    }
    /// MikroTik's RouterOS, which logs to another host.
    RouterosAuth = "routeros-auth" {
        programs: [b"system,error,critical"],
        instance: None,
        logpath: &["/var/log/syslog", "/var/log/messages"],
        own_log: true,
        dated: true,
        has: b"login failure for user ",
        modes: false,
        message: routeros::read,
    }
    /// scanlogd.
    Scanlogd = "scanlogd" {
        programs: [b"scanlogd"],
        instance: None,
        logpath: DAEMON,
        own_log: false,
        modes: false,
        message: scanlogd::read,
    }
    /// macOS' screen sharing.
    Screensharingd = "screensharingd" {
        programs: [b"screensharingd"],
        instance: None,
        logpath: &["/var/log/system.log"],
        own_log: false,
        modes: false,
        message: screensharing::read,
    }
    /// OpenSSH, by the kernel's audit.
    SelinuxSsh = "selinux-ssh" {
        programs: [b"audit", b"auditd", b"audispd"],
        instance: None,
        logpath: &["/var/log/audit/audit.log"],
        own_log: true,
        first: b"t",
        dated: true,
        modes: false,
        message: selinux::read,
    }
    /// SoftEther VPN's server.
    Softethervpn = "softethervpn" {
        programs: [b"vpnserver"],
        instance: None,
        logpath: &["/usr/local/vpnserver/security_log/sec.log", "/var/log/syslog", "/var/log/messages"],
        own_log: true,
        dated: true,
        unescaped: true,
        has: b"User authentication failed. The",
        modes: false,
        message: softether::read,
    }
    /// stunnel.
    Stunnel = "stunnel" {
        programs: [b"stunnel", b"stunnel4", b"stunnel5"],
        instance: None,
        logpath: &["/var/log/stunnel4/stunnel.log", "/var/log/daemon.log", "/var/log/syslog", "/var/log/messages"],
        own_log: true,
        first: b"L",
        modes: false,
        read: |record, _mode, sessions| {
            let (connection, part) = stunnel::read(record, |tag| sessions.peer(Some(tag)))?;
            sessions.take(Some(connection), part)
        },
    }
    /// Webmin.
    WebminAuth = "webmin-auth" {
        programs: [b"webmin", b"usermin"],
        instance: None,
        logpath: AUTH,
        own_log: false,
        modes: false,
        message: webmin::read,
    }
    /// xinetd.
    XinetdFail = "xinetd-fail" {
        programs: [b"xinetd"],
        instance: None,
        logpath: DAEMON,
        own_log: false,
        modes: false,
        message: xinetd::read,
    }
    /// xrdp.
    Xrdp = "xrdp" {
        programs: [b"xrdp-sesman", b"xrdp-sesexec"],
        instance: None,
        logpath: DAEMON,
        own_log: true,
        first: b"[",
        dated: true,
        unescaped: true,
        modes: false,
        message: xrdp::read,
    }
    /// ZNC.
    ZncAdminlog = "znc-adminlog" {
        programs: [b"znc"],
        instance: None,
        logpath: DAEMON,
        own_log: true,
        first: b"[",
        dated: true,
        unescaped: true,
        has: b"failed to login from ",
        modes: false,
        message: znc::read,
    }
    /// Bitwarden's server.
    Bitwarden = "bitwarden" {
        programs: [b"Bitwarden-Identity"],
        instance: None,
        logpath: &["/home/bitwarden/bwdata/logs/identity/Identity/log.txt", "/opt/bitwarden/bwdata/logs/identity/Identity/log.txt"],
        own_log: true,
        first: b"+-[",
        dated: true,
        modes: false,
        message: bitwarden::read,
    }
    /// GitLab.
    Gitlab = "gitlab" {
        programs: [],
        instance: None,
        logpath: &["/var/log/gitlab/gitlab-rails/application_json.log"],
        own_log: true,
        first: b"F{",
        dated: true,
        has: b"Failed Login: username=",
        modes: false,
        message: gitlab::read,
    }
    /// Grafana.
    Grafana = "grafana" {
        programs: [b"grafana", b"grafana-server"],
        instance: None,
        logpath: &["/var/log/grafana/grafana.log"],
        own_log: true,
        first: b"l{",
        has: b"remote_addr",
        modes: false,
        message: grafana::read,
    }

    // OpenWrt's own, access logs, and services of today.

    /// LuCI, OpenWrt's web interface.
    Luci = "luci" {
        programs: [b"dispatcher.uc"],
        instance: None,
        logpath: AUTH,
        own_log: false,
        modes: false,
        message: luci::read,
    }
    /// Logins in L2TP tunnels.
    Xl2tpd = "xl2tpd" {
        programs: [b"xl2tpd", b"pppd"],
        instance: None,
        logpath: DAEMON,
        own_log: false,
        modes: false,
        read: |record, _mode, sessions| {
            let (pid, part) = xl2tpd::read(record)?;
            sessions.take(Some(pid), part)
        },
    }
    /// WireGuard's debug messages.
    Wireguard = "wireguard" {
        programs: [b"kernel"],
        instance: None,
        logpath: KERNEL,
        own_log: false,
        modes: false,
        message: wireguard::read,
    }
    /// Port scans, by what firewall rules log.
    NftLog = "nft-log" {
        programs: [b"kernel"],
        instance: None,
        logpath: KERNEL,
        own_log: false,
        modes: false,
        message: netfilter::read,
    }
    /// Requests that nginx refused, by its access log.
    NginxAccess = "nginx-access" {
        programs: [b"nginx"],
        instance: None,
        logpath: NGINX_ACCESS,
        own_log: true,
        first: b"{",
        access: true,
        modes: true,
        read: |record, mode, _sessions| status::read(record, mode).map(once),
    }
    /// Requests that Apache httpd refused, by its access log.
    ApacheAccess = "apache-access" {
        programs: [b"httpd", b"apache2"],
        instance: Some(apache::is_program),
        starts: [b"httpd/", b"apache2/"],
        logpath: APACHE_ACCESS,
        own_log: true,
        first: b"{",
        access: true,
        modes: true,
        read: |record, mode, _sessions| status::read(record, mode).map(once),
    }
    /// Requests that Caddy refused, by its access log.
    Caddy = "caddy" {
        programs: [b"caddy"],
        instance: None,
        logpath: &["/var/log/caddy/access.log"],
        own_log: true,
        first: b"{",
        has: b"http.log.access",
        modes: true,
        moded: status::caddy,
    }
    /// Requests that Traefik refused, by its access log as JSON.
    TraefikAccess = "traefik-access" {
        programs: [b"traefik"],
        instance: None,
        logpath: &["/var/log/traefik/access.log"],
        own_log: true,
        first: b"{",
        has: b"DownstreamStatus",
        modes: true,
        moded: status::traefik,
    }
    /// Nextcloud.
    Nextcloud = "nextcloud" {
        programs: [],
        instance: None,
        logpath: &["/var/www/nextcloud/data/nextcloud.log", "/var/www/html/data/nextcloud.log"],
        own_log: true,
        first: b"{",
        has: b"remoteAddr",
        modes: true,
        moded: nextcloud::read,
    }
    /// Authelia.
    Authelia = "authelia" {
        programs: [b"authelia"],
        instance: None,
        logpath: &["/var/log/authelia/authelia.log", "/config/authelia.log"],
        own_log: true,
        first: b"{l",
        has: b"authentication attempt by user '",
        modes: false,
        message: authelia::read,
    }
    /// Keycloak.
    Keycloak = "keycloak" {
        programs: [b"keycloak", b"kc.sh"],
        instance: None,
        logpath: &["/opt/keycloak/data/log/keycloak.log"],
        own_log: true,
        first: b"FEWIDT",
        has: b"[org.keycloak.events] (",
        modes: false,
        message: keycloak::read,
    }
    /// Jellyfin.
    Jellyfin = "jellyfin" {
        programs: [],
        instance: None,
        logpath: &["/var/log/jellyfin/log_.log"],
        own_log: true,
        first: b"[",
        has: b"Jellyfin.Server.Implementations.Users.UserManager: ",
        modes: false,
        message: jellyfin::read,
    }
    /// PostgreSQL's log as JSON.
    Postgresql = "postgresql" {
        programs: [],
        instance: None,
        logpath: &["/var/log/postgresql/postgresql.json"],
        own_log: true,
        first: b"{",
        has: b"remote_host",
        modes: false,
        message: postgresql::read,
    }
}

/// What an optional part of a row says.
const fn one_or_none(said: &'static [&'static [u8]]) -> &'static [u8] {
    match said {
        [one] => one,
        _ => b"",
    }
}

/// How a service's records are read.
enum Reader {
    Message(fn(&[u8]) -> Option<Addr>),
    Moded(fn(&[u8], Mode) -> Option<Addr>),
    Request(fn(&Access<'_>, Mode) -> Option<Addr>),
    Record(fn(&Heard<'_>, Mode, &mut Sessions) -> Option<Attempt>),
}

/// Whether a record is more than a line without a date in a log file of the service's own. JSON has it inside.
fn is_whole(record: &Record<'_>) -> bool {
    record.stamp.is_some() || !record.program.is_empty() || record.message.first() == Some(&b'{')
}

/// One attempt of a service that tells all on one line.
fn once(addr: Addr) -> Attempt {
    Attempt { addr, count: 1 }
}
