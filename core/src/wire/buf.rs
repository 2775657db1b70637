//! Bytes out and bytes in: [`Writer`] fills the caller's buffer and never writes half of anything, [`Attrs`] walks the
//! attributes (`struct nlattr`) of a message.
//!
//! An attribute is a length (4 bytes of header included, padding excluded), a type, both `u16` in host order, the value,
//! and zero bytes up to the next multiple of 4. A nested attribute holds attributes and carries [`NLA_F_NESTED`] in its
//! type.
//!
//! The pieces that every message is made of are kept out of line: copies of them would be 8 KiB of the binary.

use super::uapi::netlink::{NLA_ALIGNTO, NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLA_HDRLEN};

/// The buffer, or a length field of 16 bits, has no room for what was to be written; nothing of it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// The bytes are not what their lengths and types say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// `len` rounded up to the alignment of messages and attributes (`NLMSG_ALIGN`, `NLA_ALIGN`: both 4), saturating.
#[must_use]
pub const fn align(len: usize) -> usize {
    len.saturating_add(NLA_ALIGNTO - 1) & !(NLA_ALIGNTO - 1)
}

/// Writes into a borrowed buffer from its start. Bytes past [`Writer::len`] keep what they held.
#[derive(Debug)]
pub struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
    reserved: usize,
}

/// A place in a [`Writer`] to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Mark(usize);

