//! Who is in a group: the lines `NAME:PASSWORD:NUMBER:MEMBERS` of `/etc/group`, however long, piece by piece as they are read.

/// Longest number that is read: that of `u32::MAX`.
const DIGITS: usize = 10;

/// Looks for a group's number by its name.
#[derive(Clone, Copy, Debug)]
pub struct Search<'n> {
    name: &'n [u8],
    /// Which field of a line is next; the name is the first, and nothing is looked for behind the number.
    field: u8,
    /// Bytes of the field so far.
    at: usize,
    /// The line is of the group, as far as it was read.
    fits: bool,
    number: u32,
}

impl<'n> Search<'n> {
    /// Begins with a file.
    #[must_use]
    pub const fn new(name: &'n str) -> Self {
        Self { name: name.as_bytes(), field: 0, at: 0, fits: true, number: 0 }
    }

    /// Takes the next bytes. Returns the number when it is complete: that of the first line of this name, as the C library's
    /// `getgrnam` would.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<u32> {
        for byte in bytes {
            match (self.field, byte) {
                (_, b'\n') => {
                    *self = Self { name: self.name, field: 0, at: 0, fits: true, number: 0 };
                }
                (0..=2, b':') => {
                    if self.field == 0 {
                        self.fits &= self.at == self.name.len() && self.at > 0;
                    }
                    if self.field == 2 && self.fits && self.at > 0 {
                        return Some(self.number);
                    }
                    self.field += 1;
                    self.at = 0;
                }
                (0, byte) => {
                    self.fits &= self.name.get(self.at) == Some(byte);
                    self.at += 1;
                }
                (2, byte) => {
                    let digit = byte.wrapping_sub(b'0');
                    let number = self.number.checked_mul(10).and_then(|tens| tens.checked_add(digit.into()));
                    self.fits &= digit < 10 && self.at < DIGITS;
                    match number {
                        Some(number) => self.number = number,
                        None => self.fits = false,
                    }
                    self.at += 1;
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::String;

    const FILE: &str = "root:x:0:\n# no group\nadm:x:4:syslog,ann\nad:x:5:\n\nadmin:x\nbad:x:12a:\nbig:x:4294967296:\nmost:x:4294967295:\n:x:9:\nadm:x:6:\nlast:x:7:";

    fn find(name: &str, file: &str, piece: usize) -> Option<u32> {
        let mut search = Search::new(name);
        file.as_bytes().chunks(piece).find_map(|bytes| search.feed(bytes))
    }

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        for piece in 1..FILE.len() {
            for (name, number) in [
                ("root", Some(0)),
                ("adm", Some(4)),
                ("ad", Some(5)),
                ("most", Some(u32::MAX)),
                ("last", Some(7)),
                ("a", None),
                ("admin", None),
                ("admi", None),
                ("bad", None),
                ("big", None),
                ("", None),
                ("x", None),
                ("syslog", None),
            ] {
                assert_eq!(find(name, FILE, piece), number, "{name}, by {piece} bytes");
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_splitting_lines(file in "([a-c]{0,3}:x?:[0-9]{0,3}:[a-c,]{0,5}\n?){0,6}", name in "[a-c]{1,3}", piece in 1usize..9) {
            let line = file.lines().find_map(|line| {
                let fields: std::vec::Vec<&str> = line.splitn(4, ':').collect();
                (fields.len() == 4 && fields[0] == name).then(|| fields[2].parse().ok())?
            });
            prop_assert_eq!(find(&name, &file, piece), line);
        }

        #[test]
        fn any_bytes_end_well(bytes in prop::collection::vec(any::<u8>(), 0..200), name in any::<String>()) {
            let _ = Search::new(&name).feed(&bytes);
            let file = format!("\n{name}:x:77:\n");
            if !name.is_empty() && !name.contains([':', '\n']) {
                let mut search = Search::new(&name);
                let found = search.feed(&bytes).or_else(|| search.feed(file.as_bytes()));
                prop_assert!(found.is_some());
            }
        }
    }
}
