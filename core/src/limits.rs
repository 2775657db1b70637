//! Every capacity of edgeban, each with its reason. A full table never loses silently: it hands the value back or evicts
//! by a stated policy, and counts.

/// Jails in one configuration: one for each service of a large host, and some that judge the same service otherwise. Each
/// costs its settings (3 KiB), and a session memory of [`SESSIONS`] entries once its filter needs one; a line costs the same
/// however many there are.
pub const JAILS: usize = 64;

/// Bytes of a jail's name: what fits a log line and, later, a set name (`NFT_SET_MAXNAMELEN` is 256).
pub const JAIL_NAME: usize = 32;

/// Filters of the operator's own: some per host, at most one for each of the services that edgeban does not know.
pub const FILTERS: usize = 32;

/// Templates of all these filters together. Each line is held against those of its file's jails, one after the other.
pub const TEMPLATES: usize = 256;

/// Bytes of all these templates together: 64 each if there are [`TEMPLATES`].
pub const TEMPLATE_TEXT: usize = 16 * 1024;

/// Log files of one jail.
pub const LOGPATHS: usize = 8;

/// Bytes of a jail's `journalmatch`, a line end for each match with them: five of the longest that occur, a unit and its like.
pub const JOURNALMATCH: usize = 255;

/// Bytes of the journal's `directory`: with a slash, a machine's id (32 digits), another slash and a file's name (`system@`,
/// ids and times, 81) it must fit [`PATH`].
pub const JOURNAL_DIRECTORY: usize = PATH - 1 - 32 - 1 - 81;

/// Distinct log files over all jails: each is an open descriptor and an inotify watch. Two for each jail: most filters
/// know several places where their service may log.
pub const FILES: usize = 128;

/// Bytes of a path, without its final NUL. Shorter than `PATH_MAX` (4096), which no log path of a router needs.
pub const PATH: usize = 255;

/// `ignoreip` prefixes of one jail: compared one after the other, only when an address is about to count.
pub const IGNOREIP: usize = 32;

/// Addresses of this machine and default gateways that are known at one time, 17 bytes each and kept twice. A router has
/// some tens, one with hundreds of VLANs some thousand with IPv6's link-local ones. What does not fit is not protected,
/// which is counted and said; what fits is not forgotten as long as something does not.
pub const OWN: usize = 2048;

/// Bytes of the nf_tables table name. The kernel takes 255 (`NFT_TABLE_MAXNAMELEN`), iptables' users know 31.
pub const TABLE_NAME: usize = 31;

/// Devices of `hook = "ingress"`: a router's uplinks. The kernel takes 256 (`NFT_NETDEVICE_MAX`).
pub const DEVICES: usize = 8;
/// Bytes of `run_dir`: with a slash, the table's name, a dash, the inode of a network namespace (10 digits) and `.sock` it
/// must fit the 107 bytes of a socket's path (`sun_path`).
pub const RUN_DIR: usize = 107 - 1 - TABLE_NAME - 1 - 10 - 5;

/// Bytes of `state_dir`: with a slash, the table's name and `.state.lock` it must fit [`PATH`].
pub const STATE_DIR: usize = PATH - 1 - TABLE_NAME - 11;

/// Largest `state_sync` in seconds, a day: who can lose more has no use for a state.
pub const STATE_SYNC_SECS: u64 = 86_400;

/// Bytes of a configuration file: it is read whole.
pub const CONFIG_FILE: usize = 64 * 1024;

/// Tokens of a configuration file, 24 bytes each; about one in four bytes of a dense file starts one.
pub const CONFIG_TOKENS: usize = 16 * 1024;

/// Bytes of one log line without its newline. Longer lines are skipped whole and counted: rsyslog's and syslog-ng's
/// default limits are 8 KiB, OpenSSH cuts its messages at 1 KiB.
pub const LINE: usize = 8 * 1024;

/// Bytes read from a log file at once, into one buffer that all files share. Large enough that the system call's price
/// (about 0.3 us) disappears beside its copy, small enough for the L2 cache of a router.
pub const CHUNK: usize = 64 * 1024;

/// Descriptors of one followed path: the file itself, and those it replaced that may still get lines. Two of the latter,
/// so that a rotation may follow another before the file of the first is read to its end.
pub const FILE_SLOTS: usize = 3;

