//! A whole connection.
//!
//! Input: what a client sends.

use std::sync::LazyLock;

use crate::server::Served;

/// Checks what must hold for all connections: what is answered is HTTP, and others are served.
pub(crate) fn check(data: &[u8]) {
    let answer = SERVER.answer(data);
    let is_http_2 = data.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    // HTTP/2 begins with a frame of settings: its length, its type, no flags, no stream.
    let settings = answer.get(3..9).is_some_and(|rest| rest == [4, 0, 0, 0, 0, 0]);
    let http_1 = [&b"HTTP/1.1 "[..], b"HTTP/1.0 "].iter().any(|line| answer.starts_with(line));
    assert!(answer.is_empty() || http_1 || is_http_2 && settings, "{}", answer.escape_ascii());
    let well = SERVER.answer(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert!(well.starts_with(b"HTTP/1.1 200 "), "{}", well.escape_ascii());
}

static SERVER: LazyLock<Served> = LazyLock::new(|| Served::start("connection", false));
