//! Percent-encoding of paths: one decoder and one encoder for both interfaces.

use std::borrow::Cow;

/// Decodes `%XX` once; anything that is not a complete escape stays as it is (W-23, W-24, W-64).
pub(crate) fn decode(raw: &str) -> Cow<'_, [u8]> {
    let bytes = raw.as_bytes();
    if !bytes.contains(&b'%') {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        match (first, escape(tail)) {
            (b'%', Some(octet)) => {
                out.push(octet);
                rest = &tail[2..];
            }
            _ => {
                out.push(first);
                rest = tail;
            }
        }
    }
    Cow::Owned(out)
}

/// Whether every `%` begins a complete escape.
pub(crate) fn is_well_formed(raw: &str) -> bool {
    raw.split('%').skip(1).all(|tail| escape(tail.as_bytes()).is_some())
}

/// Percent-encodes every octet outside `A-Z a-z 0-9 _ . - ~ /` and `keep` (W-157).
pub(crate) fn encode_into(out: &mut String, octets: &[u8], keep: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &octet in octets {
        if octet.is_ascii_alphanumeric() || b"_.-~/".contains(&octet) || keep.contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(octet >> 4)]));
            out.push(char::from(HEX[usize::from(octet & 15)]));
        }
    }
}

/// The octet of an escape, without its `%`.
pub(crate) fn escape(tail: &[u8]) -> Option<u8> {
    let high = char::from(*tail.first()?).to_digit(16)?;
    let low = char::from(*tail.get(1)?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(octets: &[u8]) -> String {
        let mut out = String::new();
        encode_into(&mut out, octets, b"");
        out
    }

    #[test]
    fn w_24_decodes_exactly_once_and_keeps_everything_else() {
        for (raw, octets) in [
            ("/a%2cb", &b"/a,b"[..]),
            ("/%252c", b"/%2c"),
            ("//x///y", b"//x///y"),
            ("/%E3%81%82", b"/\xE3\x81\x82"),
            ("/%FF%00%C3", b"/\xFF\x00\xC3"),
            ("/a;b=c", b"/a;b=c"),
            ("/%", b"/%"),
            ("/%zz%4", b"/%zz%4"),
        ] {
            assert_eq!(&*decode(raw), octets, "{raw}");
        }
    }

    #[test]
    fn incomplete_escapes_are_noticed() {
        assert!(is_well_formed("/a%20b"));
        for raw in ["/%", "/%4", "/%g0", "/%0g", "/%%20"] {
            assert!(!is_well_formed(raw), "{raw}");
        }
    }

    #[test]
    fn w_157_encodes_octets_with_upper_case_hex() {
        assert_eq!(encode(b"/s p/\xC3\xA9~"), "/s%20p/%C3%A9~");
    }

    #[test]
    fn decode_undoes_encode_for_every_octet() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(&*decode(&encode(&all)), &all[..]);
    }
}
