//! User and password as a request brings them.

use http::{HeaderMap, header};

use super::base64;

/// How many octets user and password may have together, with the colon between.
pub(super) const LIMIT: usize = 1024;

/// Room for them on the stack, so that no copy of a password stays in the heap.
pub(super) type Room = [u8; LIMIT];

/// User and password, if the request brings exactly one pair that is well-formed.
pub(super) fn read<'a>(headers: &HeaderMap, room: &'a mut Room) -> Option<(&'a str, &'a str)> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let (field, None) = (fields.next()?, fields.next()) else {
        return None;
    };
    let (scheme, token) = field.as_bytes().split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let token = &token[token.iter().take_while(|&&octet| octet == b' ').count()..];
    let pair = std::str::from_utf8(base64::decode(token, room)?).ok()?;
    let (user, password) = pair.split_once(':')?;
    let valid = !user.is_empty() && !pair.chars().any(char::is_control);
    valid.then_some((user, password))
}

const SCHEME: &[u8] = b"Basic ";
