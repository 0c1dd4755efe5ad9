//! What a path is compared with.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::readings::{self, MARK};

/// One rule of a guard.
#[derive(Clone)]
pub(super) enum Rule {
    Exact(Pattern),
    Prefix(Pattern),
    Matching(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

/// A path in its plainest form: decoded, `/a/b`, empty at the root.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    folded: String,
}

impl Pattern {
    pub(super) fn new(path: &str) -> Self {
        let decoded = readings::decode_fully(format!("/{path}").as_bytes());
        let text = String::from_utf8_lossy(&readings::join(&readings::resolve(&decoded))).into_owned();
        Self { folded: readings::fold(&text), text }
    }

    /// The part of an ASCII path that comes after the pattern, without allocating.
    #[inline]
    fn rest_of_plain<'a>(&self, path: &'a [u8], fold: bool) -> Option<&'a [u8]> {
        let pattern = if fold { &self.folded } else { &self.text }.as_bytes();
        let (start, rest) = path.split_at_checked(pattern.len())?;
        // Octet by octet, because most paths differ in the first ones.
        let same = |(one, two): (&u8, &u8)| one == two || (fold && one.to_ascii_lowercase() == *two);
        start.iter().zip(pattern).all(same).then_some(rest)
    }
}

impl Rule {
    /// Whether a path matches that has one reading only: [`readings::is_plain`].
    pub(super) fn matches_plain(&self, path: &str, fold: bool) -> bool {
        match self {
            Self::Exact(pattern) => {
                pattern.rest_of_plain(path.as_bytes(), fold).is_some_and(|rest| matches!(rest, b"" | b"/"))
            }
            Self::Prefix(pattern) => pattern
                .rest_of_plain(path.as_bytes(), fold)
                .is_some_and(|rest| matches!(rest, [] | [b'/', ..])),
            Self::Matching(predicate) => {
                let upper = || path.bytes().any(|octet| octet.is_ascii_uppercase());
                predicate(path) || (fold && upper() && predicate(&readings::fold(path)))
            }
        }
    }

    /// Whether one reading of a path matches.
    pub(super) fn matches(&self, reading: &Reading<'_>, fold: bool) -> bool {
        let (path, pattern) = match self {
            Self::Exact(pattern) | Self::Prefix(pattern) if fold => (&reading.folded, &pattern.folded),
            Self::Exact(pattern) | Self::Prefix(pattern) => (&reading.plain, &pattern.text),
            Self::Matching(predicate) => {
                return predicate(&reading.text) || (fold && predicate(&readings::fold(&reading.text)));
            }
        };
        match path.strip_prefix(pattern.as_str()) {
            Some("") => true,
            Some(rest) => matches!(self, Self::Prefix(_)) && rest.starts_with('/'),
            None => false,
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(pattern) => f.debug_tuple("Exact").field(&pattern.text).finish(),
            Self::Prefix(pattern) => f.debug_tuple("Prefix").field(&pattern.text).finish(),
            Self::Matching(_) => f.debug_tuple("Matching").finish(),
        }
    }
}

/// One reading of a path, in the forms that rules look at.
pub(super) struct Reading<'a> {
    text: Cow<'a, str>,
    plain: String,
    folded: String,
}

impl<'a> Reading<'a> {
    pub(super) fn new(path: &'a [u8]) -> Self {
        let segments: Vec<_> = path.split(|&octet| octet == b'/').map(decode_segment).collect();
        let segments: Vec<_> = segments.iter().map(Vec::as_slice).collect();
        let plain = String::from_utf8_lossy(&readings::join(&segments)).into_owned();
        let folded = readings::fold(&plain);
        Self { text: String::from_utf8_lossy(path), plain, folded }
    }
}

/// Decodes one segment; a slash that appears in it divides nothing, and equals nothing in a rule.
fn decode_segment(segment: &[u8]) -> Vec<u8> {
    let mut octets = readings::decode_fully(segment);
    octets.iter_mut().filter(|octet| **octet == b'/').for_each(|octet| *octet = MARK);
    octets
}
