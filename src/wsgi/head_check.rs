//! What the head of a response must look like.

use http::header::HeaderName;
use http::{HeaderMap, StatusCode};

use crate::request::parse_length;

/// The head of a response breaks a rule; the application made it.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{HeaderMap, HeaderValue, Request, StatusCode};
/// use gateway_iface::wsgi::{Environ, HeadState, InvalidHead};
///
/// let environ = Environ::from_request(Request::get("/").body("").unwrap());
/// let mut state = HeadState::new(environ.head());
/// let mut headers = HeaderMap::new();
/// headers.insert("connection", HeaderValue::from_static("close"));
/// let error = state.start(StatusCode::OK, headers).unwrap_err();
/// assert_eq!(error.find::<InvalidHead>().unwrap().rule(), "W-99");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct InvalidHead(#[from] Reason);

#[derive(Clone, Debug, thiserror::Error)]
enum Reason {
    #[error("a final status is from 200 to 599, not {0}")]
    Status(StatusCode),
    #[error("`{0}` concerns the connection and belongs to the server")]
    HopByHop(HeaderName),
    #[error("the value of `{0}` holds a control character")]
    Control(HeaderName),
    #[error("`content-length` is one decimal number")]
    Length,
}

impl InvalidHead {
    /// The id of the rule that is broken.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self.0 {
            Reason::Status(_) => "W-93",
            Reason::HopByHop(_) => "W-99",
            Reason::Control(_) => "W-98",
            Reason::Length => "W-124",
        }
    }
}

/// Checks a head and returns the length that it declares.
pub(super) fn check(status: StatusCode, headers: &HeaderMap) -> Result<Option<u64>, InvalidHead> {
    if !(200..=599).contains(&status.as_u16()) {
        return Err(Reason::Status(status).into());
    }
    let mut declared = None;
    for (name, value) in headers {
        match kind(name) {
            Kind::Other => {}
            Kind::HopByHop => return Err(Reason::HopByHop(name.clone()).into()),
            Kind::Length => {
                let length = parse_length(value.as_bytes());
                if length.is_none() || declared.is_some() {
                    return Err(Reason::Length.into());
                }
                declared = length;
            }
        }
        // The only control character that the type of a value lets through.
        if value.as_bytes().contains(&b'\t') {
            return Err(Reason::Control(name.clone()).into());
        }
    }
    Ok(declared)
}

enum Kind {
    HopByHop,
    Length,
    Other,
}

fn kind(name: &HeaderName) -> Kind {
    match name.as_str() {
        "content-length" => Kind::Length,
        "connection"
        | "keep-alive"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "proxy-connection"
        | "te"
        | "trailer"
        | "trailers"
        | "transfer-encoding"
        | "upgrade" => Kind::HopByHop,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn rule(status: u16, headers: &[(&'static str, &'static [u8])]) -> Option<&'static str> {
        let pairs = headers
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap()));
        let mut map = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            map.append(name, value);
        });
        check(StatusCode::from_u16(status).unwrap(), &map).err().map(|error| error.rule())
    }

    #[test]
    fn w_93_final_status_is_200_to_599() {
        for status in [100, 101, 199, 600, 999] {
            assert_eq!(rule(status, &[]), Some("W-93"), "{status}");
        }
        for status in [200, 204, 304, 404, 599] {
            assert_eq!(rule(status, &[]), None, "{status}");
        }
    }

    #[test]
    fn w_98_control_characters_are_refused_tab_included() {
        assert_eq!(rule(200, &[("x", b"a\tb")]), Some("W-98"));
        assert_eq!(rule(200, &[("x", b"a b\xFF")]), None);
    }

    /// W-128: a transfer coding is one of them.
    #[test]
    fn w_99_w_100_hop_by_hop_fields_are_refused() {
        for name in [
            "connection",
            "keep-alive",
            "proxy-authenticate",
            "proxy-authorization",
            "proxy-connection",
            "te",
            "trailer",
            "trailers",
            "transfer-encoding",
            "upgrade",
        ] {
            assert_eq!(rule(200, &[("x", b"1"), (name, b"x")]), Some("W-99"), "{name}");
        }
    }

    #[test]
    fn w_124_content_length_is_one_decimal_number() {
        for value in [&b""[..], b"+1", b"-1", b"1.0", b"1,1", b"0x1", b"18446744073709551616"] {
            assert_eq!(rule(200, &[("content-length", value)]), Some("W-124"), "{value:?}");
        }
        assert_eq!(rule(200, &[("content-length", b"1"), ("content-length", b"2")]), Some("W-124"));
        assert_eq!(rule(200, &[("content-length", b"007")]), None);
    }
}