impl<'a> Writer<'a> {
    /// An empty writer over `buf`. For the kernel's sake the first message must lie at offset 0.
    #[must_use]
    pub const fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0, reserved: 0 }
    }

    /// Bytes written.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that can still be written, the reserved ones not counted.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.buf.len().saturating_sub(self.len).saturating_sub(self.reserved)
    }

    /// What was written.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.buf.get(..self.len).unwrap_or_default()
    }

    /// What was written, for as long as the buffer lives.
    #[must_use]
    pub fn into_written(self) -> &'a [u8] {
        let len = self.len;
        let buf: &'a [u8] = self.buf;
        buf.get(..len).unwrap_or_default()
    }

    /// Keeps `bytes` at the buffer's end free for what must follow (a batch's end): until [`Writer::release`] they
    /// count as full. A second call replaces the first.
    ///
    /// # Errors
    /// [`Full`] if there is less room than that; the reservation is then as before.
    pub const fn reserve(&mut self, bytes: usize) -> Result<(), Full> {
        if self.buf.len().saturating_sub(self.len) < bytes {
            return Err(Full);
        }
        self.reserved = bytes;
        Ok(())
    }

    /// Ends the reservation.
    pub const fn release(&mut self) {
        self.reserved = 0;
    }

    /// The present end, to [`Writer::rewind`] to.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        Mark(self.len)
    }

    /// Takes back all that was written since `mark`.
    pub const fn rewind(&mut self, mark: Mark) {
        if mark.0 < self.len {
            self.len = mark.0;
        }
    }

    /// Runs `write`; if it fails, takes back all that it wrote.
    ///
    /// # Errors
    /// What `write` says.
    pub fn whole<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, Full>) -> Result<T, Full> {
        let mark = self.mark();
        let result = write(self);
        if result.is_err() {
            self.rewind(mark);
        }
        result
    }

    /// Writes `bytes`.
    ///
    /// # Errors
    /// [`Full`] if they do not all fit.
    #[inline(never)]
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        if bytes.len() > self.room() {
            return Err(Full);
        }
        let end = self.len.checked_add(bytes.len()).ok_or(Full)?;
        self.buf.get_mut(self.len..end).ok_or(Full)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// Writes one byte.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    pub fn put_u8(&mut self, value: u8) -> Result<(), Full> {
        self.put(&[value])
    }

    /// Writes a `u16` in host order.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    pub fn put_u16(&mut self, value: u16) -> Result<(), Full> {
        self.put(&value.to_ne_bytes())
    }

    /// Writes a `u32` in host order.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    pub fn put_u32(&mut self, value: u32) -> Result<(), Full> {
        self.put(&value.to_ne_bytes())
    }

    /// Writes a `u16`, big endian.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    pub fn put_be16(&mut self, value: u16) -> Result<(), Full> {
        self.put(&value.to_be_bytes())
    }

    /// Writes a `u32`, big endian.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    pub fn put_be32(&mut self, value: u32) -> Result<(), Full> {
        self.put(&value.to_be_bytes())
    }

    /// Writes a `u64`, big endian.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    pub fn put_be64(&mut self, value: u64) -> Result<(), Full> {
        self.put(&value.to_be_bytes())
    }

    /// Writes zero bytes up to the next multiple of 4.
    ///
    /// # Errors
    /// [`Full`] if they do not fit; none is then written.
    #[inline(never)]
    pub fn pad(&mut self) -> Result<(), Full> {
        const ZERO: [u8; NLA_ALIGNTO] = [0; NLA_ALIGNTO];
        let missing = align(self.len).saturating_sub(self.len);
        self.put(ZERO.get(..missing).unwrap_or_default())
    }

    /// Overwrites the `u16` in host order at `at` bytes from the start.
    pub(super) fn patch_u16(&mut self, at: usize, value: u16) -> Result<(), Full> {
        self.patch(at, &value.to_ne_bytes())
    }

    /// Overwrites the `u32` in host order at `at` bytes from the start.
    pub(super) fn patch_u32(&mut self, at: usize, value: u32) -> Result<(), Full> {
        self.patch(at, &value.to_ne_bytes())
    }

    fn patch(&mut self, at: usize, bytes: &[u8]) -> Result<(), Full> {
        let end = at.checked_add(bytes.len()).filter(|&end| end <= self.len).ok_or(Full)?;
        self.buf.get_mut(at..end).ok_or(Full)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Writes an attribute of type `kind`, whose value is what `write` writes, and its padding.
    ///
    /// # Errors
    /// [`Full`] if the whole does not fit, or header and value are longer than 65,535 bytes; nothing is then written.
    pub fn attr_with(&mut self, kind: u16, write: impl FnOnce(&mut Self) -> Result<(), Full>) -> Result<(), Full> {
        self.whole(|w| {
            let start = w.len;
            w.put_u16(0)?;
            w.put_u16(kind)?;
            write(w)?;
            w.close(start)
        })
    }

    /// Ends the attribute that began at `start`.
    #[inline(never)]
    fn close(&mut self, start: usize) -> Result<(), Full> {
        let len = u16::try_from(self.len.saturating_sub(start)).map_err(|_| Full)?;
        self.patch_u16(start, len)?;
        self.pad()
    }

    /// Writes an attribute of attributes: [`Writer::attr_with`] with [`NLA_F_NESTED`] set.
    ///
    /// # Errors
    /// As [`Writer::attr_with`].
    pub fn nest(&mut self, kind: u16, write: impl FnOnce(&mut Self) -> Result<(), Full>) -> Result<(), Full> {
        self.attr_with(kind | NLA_F_NESTED, write)
    }

    /// Writes an attribute with the value `bytes`.
    ///
    /// # Errors
    /// As [`Writer::attr_with`].
    #[inline(never)]
    pub fn attr(&mut self, kind: u16, bytes: &[u8]) -> Result<(), Full> {
        self.attr_with(kind, |w| w.put(bytes))
    }

    /// Writes an attribute with the value `text` and a NUL (`NLA_STRING`).
    ///
    /// # Errors
    /// As [`Writer::attr_with`].
    #[inline(never)]
    pub fn attr_str(&mut self, kind: u16, text: &str) -> Result<(), Full> {
        self.attr_with(kind, |w| {
            w.put(text.as_bytes())?;
            w.put_u8(0)
        })
    }

    /// Writes an attribute with a big-endian `u32`.
    ///
    /// # Errors
    /// As [`Writer::attr_with`].
    pub fn attr_be32(&mut self, kind: u16, value: u32) -> Result<(), Full> {
        self.attr(kind, &value.to_be_bytes())
    }

    /// Writes an attribute with a big-endian `u64`.
    ///
    /// # Errors
    /// As [`Writer::attr_with`].
    pub fn attr_be64(&mut self, kind: u16, value: u64) -> Result<(), Full> {
        self.attr(kind, &value.to_be_bytes())
    }
}

/// Bytes of an attribute whose value has `len` bytes: header and padding included.
#[must_use]
pub const fn attr_len(len: usize) -> usize {
    align(len.saturating_add(NLA_HDRLEN))
}

