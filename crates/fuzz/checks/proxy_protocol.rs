//! Headers of the PROXY protocol.
//!
//! Input: what comes before a request.

use std::net::SocketAddr;
use std::sync::LazyLock;

use crate::server::Served;

/// Checks what must hold for all headers: the request behind one is served for the client that it names, or the
/// connection is closed unanswered.
pub(crate) fn check(data: &[u8]) {
    let mut octets = data.to_vec();
    octets.extend_from_slice(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let answer = SERVER.answer(&octets);
    let known = data.starts_with(b"PROXY ") || data.starts_with(b"\r\n\r\n\0\r\nQUIT\n");
    if !known {
        assert!(answer.is_empty(), "{}", answer.escape_ascii());
        return;
    }
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        assert!(answer.is_empty(), "{}", answer.escape_ascii());
        return;
    };
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        // What follows the header in the input is no request.
        assert!(answer.starts_with(b"HTTP/1.1 ") || answer.starts_with(b"HTTP/1.0 "));
        return;
    }
    let body = String::from_utf8_lossy(&answer[end + 4..]);
    let client = body.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')'));
    assert!(body == "None" || client.is_some_and(|client| client.parse::<SocketAddr>().is_ok()), "{body}");
}

static SERVER: LazyLock<Served> = LazyLock::new(|| Served::start("proxy-protocol", true));
