//! The journal's files, as a real journald writes them, read by us and by journalctl.

use edgeban_core::source::journal::{Fault, ReadAt, Reader, SCRATCH};
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs journald by itself, with what it writes at and listens to in a mount namespace of its own, has `$LOG` log, and
/// leaves its files in `$OUT`.
const SCRIPT: &str = r#"
set -eu
mount --make-rprivate /
mount -t tmpfs edgeban /run
mkdir -p /run/systemd/journal /run/log/journal
mkdir -p /etc/systemd
mount -t tmpfs edgeban /etc/systemd
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nForwardToSyslog=no\nRateLimitIntervalSec=0\n' >/etc/systemd/journald.conf
[ -s /etc/machine-id ] || { echo 0123456789abcdef0123456789abcdef >/run/id; mount --bind /run/id /etc/machine-id; }
/lib/systemd/systemd-journald >/dev/null 2>&1 &
journald=$!
trap 'kill $journald 2>/dev/null; wait' EXIT
for try in $(seq 100); do [ -S /run/systemd/journal/socket ] && [ -S /run/systemd/journal/dev-log ] && break; sleep 0.1; done
say() { logger --socket /run/systemd/journal/dev-log --id=$1 -t "$2" "$3"; }
eval "$LOG"
# What logger sent is in the socket, and journald answers this behind it.
for try in $(seq 100); do journalctl -D /run/log/journal -o cat 2>/dev/null | grep -q 'the last line' && break; sleep 0.1; done
cp -r /run/log/journal "$OUT"
"#;

/// The directory with the files that journald left, and what journalctl says is in them.
fn written(name: &str, compact: bool, keyed: bool, log: &str) -> (PathBuf, Vec<Value>) {
    let out = std::env::temp_dir().join(format!("edgeban-journal-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&out);
    let done = Command::new("unshare")
        .args(["-m", "sh", "-c", SCRIPT])
        .env("OUT", &out)
        .env("LOG", log)
        .env("SYSTEMD_JOURNAL_COMPACT", if compact { "1" } else { "0" })
        .env("SYSTEMD_JOURNAL_KEYED_HASH", if keyed { "1" } else { "0" })
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let json = Command::new("journalctl").args(["--all", "-o", "json", "-D"]).arg(&out).output().unwrap();
    let entries = String::from_utf8(json.stdout).unwrap();
    let entries: Vec<Value> = entries.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!entries.is_empty(), "journald wrote nothing");
    (out, entries)
}

/// The journal's files, the oldest first.
fn files(directory: &Path) -> Vec<PathBuf> {
    let machine = fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
    let mut files: Vec<PathBuf> = fs::read_dir(machine).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("system"));
    // The current one is system.journal, and `@` comes before the point in no order.
    files.sort_by_key(|path| (path.ends_with("system.journal"), path.clone()));
    files
}

struct File(fs::File);

impl ReadAt for File {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Fault> {
        self.0.read_at(buffer, offset).map_err(|_| Fault::Io)
    }
}

struct Bytes<'a>(&'a [u8]);

impl ReadAt for Bytes<'_> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Fault> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

/// An entry in words.
type Line = (u64, u64, String, String, Option<u32>, Option<u32>, String, String);

/// All entries from the reader's place on.
fn rest(reader: &mut Reader, file: &mut impl ReadAt) -> Result<Vec<Line>, Fault> {
    let mut scratch = [0; SCRATCH];
    let mut lines = Vec::new();
    while let Some(entry) = reader.next(file, &mut scratch)? {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        lines.push((
            entry.seqnum,
            entry.realtime,
            text(entry.message),
            text(entry.identifier),
            entry.pid,
            entry.uid,
            text(entry.comm),
            text(entry.transport),
        ));
    }
    Ok(lines)
}

/// What journalctl says, in the same words; without entries whose message is compressed in the file.
fn told(entries: &[Value]) -> Vec<Line> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let seqnum = |entry: &Value| {
        let cursor = entry["__CURSOR"].as_str().unwrap();
        let hex = cursor.split(';').find_map(|part| part.strip_prefix("i=")).unwrap();
        u64::from_str_radix(hex, 16).unwrap()
    };
    entries
        .iter()
        .filter(|entry| text(entry, "MESSAGE").len() < 500)
        .map(|entry| {
            (
                seqnum(entry),
                text(entry, "__REALTIME_TIMESTAMP").parse().unwrap(),
                text(entry, "MESSAGE"),
                text(entry, "SYSLOG_IDENTIFIER"),
                text(entry, "_PID").parse().ok(),
                text(entry, "_UID").parse().ok(),
                text(entry, "_COMM"),
                text(entry, "_TRANSPORT"),
            )
        })
        .collect()
}

const LOG: &str = r#"
for n in $(seq 150); do say $n sshd "Failed password for invalid user u$n from 10.1.1.$n port 4711 ssh2"; done
say 7 sshd "$(head -c 2000 /dev/zero | tr '\0' x)"
printf 'MESSAGE=native\nSYSLOG_IDENTIFIER=own\nEXTRA=%s\n' "$(head -c 900 /dev/zero | tr '\0' y)" | logger --journald
say 8 other "the last line"
"#;

