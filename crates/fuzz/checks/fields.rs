//! The fields of a request, off the lines of an input.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The fields that lines like `name: value` are; others are left out.
pub(crate) fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in lines.take(MAX_FIELDS) {
        let Some(colon) = line.iter().position(|&octet| octet == b':') else {
            continue;
        };
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii())) {
            fields.append(name, value);
        }
    }
    fields
}

/// More tell nothing new and cost time.
const MAX_FIELDS: usize = 64;