/// Bytes of an attribute that holds `text` and a NUL.
#[must_use]
pub const fn str_len(text: &str) -> usize {
    attr_len(text.len().saturating_add(1))
}

/// One attribute: its type without the flag bits, and its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attr<'a> {
    /// The type without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER` (the kernel sets the first or not, as it pleases).
    pub kind: u16,
    /// The value without its padding.
    pub value: &'a [u8],
}

impl<'a> Attr<'a> {
    /// The attributes inside.
    #[must_use]
    pub const fn nested(self) -> Attrs<'a> {
        Attrs::new(self.value)
    }

    /// The value as a big-endian `u32`.
    ///
    /// # Errors
    /// [`Malformed`] if it has another length.
    pub fn be32(self) -> Result<u32, Malformed> {
        self.value.try_into().map(u32::from_be_bytes).map_err(|_| Malformed)
    }

    /// The value as a big-endian `u64`.
    ///
    /// # Errors
    /// [`Malformed`] if it has another length.
    pub fn be64(self) -> Result<u64, Malformed> {
        self.value.try_into().map(u64::from_be_bytes).map_err(|_| Malformed)
    }

    /// The value as one byte.
    ///
    /// # Errors
    /// [`Malformed`] if it has another length.
    pub fn u8(self) -> Result<u8, Malformed> {
        match self.value {
            [value] => Ok(*value),
            _ => Err(Malformed),
        }
    }

    /// The value as a big-endian `u16`.
    ///
    /// # Errors
    /// [`Malformed`] if it has another length.
    pub fn be16(self) -> Result<u16, Malformed> {
        self.value.try_into().map(u16::from_be_bytes).map_err(|_| Malformed)
    }

    /// The value as a `u32` in host order.
    ///
    /// # Errors
    /// [`Malformed`] if it has another length.
    pub fn u32(self) -> Result<u32, Malformed> {
        self.value.try_into().map(u32::from_ne_bytes).map_err(|_| Malformed)
    }

    /// The value up to its first NUL.
    #[must_use]
    pub fn text(self) -> &'a [u8] {
        self.value.split(|&b| b == 0).next().unwrap_or_default()
    }
}

/// Walks a run of attributes; after a [`Malformed`] it ends.
#[derive(Clone, Debug)]
pub struct Attrs<'a> {
    rest: &'a [u8],
}

impl<'a> Attrs<'a> {
    /// The attributes in `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The first attribute of type `kind` from here on.
    ///
    /// # Errors
    /// [`Malformed`] if the attributes before it are.
    #[inline(never)]
    pub fn find(mut self, kind: u16) -> Result<Option<Attr<'a>>, Malformed> {
        self.find_map(|attr| match attr {
            Ok(attr) if attr.kind == kind => Some(Ok(attr)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .transpose()
    }

    fn split(&mut self) -> Result<Attr<'a>, Malformed> {
        let bytes = core::mem::take(&mut self.rest);
        let mut reader = Reader::new(bytes);
        let len = usize::from(reader.u16()?);
        let kind = reader.u16()?;
        let value = reader.take(len.checked_sub(NLA_HDRLEN).ok_or(Malformed)?)?;
        // The last attribute's padding may be missing.
        self.rest = bytes.get(align(len)..).unwrap_or_default();
        Ok(Attr { kind: kind & !(NLA_F_NESTED | NLA_F_NET_BYTEORDER), value })
    }
}

impl<'a> Iterator for Attrs<'a> {
    type Item = Result<Attr<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() { None } else { Some(self.split()) }
    }
}

/// Takes fixed fields off the front of a byte slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not yet taken.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`Malformed`] if there are fewer.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*head)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`Malformed`] at the end.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_ne_bytes)
    }

    /// The next `u16` in host order.
    ///
    /// # Errors
    /// [`Malformed`] at the end.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_ne_bytes)
    }

    /// The next `u16`, big endian.
    ///
    /// # Errors
    /// [`Malformed`] at the end.
    pub fn be16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next `u32` in host order.
    ///
    /// # Errors
    /// [`Malformed`] at the end.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_ne_bytes)
    }

    /// The next `i32` in host order.
    ///
    /// # Errors
    /// [`Malformed`] at the end.
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_ne_bytes)
    }
}
