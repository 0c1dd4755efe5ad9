use http::Request;

use super::*;

const VALID: [(&str, &str); 5] = [
    ("host", "test"),
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-version", "13"),
];

/// The handshake with these fields in place of those of the same names.
fn head(method: &str, version: Version, instead: &[(&str, &str)]) -> RequestHead {
    let mut request = Request::builder().method(method).uri("/ws").version(version);
    let kept = VALID.iter().filter(|(name, _)| instead.iter().all(|(other, _)| other != name));
    for (name, value) in kept.chain(instead).filter(|(_, value)| *value != "-") {
        request = request.header(*name, *value);
    }
    RequestHead::new(request.body(()).unwrap().into_parts().0)
}

fn read(head: &RequestHead, settings: &Settings) -> Result<Handshake, u16> {
    Handshake::read(head, false, settings).map_err(|status| status.as_u16())
}

fn status(instead: &[(&str, &str)]) -> u16 {
    read(&head("GET", Version::HTTP_11, instead), &Settings::default()).map_or_else(|status| status, |_| 101)
}

#[test]
fn s_17_accept_value_of_the_vector() {
    let handshake = read(&head("GET", Version::HTTP_11, &[]), &Settings::default()).unwrap();
    assert_eq!(handshake.accept.unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn s_02_s_04_s_14_what_does_not_ask_for_a_websocket_is_ordinary_http() {
    assert!(is_asked(&head("GET", Version::HTTP_11, &[])));
    assert!(is_asked(&head("GET", Version::HTTP_11, &[("upgrade", "h2c, WebSocket")])));
    assert!(!is_asked(&head("GET", Version::HTTP_10, &[])));
    for upgrade in ["-", "h2c", "websockets", "websocket/13"] {
        assert!(!is_asked(&head("GET", Version::HTTP_11, &[("upgrade", upgrade)])), "{upgrade}");
    }
}

#[test]
fn s_01_s_02_s_05_s_06_s_11_handshake_that_is_not_valid_is_refused() {
    let settings = Settings::default();
    assert_eq!(read(&head("POST", Version::HTTP_11, &[]), &settings).unwrap_err(), 400);
    let valid = head("GET", Version::HTTP_11, &[]);
    assert_eq!(Handshake::read(&valid, true, &settings).unwrap_err(), StatusCode::BAD_REQUEST, "S-11");
    for (name, value, expected) in [
        ("connection", "-", 400),
        ("connection", "keep-alive", 400),
        ("connection", "keep-alive, upgrade", 101),
        ("connection", "UPGRADE", 101),
        ("sec-websocket-key", "-", 400),
        ("sec-websocket-key", "", 400),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ", 400),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ===", 400),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25j", 400),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25j?Q==", 400),
        ("sec-websocket-key", "  dGhlIHNhbXBsZSBub25jZQ==  ", 101),
    ] {
        assert_eq!(status(&[(name, value)]), expected, "{name}: {value}");
    }
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(status(&[key, key]), 400, "two keys");
    assert_eq!(status(&[("connection", "close"), ("connection", "Upgrade")]), 101, "S-05: several fields");
}

#[test]
fn s_07_other_version_is_told_which_one_there_is() {
    let version = "sec-websocket-version";
    for (value, expected) in [("13", 101), ("-", 400), ("12", 426), ("8", 426), ("013", 426), ("", 426)] {
        assert_eq!(status(&[(version, value)]), expected, "{value}");
    }
    assert_eq!(status(&[(version, "13"), (version, "13")]), 400);
}

#[test]
fn s_08_subprotocols_are_tokens() {
    let name = "sec-websocket-protocol";
    for (value, expected) in
        [("chat", 101), ("a, b,c", 101), ("", 400), ("a,,b", 400), ("a,", 400), ("a b", 400), ("a/b", 400)]
    {
        assert_eq!(status(&[(name, value)]), expected, "{value}");
    }
    assert_eq!(status(&[(name, "a"), (name, "b")]), 101);
}

#[test]
fn s_09_extensions_that_are_malformed_fail_the_handshake() {
    assert_eq!(status(&[("sec-websocket-extensions", "permessage-deflate; =")]), 400);
    assert_eq!(status(&[("sec-websocket-extensions", "x-unknown")]), 101);
}

#[test]
fn s_10_origin_that_is_not_on_the_list_is_refused() {
    let settings = Settings::default().origins(["https://example.org", "https://b.test:8443"]);
    for (origin, expected) in [
        ("https://example.org", None),
        ("https://EXAMPLE.org", None),
        ("https://b.test:8443", None),
        ("-", None),
        ("http://example.org", Some(403)),
        ("https://example.org.evil.test", Some(403)),
        ("null", Some(403)),
    ] {
        let head = head("GET", Version::HTTP_11, &[("origin", origin)]);
        assert_eq!(read(&head, &settings).err(), expected, "{origin}");
        assert!(read(&head, &Settings::default()).is_ok(), "without a list: {origin}");
    }
}

#[test]
fn s_63_handshake_of_http_2_has_no_key_and_no_upgrade() {
    let settings = Settings::default();
    let none = [("upgrade", "-"), ("connection", "-"), ("sec-websocket-key", "-")];
    let handshake = read(&head("GET", Version::HTTP_2, &none), &settings).unwrap();
    assert_eq!(handshake.accept, None);
    assert_eq!(read(&head("GET", Version::HTTP_11, &none), &settings).unwrap_err(), 400);
    let version = [&none[..], &[("sec-websocket-version", "8")]].concat();
    assert_eq!(read(&head("GET", Version::HTTP_2, &version), &settings).unwrap_err(), 426);
}
