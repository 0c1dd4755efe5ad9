//! The plain models that the middleware is compared with, on their own code.

/// Base64 by way of strings of bits.
pub(super) fn encode(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits: String = octets.iter().map(|octet| format!("{octet:08b}")).collect();
    while !bits.len().is_multiple_of(6) {
        bits.push('0');
    }
    let mut text = String::new();
    for at in (0..bits.len()).step_by(6) {
        text.push(char::from(ALPHABET[usize::from_str_radix(&bits[at..at + 6], 2).unwrap()]));
    }
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Whether fields let someone in whose one user is `ada` with the password `love:lace`: tries every
/// scheme in every case, and compares text.
pub(super) fn admits(fields: &[String]) -> bool {
    let wanted = encode(b"ada:love:lace");
    match fields {
        [field] => match field.split_once(' ') {
            Some((scheme, token)) => {
                scheme.to_lowercase() == "basic" && token.trim_start_matches(' ') == wanted
            }
            None => false,
        },
        _ => false,
    }
}
