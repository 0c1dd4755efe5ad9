//! How header names and variable names map to each other.

use http::header::{self, HeaderName};

/// The header that the variable `HTTP_…` shows, in lower case (W-35).
///
/// One to one: a header name with anything but letters, digits and hyphens has no variable (W-38), nor
/// have the two fields with variables of their own (W-36) and `Proxy` (C-21).
pub(super) fn header_of<'a>(key: &str, room: &'a mut [u8; ROOM]) -> Option<&'a str> {
    let rest = key.strip_prefix(PREFIX)?.as_bytes();
    let room = room.get_mut(..rest.len())?;
    for (to, &from) in room.iter_mut().zip(rest) {
        *to = lower(from)?;
    }
    let name = std::str::from_utf8(room).ok()?;
    (!name.is_empty() && !is_hidden(name)).then_some(name)
}

/// Whether the variable `key` shows the header `name`; for names that have no room on the stack.
pub(super) fn shows(key: &str, name: &HeaderName) -> bool {
    let name = name.as_str();
    key.strip_prefix(PREFIX).is_some_and(|rest| {
        rest.len() == name.len()
            && !is_hidden(name)
            && rest.bytes().zip(name.bytes()).all(|(key, octet)| lower(key) == Some(octet))
    })
}

/// The header that a variable of any length shows.
pub(super) fn header_name(key: &str) -> Option<HeaderName> {
    let name: Option<Vec<u8>> = key.strip_prefix(PREFIX)?.bytes().map(lower).collect();
    let name = HeaderName::from_bytes(&name?).ok()?;
    (!is_hidden(name.as_str())).then_some(name)
}

/// The variable that shows this header, if one does.
pub(super) fn key_of(name: &HeaderName) -> Option<String> {
    let visible = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    if is_hidden(name.as_str()) || !name.as_str().bytes().all(visible) {
        return None;
    }
    let upper = |octet: char| if octet == '-' { '_' } else { octet.to_ascii_uppercase() };
    Some(PREFIX.chars().chain(name.as_str().chars().map(upper)).collect())
}

fn is_hidden(name: &str) -> bool {
    [header::CONTENT_TYPE, header::CONTENT_LENGTH].iter().any(|own| own == name) || name == "proxy"
}

const fn lower(octet: u8) -> Option<u8> {
    match octet {
        b'_' => Some(b'-'),
        b'A'..=b'Z' => Some(octet.to_ascii_lowercase()),
        b'0'..=b'9' => Some(octet),
        _ => None,
    }
}

/// The longest header name that is looked up without a scan.
pub(super) const ROOM: usize = 64;
const PREFIX: &str = "HTTP_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_35_variables_and_headers_map_one_to_one() {
        for (key, name) in [("HTTP_ACCEPT", "accept"), ("HTTP_X_A_1", "x-a-1"), ("HTTP__", "-")] {
            assert_eq!(header_of(key, &mut [0; ROOM]), Some(name));
            assert_eq!(header_name(key).unwrap(), name);
            assert!(shows(key, &HeaderName::from_static(name)));
            assert_eq!(key_of(&HeaderName::from_static(name)).unwrap(), key);
        }
    }

    #[test]
    fn w_36_w_38_hidden_and_ambiguous_names_have_no_variable() {
        for key in ["HTTP_", "HTTP_x", "HTTP_X-Y", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_PROXY"] {
            assert_eq!(header_of(key, &mut [0; ROOM]), None, "{key}");
            assert_eq!(header_name(key), None, "{key}");
        }
        for name in ["x_foo", "x.foo", "x~", "content-type", "content-length", "proxy"] {
            let name = HeaderName::from_static(name);
            assert_eq!(key_of(&name), None, "{name}");
            let key = format!("HTTP_{}", name.as_str().to_ascii_uppercase().replace('-', "_"));
            assert!(!shows(&key, &name), "{name}");
        }
    }
}
