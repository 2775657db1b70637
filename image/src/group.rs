//! The group whose members may ask the daemon.

use core::ffi::CStr;
use edgeban_core::config::model::ControlGroup;
use edgeban_core::control::group::Search;
use edgeban_linux::Errno;
use edgeban_linux::fd::AsFd;
use edgeban_linux::file::{self, OpenFlags};

/// Where the groups are. Those that only a directory service knows are named by their numbers.
const FILE: &CStr = c"/etc/group";

/// What is looked for.
pub const WHAT: &str = "[global] control_group";

/// The number of a group, if there is one of its name.
pub fn number(group: &ControlGroup) -> Result<Option<u32>, Errno> {
    let name = match group {
        ControlGroup::Nobody => return Ok(None),
        ControlGroup::Number(number) => return Ok(Some(*number)),
        ControlGroup::Name(name) => name,
    };
    let file = file::open(FILE, OpenFlags::READ_ONLY, 0)?;
    let mut search = Search::new(name);
    let mut buffer = [0; 4096];
    loop {
        match file::read(file.as_fd(), &mut buffer)? {
            0 => return Err(Errno::ENOENT),
            len => {
                if let Some(number) = search.feed(buffer.get(..len).unwrap_or_default()) {
                    return Ok(Some(number));
                }
            }
        }
    }
}
