//! The end of a program that found itself in a state it thought impossible.

use core::panic::PanicInfo;
use edgeban_linux::process;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = process::write_stderr(b"edgeban: panic at ");
    if let Some(place) = info.location() {
        let _ = process::write_stderr(place.file().as_bytes());
    }
    process::exit(101)
}
