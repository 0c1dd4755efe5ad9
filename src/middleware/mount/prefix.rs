//! The path that an application is mounted at.

use crate::path;

/// A path in its plainest form: decoded segments, none at the root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Prefix {
    segments: Vec<Box<[u8]>>,
}

impl Prefix {
    /// Reads a path as it stands in a URL; says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains(['?', '#']) {
            return Err("a prefix has no query and no fragment");
        }
        if !path::is_well_formed(text) {
            return Err("an escape is incomplete");
        }
        if matches!(text, "" | "/") {
            return Ok(Self { segments: Vec::new() });
        }
        let text = text.strip_prefix('/').unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        let mut segments = Vec::new();
        for segment in text.split('/') {
            let octets = path::decode(segment);
            match &*octets {
                b"" => return Err("a segment is empty"),
                b"." | b".." => return Err("dot segments lead elsewhere"),
                octets if octets.contains(&b'/') => return Err("an encoded slash divides nothing"),
                octets if octets.iter().any(u8::is_ascii_control) => return Err("a control character"),
                octets => segments.push(octets.into()),
            }
        }
        Ok(Self { segments })
    }

    /// How much of a raw path this prefix is, up to the end of a segment.
    ///
    /// Octets are compared as they decode; a slash that is encoded ends no segment and equals nothing.
    #[inline]
    pub(super) fn matched_len(&self, raw_path: &str) -> Option<usize> {
        let mut rest = raw_path.as_bytes();
        for segment in &self.segments {
            rest = strip_segment(rest.strip_prefix(b"/")?, segment)?;
        }
        // `*` of `OPTIONS *` is below no path.
        matches!(rest, [] | [b'/', ..]).then(|| raw_path.len() - rest.len())
    }

    /// Of two prefixes of one path the one with more segments is the longer one.
    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }
}

/// What comes after a segment; whether it ends there, the caller sees.
fn strip_segment<'a>(mut raw: &'a [u8], segment: &[u8]) -> Option<&'a [u8]> {
    for &octet in segment {
        raw = match raw {
            [b'%', tail @ ..] => tail.get(2..).filter(|_| path::escape(tail) == Some(octet))?,
            [first, tail @ ..] if *first == octet => tail,
            _ => return None,
        };
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_around_a_prefix_and_escapes_in_it_make_no_difference() {
        for text in ["/a b/c", "a b/c", "/a b/c/", "/a%20b/c", "/%61%20b/%63"] {
            assert_eq!(Prefix::parse(text).unwrap().matched_len("/a%20b/c/d"), Some(8), "{text}");
        }
        for text in ["", "/"] {
            assert_eq!(Prefix::parse(text).unwrap().len(), 0);
        }
    }

    #[test]
    fn prefixes_that_no_path_should_have_are_refused() {
        for text in [
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/a/..",
            "/%2e%2e/a",
            "/a%2Fb",
            "/a?b",
            "/a#b",
            "/a%",
            "/a%zz",
            "/a%00",
            "/a\nb",
        ] {
            assert!(Prefix::parse(text).is_err(), "{text}");
        }
    }
}
