//! Base64, as strictly as it can be read: RFC 4648, section 4.

/// Decodes into `room`; nothing unless there is one way only to write these octets, and room for them.
///
/// The alphabet is that with `+` and `/`, padding is there, and the bits that it leaves over are zero.
pub(super) fn decode<'a>(text: &[u8], room: &'a mut [u8]) -> Option<&'a [u8]> {
    let (groups, []) = text.as_chunks::<4>() else {
        return None;
    };
    let mut len = 0;
    for (at, group) in groups.iter().enumerate() {
        let is_last = at + 1 == groups.len();
        let padding = group.iter().rev().take_while(|&&octet| octet == b'=').count();
        if padding > 2 || (padding > 0 && !is_last) {
            return None;
        }
        let mut bits = 0_u32;
        for &octet in &group[..4 - padding] {
            bits = bits << 6 | u32::from(value(octet)?);
        }
        bits <<= 6 * padding;
        let [_, octets @ ..] = bits.to_be_bytes();
        let (octets, rest) = octets.split_at(3 - padding);
        if rest.iter().any(|&octet| octet != 0) {
            return None;
        }
        room.get_mut(len..len + octets.len())?.copy_from_slice(octets);
        len += octets.len();
    }
    room.get(..len)
}

const fn value(octet: u8) -> Option<u8> {
    match octet {
        b'A'..=b'Z' => Some(octet - b'A'),
        b'a'..=b'z' => Some(octet - b'a' + 26),
        b'0'..=b'9' => Some(octet - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::basic_auth::model::encode;
    use crate::middleware::random::Random;

    #[test]
    fn vectors_of_rfc_4648() {
        for (octets, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(decode(text.as_bytes(), &mut [0; 6]), Some(octets.as_bytes()), "{text}");
        }
    }

    #[test]
    fn second_spellings_and_broken_ones_are_refused() {
        for text in [
            "Zg",
            "Zg=",
            "Zg===",
            "Zh==",
            "Zm9=",
            "Z===",
            "====",
            "=",
            "=Zg=",
            "Zg==Zg==",
            "Zm8=Zm8=",
            " Zg==",
            "Zg== ",
            "Z g=",
            "Zm-_",
            "Zm\n9",
            "Zm9v\n",
            "Zm9\u{E9}",
        ] {
            assert_eq!(decode(text.as_bytes(), &mut [0; 64]), None, "{text:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(decode(b"Zm9v", &mut [0; 3]), Some(&b"foo"[..]));
        assert_eq!(decode(b"Zm9vYg==", &mut [0; 3]), None);
        assert_eq!(decode(b"Zm9v", &mut [0; 2]), None);
    }

    #[test]
    fn decoder_undoes_a_plain_encoder_and_nothing_else() {
        let mut random = Random(3);
        let octet = |random: &mut Random| u8::try_from(random.below(256)).unwrap();
        let (mut good, mut bad) = (0, 0);
        for _ in 0..20_000 {
            let octets: Vec<u8> = (0..random.below(12)).map(|_| octet(&mut random)).collect();
            let mut text = encode(&octets).into_bytes();
            assert_eq!(decode(&text, &mut [0; 12]), Some(&octets[..]));
            if text.is_empty() {
                continue;
            }
            let at = random.below(text.len());
            text[at] = octet(&mut random);
            // Whatever is decoded is the one spelling of what it decodes to.
            match decode(&text, &mut [0; 12]) {
                Some(decoded) => {
                    assert_eq!(encode(decoded).as_bytes(), text);
                    good += 1;
                }
                None => bad += 1,
            }
        }
        assert!(good > 1000 && bad > 1000, "{good} {bad}");
    }
}
