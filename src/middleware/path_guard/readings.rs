//! Every way in which a router could read one path.
//!
//! A reading is what is left after any of the steps below, in any order and any number of times:
//! each is what some server, proxy, framework or file system is known to do to a path. Nothing here
//! is ever passed on; it is for comparison only.

/// Whether the path has one reading only, itself.
///
/// ASCII, and none of: escapes, parameters, backslashes, control characters, empty segments before
/// the end, segments that begin or end with a dot.
#[inline]
pub(super) fn is_plain(path: &str) -> bool {
    // Without branches: each octet tells what it is, and what must not follow it.
    let (mut found, mut forbidden) = (0, HOSTILE);
    for &octet in path.as_bytes() {
        let class = CLASS[usize::from(octet)];
        found |= class & forbidden;
        forbidden = class >> NEXT;
    }
    found == 0 && forbidden != (SLASH | HOSTILE)
}

/// All readings of the path, itself first; `None` when it must not be trusted at all: it holds a
/// broken escape, a control character or an over-long UTF-8 sequence, climbs above the root, or has
/// too many readings.
pub(super) fn all(path: &str) -> Option<Vec<Vec<u8>>> {
    if !crate::path::is_well_formed(path) {
        return None;
    }
    let mut found = vec![path.as_bytes().to_vec()];
    let limit = OCTET_LIMIT.min(OCTETS_FOR_ANY + OCTETS_FOR_ONE * path.len());
    let mut octets = path.len();
    let mut next = 0;
    while let Some(reading) = found.get(next).cloned() {
        next += 1;
        if has_forbidden_octets(&reading) || climbs(&reading) {
            return None;
        }
        for step in STEPS {
            let Some(read) = step(&reading) else { continue };
            if read == reading || found.contains(&read) {
                continue;
            }
            octets += read.len();
            if octets > limit || found.len() >= COUNT_LIMIT {
                return None;
            }
            found.push(read);
        }
    }
    Some(found)
}

type Step = fn(&[u8]) -> Option<Vec<u8>>;

/// Each gives `None`, or the same again, where it has nothing to do.
const STEPS: [Step; 11] = [
    decode,
    turn_backslashes,
    merge_slashes,
    resolve_dots,
    resolve_encoded_dots,
    cut_parameters,
    cut_at_parameter,
    cut_at_query,
    trim_segments,
    trim_dots,
    cut_authority,
];

/// `%2e` is `.`: once more decoded.
fn decode(path: &[u8]) -> Option<Vec<u8>> {
    if !path.contains(&b'%') {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, tail)) = rest.split_first() {
        match escape(rest) {
            Some(octet) => {
                out.push(octet);
                rest = &tail[2..];
            }
            None => {
                out.push(first);
                rest = tail;
            }
        }
    }
    Some(out)
}

/// `\` is `/`: browsers, Windows.
fn turn_backslashes(path: &[u8]) -> Option<Vec<u8>> {
    let turn = |&octet: &u8| if octet == b'\\' { b'/' } else { octet };
    path.contains(&b'\\').then(|| path.iter().map(turn).collect())
}

/// `//` is `/`: nginx, file systems.
fn merge_slashes(path: &[u8]) -> Option<Vec<u8>> {
    let mut merged = path.to_vec();
    merged.dedup_by(|one, two| *one == b'/' && *two == b'/');
    Some(merged)
}

/// `/a/../b` is `/b`: RFC 3986.
fn resolve_dots(path: &[u8]) -> Option<Vec<u8>> {
    path.contains(&b'.').then(|| rejoin(&resolve(path)))
}

/// `/a/%2e%2e/b` is `/b`, with every other escape kept: URLs as browsers and Node read them.
fn resolve_encoded_dots(path: &[u8]) -> Option<Vec<u8>> {
    let mut out: Vec<&[u8]> = Vec::new();
    for segment in path.split(|&octet| octet == b'/') {
        match decode(segment) {
            Some(decoded) => place(&mut out, segment, &decoded),
            None => place(&mut out, segment, segment),
        }
    }
    path.contains(&b'%').then(|| rejoin(&end_with_slash(out, path)))
}

/// `/a;x=1/b` is `/a/b`: servlet containers.
fn cut_parameters(path: &[u8]) -> Option<Vec<u8>> {
    path.contains(&b';').then(|| map_segments(path, |segment| segment.split(|&octet| octet == b';').next()))
}

/// `/a;x=1/b` is `/a`: what takes parameters for the end.
fn cut_at_parameter(path: &[u8]) -> Option<Vec<u8>> {
    path.iter().position(|&octet| octet == b';').map(|end| path[..end].to_vec())
}

/// `/a?x` and `/a#x` are `/a`: a decoded path that is parsed as a URL again.
fn cut_at_query(path: &[u8]) -> Option<Vec<u8>> {
    path.iter().position(|octet| matches!(octet, b'?' | b'#')).map(|end| path[..end].to_vec())
}

/// `/a. /b` is `/a/b`: Windows.
fn trim_segments(path: &[u8]) -> Option<Vec<u8>> {
    Some(map_segments(path, |segment| {
        let end = segment.iter().rposition(|octet| !matches!(octet, b'.' | b' ')).map_or(0, |last| last + 1);
        if matches!(segment, b"." | b"..") { Some(segment) } else { segment.get(..end) }
    }))
}

/// `/a/.. /b` and `/a/.../b` are `/b`: the same, where only dots are left over.
fn trim_dots(path: &[u8]) -> Option<Vec<u8>> {
    path.contains(&b'.').then(|| {
        map_segments(path, |segment| match segment {
            [b'.', rest @ ..] if rest.iter().all(|octet| matches!(octet, b'.' | b' ')) => {
                segment.get(..if rest.first() == Some(&b'.') { 2 } else { 1 })
            }
            _ => Some(segment),
        })
    })
}

