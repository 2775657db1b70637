//! [`Errno`]: why the kernel refused a call.
//!
//! The numbers differ between machines (MIPS has its own above 34), so every one comes from `linux-raw-sys` for the
//! machine at hand: `linux/errno.h`, errno(3). Compare with the constants, never with a number.

use core::fmt;

/// An error number of the kernel, as errno(3) lists them. Always in 1..=4095, the range that the system call ABI keeps
/// for errors.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(u16);

/// Makes one constant per name, and the way back from the number to the name.
macro_rules! errnos {
    ($($name:ident,)*) => {
        impl Errno {
            $(
                #[doc = concat!("`", stringify!($name), "` of errno(3).")]
                pub const $name: Self = Self::constant(linux_raw_sys::errno::$name);
            )*

            /// The C name of this error, `None` for a number that `linux/errno.h` does not name.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                // One text and its numbers: a table of texts takes four times the space.
                let at = CODES.iter().position(|code| *code == self.0)?;
                NAMES.split(' ').nth(at)
            }
        }

        const CODES: &[u16] = &[$(Errno::$name.0),*];
        const NAMES: &str = concat!($(stringify!($name), " "),*);

        #[cfg(test)]
        const NAMED: &[Errno] = &[$(Errno::$name),*];
    };
}

// EWOULDBLOCK is EAGAIN on every machine, EDEADLOCK is EDEADLK or unused.
errnos! {
    EPERM, ENOENT, ESRCH, EINTR, EIO, ENXIO, E2BIG, ENOEXEC, EBADF, ECHILD, EAGAIN, ENOMEM, EACCES, EFAULT, ENOTBLK,
    EBUSY, EEXIST, EXDEV, ENODEV, ENOTDIR, EISDIR, EINVAL, ENFILE, EMFILE, ENOTTY, ETXTBSY, EFBIG, ENOSPC, ESPIPE,
    EROFS, EMLINK, EPIPE, EDOM, ERANGE, EDEADLK, ENAMETOOLONG, ENOLCK, ENOSYS, ENOTEMPTY, ELOOP, ENOMSG, EIDRM,
    ECHRNG, EL2NSYNC, EL3HLT, EL3RST, ELNRNG, EUNATCH, ENOCSI, EL2HLT, EBADE, EBADR, EXFULL, ENOANO, EBADRQC,
    EBADSLT, EBFONT, ENOSTR, ENODATA, ETIME, ENOSR, ENONET, ENOPKG, EREMOTE, ENOLINK, EADV, ESRMNT, ECOMM, EPROTO,
    EMULTIHOP, EDOTDOT, EBADMSG, EOVERFLOW, ENOTUNIQ, EBADFD, EREMCHG, ELIBACC, ELIBBAD, ELIBSCN, ELIBMAX, ELIBEXEC,
    EILSEQ, ERESTART, ESTRPIPE, EUSERS, ENOTSOCK, EDESTADDRREQ, EMSGSIZE, EPROTOTYPE, ENOPROTOOPT, EPROTONOSUPPORT,
    ESOCKTNOSUPPORT, EOPNOTSUPP, EPFNOSUPPORT, EAFNOSUPPORT, EADDRINUSE, EADDRNOTAVAIL, ENETDOWN, ENETUNREACH,
    ENETRESET, ECONNABORTED, ECONNRESET, ENOBUFS, EISCONN, ENOTCONN, ESHUTDOWN, ETOOMANYREFS, ETIMEDOUT,
    ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, EALREADY, EINPROGRESS, ESTALE, EUCLEAN, ENOTNAM, ENAVAIL, EISNAM,
    EREMOTEIO, EDQUOT, ENOMEDIUM, EMEDIUMTYPE, ECANCELED, ENOKEY, EKEYEXPIRED, EKEYREVOKED, EKEYREJECTED,
    EOWNERDEAD, ENOTRECOVERABLE, ERFKILL, EHWPOISON,
}

impl Errno {
    /// The constant of a header as an `Errno`; out of range does not compile.
    #[expect(clippy::as_conversions, reason = "u32 to u16 has no const conversion; the assertion makes it lossless")]
    const fn constant(code: u32) -> Self {
        assert!(code >= 1 && code <= 4095);
        Self(code as u16)
    }

    /// The error that the machine's system call ABI reported; `code` above 4095 cannot come from the kernel and reads
    /// as `EIO`.
    pub(crate) fn from_code(code: usize) -> Self {
        match u16::try_from(code) {
            Ok(code @ 1..=4095) => Self(code),
            _ => Self::EIO,
        }
    }
}

impl fmt::Display for Errno {
    /// `ENOENT (2)`, or `errno 4000` without a name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_named_error_shows_its_name_and_number() {
        assert_eq!(Errno::ENOENT.to_string(), "ENOENT (2)");
        let code = usize::try_from(libc::ENOBUFS).unwrap();
        assert_eq!(Errno::from_code(code).to_string(), std::format!("ENOBUFS ({})", libc::ENOBUFS));
    }

    #[test]
    fn an_unnamed_error_shows_its_number() {
        assert_eq!(Errno::from_code(4000).name(), None);
        assert_eq!(Errno::from_code(4000).to_string(), "errno 4000");
    }

    #[test]
    fn numbers_that_no_kernel_returns_read_as_eio() {
        assert_eq!(Errno::from_code(0), Errno::EIO);
        assert_eq!(Errno::from_code(4096), Errno::EIO);
        assert_eq!(Errno::from_code(usize::MAX), Errno::EIO);
    }

    #[test]
    fn names_are_distinct_and_agree_with_libc() {
        for (i, one) in NAMED.iter().enumerate() {
            assert!(NAMED.iter().skip(i + 1).all(|other| other != one), "{one} twice");
        }
        for (ours, theirs) in [
            (Errno::EPERM, libc::EPERM),
            (Errno::EAGAIN, libc::EWOULDBLOCK),
            (Errno::EINTR, libc::EINTR),
            (Errno::EMSGSIZE, libc::EMSGSIZE),
            (Errno::ENOSYS, libc::ENOSYS),
            (Errno::ENFILE, libc::ENFILE),
            (Errno::EOPNOTSUPP, libc::EOPNOTSUPP),
        ] {
            assert_eq!(i32::from(ours.0), theirs);
        }
    }
}
