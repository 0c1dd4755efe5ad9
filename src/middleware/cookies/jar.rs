//! The cookies of a request.

use std::fmt;

use http::{HeaderMap, header};

use crate::request::RequestHead;

/// The cookies of a request: a view of its `cookie` fields that is read when it is asked (W-163).
///
/// It costs no allocation, and needs no middleware; [`Cookies`](super::Cookies) around the application
/// bounds how much there is to read.
///
/// # How they are read
///
/// Browsers send more than RFC 6265 lets servers set, so this reads more than
/// [`SetCookie`](super::SetCookie) writes:
///
/// - All `cookie` fields count, in their order: HTTP/2 may split one into many (H-112).
/// - `;` ends a pair wherever it stands, also between quotes. Spaces and tabs around name and value are no
///   part of them; no other white space is cut off, so nothing can pose as `__Host-…`.
/// - A pair counts if it has a `=`, a name that is a token (case counts), and a value in UTF-8 without
///   control characters; others are skipped, and those after them are read.
/// - One pair of double quotes around a value is taken off. Nothing is decoded: what `%20` means, the
///   application knows.
/// - Where a name is there twice [`get`](Self::get) gives the first: browsers put the cookie with the
///   longest path first. [`get_all`](Self::get_all) has them all.
///
/// # Examples
///
/// ```
/// use gateway_iface::RequestHead;
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::CookieJar;
///
/// let request = Request::get("/").header("cookie", "id=7; theme=\"dark\"; id=8").body(())?;
/// let head = RequestHead::new(request.into_parts().0);
/// let cookies = CookieJar::of(&head);
/// assert_eq!(cookies.get("id"), Some("7"));
/// assert_eq!(cookies.get("theme"), Some("dark"));
/// assert!(cookies.get_all("id").eq(["7", "8"]));
/// # Ok::<(), gateway_iface::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct CookieJar<'a> {
    headers: &'a HeaderMap,
}

impl<'a> CookieJar<'a> {
    /// The cookies of the request with this head.
    #[must_use]
    pub const fn of(head: &'a RequestHead) -> Self {
        Self::of_headers(head.headers())
    }

    /// The cookies of the request with these header fields: for a framework's own request.
    #[must_use]
    pub const fn of_headers(headers: &'a HeaderMap) -> Self {
        Self { headers }
    }

    /// The value of the first cookie of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// The values of all cookies of that name.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(own, _)| *own == name).map(|(_, value)| value)
    }

    /// All names and values, in the order received.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let fields = self.headers.get_all(header::COOKIE).iter();
        fields.flat_map(|field| field.as_bytes().split(|&octet| octet == b';')).filter_map(read)
    }
}

/// The names only: values are often as good as passwords.
impl fmt::Debug for CookieJar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

fn read(pair: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
    let (name, value) = (name.trim_matches([' ', '\t']), value.trim_matches([' ', '\t']));
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (is_token(name) && !value.chars().any(char::is_control)).then_some((name, value))
}

/// Whether it is a name that a cookie may have (RFC 9110, 5.6.2).
pub(super) fn is_token(name: &str) -> bool {
    let inside = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    !name.is_empty() && name.bytes().all(inside)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    fn head(fields: &[&[u8]]) -> RequestHead {
        let mut head = RequestHead::new(Request::get("/").body(()).unwrap().into_parts().0);
        for field in fields {
            head.headers_mut().append("cookie", HeaderValue::from_bytes(field).unwrap());
        }
        head
    }

    fn pairs(fields: &[&[u8]]) -> Vec<(String, String)> {
        CookieJar::of(&head(fields)).iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn pairs_are_read_as_browsers_send_them() {
        for (field, expected) in [
            ("a=1", &[("a", "1")][..]),
            ("a=1; b=2", &[("a", "1"), ("b", "2")]),
            ("a=1;b=2;", &[("a", "1"), ("b", "2")]),
            (" \ta = 1 ;\t", &[("a", "1")]),
            ("a=", &[("a", "")]),
            ("a=b=c==", &[("a", "b=c==")]),
            ("a=\"x y\"", &[("a", "x y")]),
            ("a=\"", &[("a", "\"")]),
            ("a=\"\"", &[("a", "")]),
            ("a=\"\"x\"\"", &[("a", "\"x\"")]),
            ("a=x\"y", &[("a", "x\"y")]),
            ("a=1,b=2", &[("a", "1,b=2")]),
            ("a={\"k\":[1,2]}", &[("a", "{\"k\":[1,2]}")]),
            ("a=%20+b", &[("a", "%20+b")]),
            ("a=caf\u{E9}", &[("a", "caf\u{E9}")]),
            ("A=1; a=2", &[("A", "1"), ("a", "2")]),
            ("$Version=1; a=2", &[("$Version", "1"), ("a", "2")]),
            ("", &[]),
            (";;;", &[]),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            assert_eq!(pairs(&[field.as_bytes()]), expected, "{field}");
        }
    }

    #[test]
    fn broken_pairs_are_skipped_and_hide_no_other() {
        for broken in [
            &b"a"[..],
            b"=1",
            b" = 1",
            b"a b=1",
            b"a\xFF=1",
            b"a=\xFF",
            b"a=1\t2",
            b"\"a\"=1",
            b"a@b=1",
            b"a=\xC2\x85",
            b"a=\"1",
        ] {
            let field = [broken, b"; z=9"].concat();
            let found = pairs(&[&field]);
            assert_eq!(found.last().unwrap(), &("z".to_owned(), "9".to_owned()));
            assert_eq!(found.len(), if broken == b"a=\"1" { 2 } else { 1 }, "{broken:?}");
        }
    }

    #[test]
    fn quotes_swallow_no_cookie_and_white_space_makes_no_prefix() {
        assert_eq!(CookieJar::of(&head(&[b"a=\"1; id=7; b=\""])).get("id"), Some("7"));
        for name in ["\u{2000}__Host-id", "\u{A0}__Host-id", "__Host-id\u{85}", "=__Host-id"] {
            assert_eq!(CookieJar::of(&head(&[format!("{name}=evil").as_bytes()])).get("__Host-id"), None);
        }
    }

    #[test]
    fn h_112_fields_that_were_split_are_one_list_and_the_first_name_wins() {
        let head = head(&[b"a=1; b=2", b"b=3", b"c=4"]);
        let cookies = CookieJar::of(&head);
        assert_eq!((cookies.get("a"), cookies.get("b"), cookies.get("c")), (Some("1"), Some("2"), Some("4")));
        assert!(cookies.get_all("b").eq(["2", "3"]));
        assert_eq!((cookies.get("d"), cookies.get("B")), (None, None));
        assert!(CookieJar::of_headers(head.headers()).iter().eq(cookies.iter()));
    }

    #[test]
    fn debug_output_has_names_only() {
        assert_eq!(format!("{:?}", CookieJar::of(&head(&[b"id=secret"]))), "[\"id\"]");
    }
}
