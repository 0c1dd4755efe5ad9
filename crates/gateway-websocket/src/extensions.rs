//! Which extensions are agreed on (S-09, S-19, S-62).

use http::{HeaderMap, HeaderValue, header};

use super::deflate::{Deflater, MAX_BITS, Pool};
use super::inflate::Inflater;
use super::settings::Deflate;

/// What was agreed on of permessage-deflate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Agreed {
    /// Whether messages of the server may refer to earlier ones.
    server_context: bool,
    /// Whether messages of the client may refer to earlier ones.
    client_context: bool,
    /// The window that the client inflates with, where it named one.
    server_bits: Option<u8>,
}

impl Agreed {
    /// What the handshake's answer says.
    pub(super) fn to_value(self) -> HeaderValue {
        let mut text = String::from(NAME);
        if !self.server_context {
            text.push_str("; server_no_context_takeover");
        }
        if !self.client_context {
            text.push_str("; client_no_context_takeover");
        }
        if let Some(bits) = self.server_bits {
            text.push_str("; server_max_window_bits=");
            text.push_str(&bits.to_string());
        }
        // Names and digits are valid in a field.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(NAME))
    }

    pub(super) const fn deflater(self, pool: Pool) -> Deflater {
        let bits = match self.server_bits {
            Some(bits) => bits,
            None => MAX_BITS,
        };
        Deflater::new(pool, bits, self.server_context)
    }

    pub(super) const fn inflater(self, pool: Pool) -> Inflater {
        Inflater::new(pool, self.client_context)
    }
}

/// What a list of extensions is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Malformed;

/// Reads what the client offers, and takes the first offer of permessage-deflate that can be kept; other
/// extensions are not known.
pub(super) fn negotiate(headers: &HeaderMap, deflate: Deflate) -> Result<Option<Agreed>, Malformed> {
    let mut agreed = None;
    for value in headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS) {
        let mut list = Tokens { rest: value.as_bytes() };
        loop {
            // Empty elements of a list are none (H-31).
            while list.skip(b',') {}
            if list.is_empty() {
                break;
            }
            let offer = list.extension()?;
            if agreed.is_none() && deflate != Deflate::Off {
                agreed = offer.accept(deflate == Deflate::Context);
            }
            if !list.is_empty() && !list.skip(b',') {
                return Err(Malformed);
            }
        }
    }
    Ok(agreed)
}

struct Offer<'a> {
    name: &'a [u8],
    parameters: Vec<(&'a [u8], Option<Vec<u8>>)>,
}

impl Offer<'_> {
    /// What is agreed on, where this is an offer that can be kept.
    fn accept(&self, context: bool) -> Option<Agreed> {
        if !self.name.eq_ignore_ascii_case(NAME.as_bytes()) {
            return None;
        }
        let mut agreed = Agreed { server_context: context, client_context: context, server_bits: None };
        let mut seen = Vec::new();
        for (name, value) in &self.parameters {
            if seen.contains(name) {
                return None;
            }
            seen.push(*name);
            match (*name, value.as_deref()) {
                (b"server_no_context_takeover", None) => agreed.server_context = false,
                (b"client_no_context_takeover", None) => agreed.client_context = false,
                // The client says what it can be limited to; it need not be.
                (b"client_max_window_bits", None) => {}
                (b"client_max_window_bits", Some(bits)) => drop(window_bits(bits)?),
                // There is no deflating with a window of 8 bits here, so that offer is declined.
                (b"server_max_window_bits", Some(bits)) => {
                    agreed.server_bits = Some(window_bits(bits).filter(|&bits| bits > 8)?);
                }
                _ => return None,
            }
        }
        Some(agreed)
    }
}

