//! Samples that cannot match here, each with the reason.

/// `(file, part of the line, why)`
type GivenUp = &'static [(&'static str, &'static str, &'static str)];

/// All of them.
pub fn all() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    [SSH, MAIL, WEB, HOSTS].into_iter().flatten()
}

const MAIL: GivenUp = &[];

const WEB: GivenUp = &[];

const HOSTS: GivenUp = &[
    ("mongodb-auth", "[conn1] end connection 192.0.2.35", "the failure before it is not in the corpus"),
    (
        "pam-generic",
        "rhost=192.0.2.2 user=test rhost=192.0.2.152",
        "either name may hold the words: of a remote user ` rhost=192.0.2.2 user=test` the peer is 192.0.2.152",
    ),
];

const SSH: GivenUp = &[
    ("sshd", "192.030.0.6", "no address: a leading zero is octal to some programs and decimal to others"),
    ("sshd-journal", "192.030.0.6", "no address: a leading zero is octal to some programs and decimal to others"),
    (
        "sshd",
        "Accepted password for known from 192.0.2.114",
        "a login never counts; what was tried before is not in the corpus",
    ),
    (
        "sshd",
        "Accepted password for known from 192.0.2.116",
        "a login never counts; what was tried before is not in the corpus",
    ),
    (
        "sshd-journal",
        "Accepted password for known from 192.0.2.116",
        "a login never counts; what was tried before is not in the corpus",
    ),
    ("sshd", "sshd[424228]: Connection closed by 192.0.2.15 port 35352", "the failure before it is not in the corpus"),
    (
        "sshd",
        "sshd[649921]: error: kex_exchange_identification",
        "no address: the connection's first line is not in the corpus",
    ),
    (
        "sshd",
        "sshd[22440]: fatal: Unable to negotiate a key",
        "no address: the connection's first line is not in the corpus",
    ),
    (
        "sshd-journal",
        "sshd[22440]: fatal: Unable to negotiate a key",
        "no address: the connection's first line is not in the corpus",
    ),
    (
        "sshd-journal",
        "sshd[26713]: Disconnecting: Too many",
        "no address: the connection's first line is not in the corpus",
    ),
    (
        "sshd-journal",
        "sshd[22477]: fatal: no matching mac",
        "no address: the connection's first line is not in the corpus",
    ),
];