/// Bytes before the read position that are read again and compared, to tell a file that grew from one that was truncated
/// and grew past the position. The end of a line: address, port and protocol of an `sshd` message take about as much.
pub const ANCHOR: usize = 32;

/// Connections remembered per jail, for log messages that leave the address to an earlier line of the same process.
/// OpenSSH starts at most 100 unauthenticated ones (`MaxStartups`).
pub const SESSIONS: usize = 256;

/// Addresses with failed attempts that are not (yet) banned, over all jails. Memory becomes resident only with use: 64
/// bytes an address, and 8 to 16 of index.
pub const TRACKED: usize = if cfg!(feature = "large") { 1 << 20 } else { 1 << 16 };

/// Addresses banned at one time, and as many that were banned before and are remembered for it, per jail. Resident only with
/// use: 60 bytes a ban, 68 to remember it, and 8 to 16 of index each.
pub const BANS: usize = if cfg!(feature = "large") { 1 << 20 } else { 1 << 16 };

/// Multipliers of growing ban times: fail2ban's longest example has 8.
pub const MULTIPLIERS: usize = 16;

/// Largest of `bantime_multipliers`, and of `bantime_factor`: ten years against a ban of five minutes, and more than anybody
/// multiplies by.
pub const MULTIPLIER: u32 = 1_000_000;
/// See [`MULTIPLIER`].
pub const FACTOR: u32 = 1000;

/// Prefixes banned by hand at one time. Each commit to their set walks it, each change of one sends all, and each attempt
/// is held against all: they are for a few networks, not for lists of countries.
pub const PREFIX_BANS: usize = 64;

/// Bytes of a group's name: `useradd` takes as many.
pub const GROUP_NAME: usize = 32;

/// [`BANS`] as the kernel's messages count.
#[expect(clippy::as_conversions, reason = "at most 2^24, as asserted below")]
pub const BANS_U32: u32 = BANS as u32;
/// Clients of the control socket at one time: some people and scripts at once, each with a request that takes
/// milliseconds. Each may keep the kernel busy with `net.core.wmem_default` bytes of answers that it does not read.
pub const CLIENTS: usize = 16;

/// Lines that counted, kept to answer why somebody is banned: the last 200 bans of five attempts. 232 bytes each, resident
/// with use.
pub const EVIDENCE: usize = 1024;

/// Bytes of such a line. sshd's and dropbear's are half as long; the address of most formats is in them.
pub const EVIDENCE_TEXT: usize = 200;

/// Connections to the page, metrics and events at one time: some browsers and a Prometheus. 6 KiB each, resident with use.
pub const WEB_CLIENTS: usize = 8;

/// Bytes of `web_token`, at most; [`WEB_TOKEN_LEAST`] at least.
pub const WEB_TOKEN: usize = 64;

/// Fewer bytes could be guessed over the network.
pub const WEB_TOKEN_LEAST: usize = 16;

/// Largest `maxretry`.
pub const MAXRETRY: u32 = 10_000;

/// Largest `findtime` in seconds, a year: the window's ticks of 1/16 s wrap after 8 years.
pub const FINDTIME_SECS: u64 = 365 * 86_400;

/// Largest `bantime` in seconds, ten years; longer means `"permanent"`. nf_tables' own limit is 2^64 / 10^6 ms.
pub const BANTIME_SECS: u64 = 3650 * 86_400;

/// Drop rules in our chain of a legacy iptables table. Every packet walks all of them: 7 ns a rule on a PC (8 us a packet
/// at this limit, as much as the rest of its way through loopback), ten times that on a small router. A change of one rule
/// exchanges the whole table, 2 ms there (`tests/examples/xt_speed.rs`).
pub const XT_RULES: usize = 1024;

/// Jumps to our chain, apart from each other, that one change removes: there is one, or another after a crash.
pub const XT_JUMPS: usize = 16;

/// Bytes of a legacy iptables table as the kernel hands it out: our rules (208 bytes each in IPv6, 208 KiB in all) and
/// as much for the others', some 1,500 of them.
pub const XT_TABLE: usize = 512 * 1024;

// A chunk must hold the longest line and its newline behind the anchor, or reading would not get on.
static_assertions::const_assert!(CHUNK > ANCHOR + LINE + 1 && ANCHOR <= 255 && FILE_SLOTS >= 2);
static_assertions::const_assert!(TRACKED <= 1 << 24 && BANS <= 1 << 24);