/// Eight to fifteen, without leading zeros.
fn window_bits(digits: &[u8]) -> Option<u8> {
    match digits {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// What is left of a field.
struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    fn is_empty(&mut self) -> bool {
        self.rest = self.rest.trim_ascii_start();
        self.rest.is_empty()
    }

    /// Takes this octet, if it is next.
    fn skip(&mut self, octet: u8) -> bool {
        self.rest = self.rest.trim_ascii_start();
        let rest = self.rest.strip_prefix(&[octet]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// `token *( ; param [= token or quoted-string] )`
    fn extension(&mut self) -> Result<Offer<'a>, Malformed> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.skip(b';') {
            let name = self.token()?;
            let value = if self.skip(b'=') { Some(self.value()?) } else { None };
            parameters.push((name, value));
        }
        Ok(Offer { name, parameters })
    }

    fn token(&mut self) -> Result<&'a [u8], Malformed> {
        self.rest = self.rest.trim_ascii_start();
        let len = self.rest.iter().take_while(|&&octet| is_token(octet)).count();
        let (token, rest) = self.rest.split_at(len);
        self.rest = rest;
        if token.is_empty() { Err(Malformed) } else { Ok(token) }
    }

    fn value(&mut self) -> Result<Vec<u8>, Malformed> {
        if !self.skip(b'"') {
            return self.token().map(<[u8]>::to_vec);
        }
        let mut value = Vec::new();
        loop {
            match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    // Without its quotes it must be a token (RFC 6455, 9.1).
                    let token = !value.is_empty() && value.iter().all(|&octet| is_token(octet));
                    return if token { Ok(value) } else { Err(Malformed) };
                }
                [b'\\', octet, rest @ ..] | [octet, rest @ ..] => {
                    value.push(*octet);
                    self.rest = rest;
                }
                [] => return Err(Malformed),
            }
        }
    }
}

/// Whether an octet may be part of a token.
pub(super) const fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

const NAME: &str = "permessage-deflate";

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(fields: &[&str], deflate: Deflate) -> Result<Option<String>, Malformed> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(field).unwrap());
        }
        let agreed = negotiate(&headers, deflate)?;
        Ok(agreed.map(|agreed| agreed.to_value().to_str().unwrap().to_owned()))
    }

    #[test]
    fn s_19_s_62_first_offer_that_can_be_kept_is_answered() {
        for (offers, expected) in [
            (&[][..], None),
            (&["x-unknown; a=1; b"], None),
            (&["permessage-deflate"], Some("permessage-deflate")),
            (&["PerMessage-Deflate"], Some("permessage-deflate")),
            (&["x-unknown", "permessage-deflate"], Some("permessage-deflate")),
            (&["permessage-deflate; client_max_window_bits"], Some("permessage-deflate")),
            (&["permessage-deflate; client_max_window_bits=\"9\""], Some("permessage-deflate")),
            (
                &["permessage-deflate; server_max_window_bits=10"],
                Some("permessage-deflate; server_max_window_bits=10"),
            ),
            (
                &["permessage-deflate; server_no_context_takeover; client_no_context_takeover"],
                Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            ),
            // What cannot be kept is declined, and the next offer is looked at.
            (
                &["permessage-deflate; server_max_window_bits=8, permessage-deflate"],
                Some("permessage-deflate"),
            ),
            (&["permessage-deflate; server_max_window_bits=16"], None),
            (&["permessage-deflate; server_max_window_bits=09"], None),
            (&["permessage-deflate; server_max_window_bits"], None),
            (&["permessage-deflate; client_max_window_bits=7"], None),
            (&["permessage-deflate; server_no_context_takeover=1"], None),
            (&["permessage-deflate; server_no_context_takeover; server_no_context_takeover"], None),
            (&["permessage-deflate; unknown"], None),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(answer(offers, Deflate::Context), Ok(expected), "{offers:?}");
            assert_eq!(answer(offers, Deflate::Off), Ok(None), "{offers:?}");
        }
    }

    #[test]
    fn s_62_by_default_neither_side_keeps_a_window() {
        let expected = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        let answer = answer(&["permessage-deflate; client_max_window_bits"], Deflate::default());
        assert_eq!(answer, Ok(Some(expected.to_owned())));
    }

    #[test]
    fn s_09_list_that_is_malformed_is_refused() {
        for field in [
            "a b",
            "a;",
            "a; =1",
            "a; b=",
            "a; b=\"",
            "a; b=\"c d\"",
            "a; b=\"\"",
            "=",
            "a;;b",
            "\"a\"",
            "a/b",
        ] {
            assert_eq!(answer(&[field], Deflate::Off), Err(Malformed), "{field}");
            assert_eq!(answer(&["permessage-deflate", field], Deflate::Context), Err(Malformed));
        }
        for field in ["", ",", " , a ,, b;c ;d = e,", "a; b=\"c\"", "a; b=\"\\c\""] {
            assert_eq!(answer(&[field], Deflate::Off), Ok(None), "{field}");
        }
    }
}