/// What a part of each segment leaves of the path.
fn map_segments<'a>(path: &'a [u8], part: impl Fn(&'a [u8]) -> Option<&'a [u8]>) -> Vec<u8> {
    let segments = path.split(|&octet| octet == b'/').map(|segment| part(segment).unwrap_or_default());
    segments.collect::<Vec<_>>().join(&b'/')
}

/// `//host/a` is `/a`: a path that is parsed as a URL again; browsers take more slashes for the same.
fn cut_authority(path: &[u8]) -> Option<Vec<u8>> {
    let mut authority = path.strip_prefix(b"//")?;
    while let Some(rest) = authority.strip_prefix(b"/") {
        authority = rest;
    }
    let end = authority.iter().position(|&octet| octet == b'/');
    Some(end.map_or_else(|| b"/".to_vec(), |end| authority[end..].to_vec()))
}

/// The segments without `.` and `..`, as RFC 3986, 5.2.4, leaves them.
pub(super) fn resolve(path: &[u8]) -> Vec<&[u8]> {
    let mut out: Vec<&[u8]> = Vec::new();
    for segment in path.split(|&octet| octet == b'/') {
        place(&mut out, segment, segment);
    }
    end_with_slash(out, path)
}

/// Whether `..` leads above the root.
fn climbs(path: &[u8]) -> bool {
    let mut depth = 0_usize;
    path.split(|&octet| octet == b'/').skip(1).any(|segment| {
        let up = segment == b"..";
        let above = up && depth == 0;
        match segment {
            b"." => {}
            b".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
        above
    })
}

fn place<'a>(out: &mut Vec<&'a [u8]>, segment: &'a [u8], decoded: &[u8]) {
    match decoded {
        b"." => {}
        // The first one is what stands before the first slash.
        b".." if out.len() > 1 => {
            out.pop();
        }
        b".." => {}
        _ => out.push(segment),
    }
}

/// A path that ended in dots ends in a slash now.
fn end_with_slash<'a>(mut out: Vec<&'a [u8]>, path: &[u8]) -> Vec<&'a [u8]> {
    let last = path.rsplit(|&octet| octet == b'/').next().unwrap_or_default();
    let last = decode(last).unwrap_or_else(|| last.to_vec());
    if matches!(&*last, b"." | b"..") && out.last().is_some_and(|last| !last.is_empty()) {
        out.push(b"");
    }
    out
}

fn rejoin(segments: &[&[u8]]) -> Vec<u8> {
    let path = segments.join(&b'/');
    if path.is_empty() { b"/".to_vec() } else { path }
}

/// `/a/b` of segments, without the empty ones; nothing at the root.
pub(super) fn join(segments: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for segment in segments.iter().filter(|segment| !segment.is_empty()) {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    out
}

/// Decodes again and again until nothing changes.
pub(super) fn decode_fully(octets: &[u8]) -> Vec<u8> {
    let mut octets = octets.to_vec();
    // Each round that changes something shortens it.
    while let Some(decoded) = decode(&octets).filter(|decoded| decoded.len() < octets.len()) {
        octets = decoded;
    }
    octets
}

/// The same for letters that differ in case only.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

fn escape(octets: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = octets else {
        return None;
    };
    let digit = |octet: &u8| char::from(*octet).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Control characters, NUL first of all, and UTF-8 that hides an ASCII character.
fn has_forbidden_octets(path: &[u8]) -> bool {
    let overlong =
        |pair: &[u8]| matches!(pair, [0xC0 | 0xC1, 0x80..=0xBF] | [0xE0, 0x80..=0x9F] | [0xF0, 0x80..=0x8F]);
    path.iter().any(u8::is_ascii_control) || path.windows(2).any(overlong)
}

/// Stands for a slash that divides nothing; a path with this octet is never trusted.
pub(super) const MARK: u8 = 0;

/// More than any path needs that means well.
const COUNT_LIMIT: usize = 64;

/// Bounds the work that one request can cause.
const OCTET_LIMIT: usize = 64 * 1024;

/// Bounds it in proportion to the path: a short one may have all its readings, a long one a few.
const OCTETS_FOR_ANY: usize = 2 * 1024;
const OCTETS_FOR_ONE: usize = 8;

const SLASH: u8 = 1;
const DOT: u8 = 2;
const HOSTILE: u8 = 4;

/// What an octet is in the low bits; what must not follow it from this bit on.
const NEXT: u32 = 4;

const CLASS: [u8; 256] = {
    let mut class = [HOSTILE << NEXT; 256];
    let mut octet = 0;
    while octet < 256 {
        match octet as u8 {
            b'/' => class[octet] = SLASH | (SLASH | DOT | HOSTILE) << NEXT,
            // One at the end is seen by what must not follow it; two of them inside a name are harmless.
            b'.' => class[octet] = DOT | (SLASH | HOSTILE) << NEXT,
            0..=b' ' | b'%' | b';' | b'\\' | b'?' | b'#' | 0x7F.. => class[octet] |= HOSTILE,
            _ => {}
        }
        octet += 1;
    }
    class
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_path_may_have_many_readings_and_a_long_one_a_few() {
        let readings =
            |len: usize| all(&format!("/{}//a.%20;//a.%20;", "x".repeat(len))).map(|all| all.len());
        assert!(readings(0).is_some_and(|count| count > 16));
        assert_eq!(readings(1000), None);
        assert!(all(&format!("/{}", "%E3%81%82".repeat(5000))).is_some());
    }
}
