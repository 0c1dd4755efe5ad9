//! The value of one CGI variable.

use std::borrow::Cow;
use std::fmt;
use std::str::Utf8Error;

/// The octets of one variable, as [`Environ::get`](super::Environ::get) shows them (W-43, W-60).
///
/// Text views are explicit: [`to_str`](Self::to_str) can fail, [`latin1`](Self::latin1) cannot
/// (W-65).
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::wsgi::Environ;
///
/// let environ = Environ::from_request(Request::get("/caf%C3%A9").body("").unwrap());
/// let path = environ.get("PATH_INFO").unwrap();
/// assert_eq!(path.as_bytes(), b"/caf\xC3\xA9");
/// assert_eq!(path.to_str()?, "/café");
/// assert_eq!(path.latin1(), "/cafÃ©");
/// # Ok::<(), std::str::Utf8Error>(())
/// ```
#[derive(Clone)]
pub struct Value<'a> {
    repr: Repr<'a>,
}

#[derive(Clone)]
enum Repr<'a> {
    Borrowed(&'a [u8]),
    Inline(Inline),
    Owned(Vec<u8>),
}

impl<'a> Value<'a> {
    pub(super) const fn borrowed(octets: &'a [u8]) -> Self {
        Self { repr: Repr::Borrowed(octets) }
    }

    pub(super) const fn owned(octets: Vec<u8>) -> Self {
        Self { repr: Repr::Owned(octets) }
    }

    pub(super) fn cow(octets: Cow<'a, [u8]>) -> Self {
        match octets {
            Cow::Borrowed(octets) => Self::borrowed(octets),
            Cow::Owned(octets) => Self::owned(octets),
        }
    }

    /// Numbers and addresses, formatted without allocation.
    pub(super) fn display(text: &impl fmt::Display) -> Self {
        let mut inline = Inline { octets: [0; INLINE], len: 0 };
        match fmt::Write::write_fmt(&mut inline, format_args!("{text}")) {
            Ok(()) => Self { repr: Repr::Inline(inline) },
            Err(fmt::Error) => Self::owned(text.to_string().into_bytes()),
        }
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.repr {
            Repr::Borrowed(octets) => octets,
            Repr::Inline(inline) => inline.as_bytes(),
            Repr::Owned(octets) => octets,
        }
    }

    /// The octets as UTF-8 text.
    ///
    /// # Errors
    ///
    /// [`Utf8Error`] when they are not.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(self.as_bytes())
    }

    /// Octet N as U+00NN: the native string of PEP 3333 (W-65).
    #[must_use]
    pub fn latin1(&self) -> Cow<'_, str> {
        match self.to_str() {
            Ok(text) if text.is_ascii() => Cow::Borrowed(text),
            _ => Cow::Owned(self.as_bytes().iter().copied().map(char::from).collect()),
        }
    }

    /// Whether there are no octets.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// A copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self.repr {
            Repr::Borrowed(octets) => Value::owned(octets.to_vec()),
            Repr::Inline(inline) => Value { repr: Repr::Inline(inline) },
            Repr::Owned(octets) => Value::owned(octets),
        }
    }

    /// The octets, copied where they are borrowed.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self.repr {
            Repr::Owned(octets) => octets,
            _ => self.as_bytes().to_vec(),
        }
    }

    #[cfg(test)]
    pub(super) const fn is_allocated(&self) -> bool {
        matches!(self.repr, Repr::Owned(_))
    }
}

impl AsRef<[u8]> for Value<'_> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Eq for Value<'_> {}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<[u8]> for Value<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_bytes() == other
    }
}

impl PartialEq<&[u8]> for Value<'_> {
    fn eq(&self, other: &&[u8]) -> bool {
        self.as_bytes() == *other
    }
}

impl PartialEq<str> for Value<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Value<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

/// Room for the longest address in brackets, or any number.
#[derive(Clone, Copy)]
struct Inline {
    octets: [u8; INLINE],
    len: usize,
}

impl Inline {
    fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Write for Inline {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.octets.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

const INLINE: usize = 47;

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn w_65_text_views_are_explicit() {
        let value = Value::borrowed(b"\xE3\x81\x82");
        assert_eq!(value.to_str().unwrap(), "あ");
        assert_eq!(value.latin1(), "\u{E3}\u{81}\u{82}");
        let value = Value::borrowed(b"\xFF");
        assert!(value.to_str().is_err());
        assert_eq!(value.latin1(), "\u{FF}");
        assert!(matches!(Value::borrowed(b"plain").latin1(), Cow::Borrowed("plain")));
    }

    #[test]
    fn numbers_and_addresses_fit_inline() {
        let longest = Ipv6Addr::from([0xffff; 8]);
        for value in [Value::display(&u16::MAX), Value::display(&format_args!("[{longest}]"))] {
            assert!(!value.is_allocated(), "{value:?}");
        }
        let long = "x".repeat(INLINE + 1);
        assert_eq!(Value::display(&long), long.as_str());
    }

    #[test]
    fn values_compare_by_octets_wherever_they_are_kept() {
        let owned = Value::borrowed(b"80").into_owned();
        assert_eq!(owned, Value::display(&80));
        assert_eq!(owned, "80");
        assert_eq!(owned, b"80"[..]);
        assert_eq!(owned.into_bytes(), b"80");
    }
}
