//! The handshake of a WebSocket, and what follows it.
//!
//! Input: the fields of a handshake, one on each line, up to an empty line; then octets of frames.

use std::sync::LazyLock;

use crate::server::Served;

/// Checks what must hold for all handshakes: they are accepted by the one right answer, or refused.
pub(crate) fn check(data: &[u8]) {
    let (fields, frames) = match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (data, &[][..]),
    };
    let mut request = b"GET / HTTP/1.1\r\nhost: a\r\n".to_vec();
    for line in fields.split(|&octet| octet == b'\n').filter(|line| !line.is_empty()) {
        request.extend_from_slice(line);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(frames);
    let answer = SERVER.answer(&request);
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        assert!(answer.is_empty(), "{}", answer.escape_ascii());
        return;
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.get(9..12).unwrap_or_default();
    if status == "101" {
        assert_eq!(head.matches("\r\nsec-websocket-accept: ").count(), 1, "{head}");
        assert!(!head.contains("\r\ncontent-length"), "{head}");
        check_frames(&answer[end + 4..]);
    } else {
        assert!(["200", "400", "408", "413", "426", "431", "501"].contains(&status), "{head}");
    }
}

/// What the server sends is whole frames, never masked, and a close is the last of them (S-27, S-31, S-51).
fn check_frames(mut octets: &[u8]) {
    while let [first, second, rest @ ..] = octets {
        assert_eq!(second & 0x80, 0, "a masked frame");
        let (length, rest) = match (second & 0x7f, rest) {
            (126, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
            (127, rest) => {
                let (length, rest) = rest.split_first_chunk::<8>().expect("a length that is cut");
                (usize::try_from(u64::from_be_bytes(*length)).expect("a length"), rest)
            }
            (length, rest) => (usize::from(length), rest),
        };
        assert!(rest.len() >= length, "a frame that is cut");
        octets = &rest[length..];
        if first & 0x0f == 8 {
            assert!(octets.is_empty(), "something after a close");
        }
    }
    assert!(octets.is_empty(), "half a head of a frame");
}

static SERVER: LazyLock<Served> = LazyLock::new(|| Served::start("websocket", false));