#[test]
fn every_entry_of_every_form_is_what_journalctl_says() {
    for (name, compact, keyed) in [("regular", false, true), ("compact", true, true), ("jenkins", false, false)] {
        let (directory, entries) = written(name, compact, keyed, LOG);
        let want = told(&entries);
        let mut got = Vec::new();
        let mut compressed = 0;
        for path in files(&directory) {
            let mut file = File(fs::File::open(&path).unwrap());
            let mut reader = Reader::open(&mut file).unwrap();
            got.extend(rest(&mut reader, &mut file).unwrap());
            compressed += reader.counters().compressed;
            assert_eq!(reader.counters().damaged, 0, "{name}");
        }
        assert!(want.len() >= 152, "{name}: {}", want.len());
        assert_eq!(got, want, "{name}");
        assert_eq!(compressed, 1, "{name}: the long message, and not the short one beside a long field");
        fs::remove_dir_all(directory).unwrap();
    }
}

#[test]
fn a_place_is_found_by_time_and_by_number() {
    let (directory, entries) = written("seek", true, true, LOG);
    let want = told(&entries);
    let path = files(&directory).pop().unwrap();
    let mut file = File(fs::File::open(path).unwrap());
    for start in [0, 1, 17, 100, want.len() - 1] {
        let (seqnum, realtime, ..) = want[start];
        let mut reader = Reader::open(&mut file).unwrap();
        reader.seek_realtime(&mut file, Some(realtime)).unwrap();
        assert_eq!(rest(&mut reader, &mut file).unwrap(), want[start..]);
        let mut reader = Reader::open(&mut file).unwrap();
        reader.seek_behind(&mut file, seqnum).unwrap();
        assert_eq!(rest(&mut reader, &mut file).unwrap(), want[start + 1..]);
    }
    let mut reader = Reader::open(&mut file).unwrap();
    reader.seek_realtime(&mut file, None).unwrap();
    assert_eq!(rest(&mut reader, &mut file).unwrap(), []);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_rotated_journal_is_read_to_its_end() {
    let log = "for n in $(seq 20); do say $n sshd \"before $n\"; done\n\
        kill -USR2 $journald; sleep 1\n\
        for n in $(seq 20); do say $n sshd \"after $n\"; done\nsay 1 sshd 'the last line'\n";
    let (directory, entries) = written("rotated", false, true, log);
    let files = files(&directory);
    assert_eq!(files.len(), 2);
    let mut got = Vec::new();
    for (path, archived) in files.iter().zip([true, false]) {
        let mut file = File(fs::File::open(path).unwrap());
        let mut reader = Reader::open(&mut file).unwrap();
        assert_eq!(reader.is_archived(&mut file), Ok(archived));
        got.extend(rest(&mut reader, &mut file).unwrap());
    }
    assert_eq!(got, told(&entries));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn what_is_no_journal_is_refused() {
    let open = |bytes: &[u8]| Reader::open(&mut Bytes(bytes)).map(|_| ());
    assert_eq!(open(b""), Err(Fault::NotAJournal));
    assert_eq!(open(&[b'x'; 300]), Err(Fault::NotAJournal));
    let mut head = b"LPKSHHRH".to_vec();
    head.resize(300, 0);
    assert_eq!(open(&head), Err(Fault::NotAJournal), "a header without a size");
    head[88] = 208;
    assert_eq!(open(&head), Ok(()));
    assert_eq!(open(&head[..207]), Err(Fault::NotAJournal), "cut");
    head[12] = 32;
    assert_eq!(open(&head), Err(Fault::Unknown(32)));
}

#[test]
fn no_damage_makes_an_entry_that_was_not_written() {
    let (directory, _) = written("damaged", true, true, LOG);
    let whole = fs::read(files(&directory).pop().unwrap()).unwrap();
    let used = whole.iter().rposition(|b| *b != 0).unwrap() + 1;
    let mut reader = Reader::open(&mut Bytes(&whole)).unwrap();
    let true_messages: Vec<String> = rest(&mut reader, &mut Bytes(&whole)).unwrap().into_iter().map(|l| l.2).collect();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let damage = prop::collection::vec((0..used, any::<u8>()), 1..40);
    runner
        .run(&(damage, 0..used), |(damage, cut)| {
            let mut bytes = whole.clone();
            for (at, byte) in damage {
                bytes[at] = byte;
            }
            for bytes in [&bytes[..], &bytes[..cut]] {
                let Ok(mut reader) = Reader::open(&mut Bytes(bytes)) else { continue };
                let mut scratch = [0; SCRATCH];
                while let Ok(Some(entry)) = reader.next(&mut Bytes(bytes), &mut scratch) {
                    let message = String::from_utf8_lossy(entry.message).into_owned();
                    prop_assert!(message.is_empty() || true_messages.contains(&message), "{}", message);
                }
                if let Ok(mut reader) = Reader::open(&mut Bytes(bytes)) {
                    let _ = reader.seek_realtime(&mut Bytes(bytes), Some(u64::MAX / 2));
                }
            }
            Ok(())
        })
        .unwrap();
    fs::remove_dir_all(directory).unwrap();
}
