//! The plain models that the middleware is compared with, on their own code.

/// Base64 by way of strings of bits.
pub(super) fn encode(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits: String = octets.iter().map(|octet| format!("{octet:08b}")).collect();
    while bits.len() % 6 != 0 {
        bits.push('0');
    }
    let mut text = String::new();
    for at in (0..bits.len()).step_by(6) {
        text.push(char::from(ALPHABET[usize::from_str_radix(&bits[at..at + 6], 2).unwrap()]));
    }
    while text.len() % 4 != 0 {
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

/// The next number below `below`.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    pub(super) fn octet(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}
