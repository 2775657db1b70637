//! Bytes as text, and a comparison that shows where they differ.

/// The bytes of hex digits; white space is ignored.
///
/// # Panics
/// If it is anything else.
#[must_use]
pub fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    assert!(digits.len().is_multiple_of(2), "odd number of hex digits");
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// Both sides in lines of 16 bytes next to each other, with a mark where they differ.
#[must_use]
pub fn side_by_side(want: &[u8], got: &[u8]) -> String {
    let mut out = String::from("offset  expected                                 got\n");
    for at in (0..want.len().max(got.len())).step_by(16) {
        let line = |bytes: &[u8]| {
            let part = bytes.get(at..bytes.len().min(at + 16)).unwrap_or_default();
            part.chunks(4)
                .map(|word| word.iter().map(|b| format!("{b:02x}")).collect())
                .collect::<Vec<String>>()
                .join(" ")
        };
        let (left, right) = (line(want), line(got));
        let mark = if left == right { ' ' } else { '!' };
        out.push_str(&format!("{at:5} {mark} {left:35}   {mark}  {right}\n"));
    }
    out
}

/// Fails with both sides next to each other if they differ.
///
/// # Panics
/// If they differ.
#[track_caller]
pub fn assert_same(what: &str, want: &[u8], got: &[u8]) {
    assert!(want == got, "{what}\n{}", side_by_side(want, got));
}

/// A deliberate difference of edgeban's bytes to those of another program.
pub struct Edit {
    /// The reason.
    pub why: &'static str,
    /// The other's hex digits; they occur once.
    pub theirs: &'static str,
    /// What edgeban has there.
    pub ours: &'static str,
}

/// Another program's hex digits, without white space, with edgeban's differences.
///
/// # Panics
/// If a difference is not to be found, or is in two places.
#[must_use]
pub fn edited(command: &str, theirs: &str, edits: &[Edit]) -> String {
    let clean = |text: &str| text.split_whitespace().collect::<String>();
    let mut text = clean(theirs);
    for Edit { why, theirs, ours } in edits {
        let (theirs, ours) = (clean(theirs), clean(ours));
        assert_eq!(text.matches(&theirs).count(), 1, "{command}: {why}: {theirs} in {text}");
        text = text.replace(&theirs, &ours);
    }
    text
}
