//! A path of the configuration, in the form that system calls take.

use core::ffi::CStr;
use core::fmt::{self, Write};
use edgeban_core::limits::PATH;
use heapless::{String, Vec};

/// A path to a file, with its final NUL.
#[derive(Clone, PartialEq, Eq)]
pub struct Path {
    bytes: Vec<u8, { PATH + 1 }>,
    /// Where the last component starts.
    name: usize,
}

impl Path {
    /// `None` for what cannot name a file: empty, too long, with a NUL, or ending in a slash.
    pub fn new(path: &[u8]) -> Option<Self> {
        let name = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        if path.len() > PATH || name == path.len() || path.contains(&0) {
            return None;
        }
        Some(Self { bytes: terminated(path)?, name })
    }

    /// As [`Path::new`], of a text.
    pub fn of(text: fmt::Arguments<'_>) -> Option<Self> {
        let mut path: String<PATH> = String::new();
        path.write_fmt(text).ok()?;
        Self::new(path.as_bytes())
    }

    /// The whole path.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.bytes).unwrap_or_default()
    }

    /// The last component.
    pub fn file_name(&self) -> &[u8] {
        self.bytes.get(self.name..self.bytes.len() - 1).unwrap_or_default()
    }

    /// The path of its directory.
    pub fn directory(&self) -> Directory {
        let directory = match self.bytes.get(..self.name) {
            None | Some([]) => b".".as_slice(),
            Some(directory) => directory,
        };
        Directory(terminated(directory).unwrap_or_default())
    }
}

/// The path of a directory, with its final NUL.
pub struct Directory(Vec<u8, { PATH + 1 }>);

impl Directory {
    /// For a system call.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.0).unwrap_or_default()
    }
}

fn terminated(path: &[u8]) -> Option<Vec<u8, { PATH + 1 }>> {
    let mut bytes = Vec::from_slice(path).ok()?;
    bytes.push(0).ok()?;
    Some(bytes)
}
