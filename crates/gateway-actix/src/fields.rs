//! Header fields: actix-web has a map and a version of `http` of its own.

use actix_web::http::header::{HeaderMap as ActixMap, HeaderName as ActixName, HeaderValue as ActixValue};
use bytes::Bytes;
use http::header::MaxSizeReached;
use http::{HeaderMap, HeaderName, HeaderValue};

/// For actix: repeated fields in their order.
///
/// What is valid in one version is valid in the other, so nothing is lost where a conversion could fail.
pub(crate) fn to_actix(fields: &HeaderMap, into: &mut ActixMap) {
    let mut octets = together(|| fields.values().map(HeaderValue::as_bytes));
    for (name, value) in fields {
        let value_octets = octets.split_to(value.len());
        let name = ActixName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(mut copy)) = (name, ActixValue::from_maybe_shared(value_octets)) {
            copy.set_sensitive(value.is_sensitive());
            into.append(name, copy);
        }
    }
}

/// From actix: repeated fields in their order.
///
/// # Errors
///
/// Of more names than this version's map holds, which HTTP/2 has room for in a head.
pub(crate) fn from_actix(fields: &ActixMap) -> Result<HeaderMap, MaxSizeReached> {
    let mut octets = together(|| fields.iter().map(|(_, value)| value.as_bytes()));
    let mut into = HeaderMap::try_with_capacity(fields.len_keys())?;
    for (name, value) in fields {
        let value_octets = octets.split_to(value.len());
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(mut copy)) = (name, HeaderValue::from_maybe_shared(value_octets)) {
            copy.set_sensitive(value.is_sensitive());
            into.try_append(name, copy)?;
        }
    }
    Ok(into)
}

/// All values in one allocation: neither version gives its own away.
fn together<'a, I: Iterator<Item = &'a [u8]>>(values: impl Fn() -> I) -> Bytes {
    let mut octets = Vec::with_capacity(values().map(<[u8]>::len).sum());
    values().for_each(|value| octets.extend_from_slice(value));
    octets.into()
}
