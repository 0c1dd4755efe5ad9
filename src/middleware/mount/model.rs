//! The plain model that the mount is compared with: text only, on its own code.

/// The prefix that a path belongs to, and how many of its characters are the mount point.
pub(super) fn route(path: &str, prefixes: &[&'static str]) -> Option<(&'static str, usize)> {
    let pieces: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let mut best = None;
    for prefix in prefixes {
        let wanted: Vec<&str> = prefix[1..].split('/').collect();
        if wanted.len() > pieces.len() || best.is_some_and(|(_, _, len)| len >= wanted.len()) {
            continue;
        }
        let found: Option<Vec<String>> = pieces[..wanted.len()].iter().map(|piece| decode(piece)).collect();
        if found.is_some_and(|found| found == wanted) {
            let len = pieces[..wanted.len()].iter().map(|piece| piece.len() + 1).sum();
            best = Some((*prefix, len, wanted.len()));
        }
    }
    best.map(|(prefix, len, _)| (prefix, len))
}

/// Octets as characters; nothing where an escape is incomplete.
fn decode(piece: &str) -> Option<String> {
    let mut parts = piece.split('%');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.chars().all(|digit| digit.is_ascii_hexdigit()))?;
        out.push(char::from(u8::from_str_radix(digits, 16).ok()?));
        out.push_str(&part[2..]);
    }
    Some(out)
}
