#!/usr/bin/env python3
"""Writes a log of OpenSSH and its neighbours with known numbers. The same arguments give the same bytes.

usage: gen_authlog.py LINES ATTACKERS FAIL_SHARE > auth.log

Attackers have addresses of 198.18.0.0/15 and, every fifth, of 2001:db8::/32 (set aside for benchmarks and
documentation); everybody else logs in from 10.0.0.0/8. The figures of the README are for 1000000 20000 0.3.
"""
import random
import sys
import time

USERS = ["root", "admin", "ubuntu", "test", "oracle", "postgres", "git", "pi", "deploy", "user1"]
KEY = "ED25519 SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def attacker(n):
    if n % 5 == 4:
        return f"2001:db8:{n >> 8:x}:{n & 0xff:x}::1"
    return f"198.{18 + (n >> 16 & 1)}.{n >> 8 & 255}.{n & 255}"


def failure(rng, pid, attackers):
    address, user, port = attacker(rng.randrange(attackers)), rng.choice(USERS), rng.randrange(1024, 65535)
    kind = rng.random()
    if kind < 0.5:
        return f"sshd[{pid}]: Failed password for {user} from {address} port {port} ssh2"
    if kind < 0.85:
        return f"sshd[{pid}]: Failed password for invalid user {user} from {address} port {port} ssh2"
    return f"sshd[{pid}]: Invalid user {user} from {address} port {port}"


def everyday(rng, pid, n):
    kind = rng.random()
    address = f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}"
    if kind < 0.3:
        port = rng.randrange(1024, 65535)
        return f"sshd[{pid}]: Accepted publickey for deploy from {address} port {port} ssh2: {KEY}"
    if kind < 0.5:
        return f"sshd[{pid}]: pam_unix(sshd:session): session opened for user deploy(uid=1000) by (uid=0)"
    if kind < 0.7:
        return f"CRON[{pid}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"
    if kind < 0.85:
        return "sudo:   deploy : TTY=pts/0 ; PWD=/home/deploy ; USER=root ; COMMAND=/usr/bin/apt-get update"
    return f"systemd-logind[612]: New session {n} of user deploy."


def main():
    lines, attackers, share = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    rng = random.Random(18)
    for n in range(lines):
        # 20 lines a second.
        if n % 20 == 0:
            stamp = time.strftime("%b %d %H:%M:%S", time.gmtime(1790000001 + n // 20))
        pid = 1000 + n % 60000
        message = failure(rng, pid, attackers) if rng.random() < share else everyday(rng, pid, n)
        sys.stdout.write(f"{stamp} edge {message}\n")


main()
