//! The options about WebSockets.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::process::{Process, connect};

/// A connection on which a handshake with these fields was sent, and these octets.
fn open(process: &Process, fields: &str, octets: &[u8]) -> TcpStream {
    let mut stream = connect(&process.addrs[0]);
    let head = format!(
        "GET /ws HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    );
    stream.write_all(&[head.as_bytes(), octets].concat()).unwrap();
    stream.set_read_timeout(Some(SOONER)).unwrap();
    stream
}

/// What still comes until the connection is closed.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut octets = Vec::new();
    if let Err(error) = stream.read_to_end(&mut octets) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "where some of it was not read");
    }
    octets
}

/// What comes in answer to that until the connection is closed: its head, and the frames.
fn answer(process: &Process, fields: &str, octets: &[u8]) -> (String, Vec<u8>) {
    let mut answer = rest(open(process, fields, octets));
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let frames = answer.split_off(end);
    (String::from_utf8(answer).unwrap(), frames)
}

fn start(more: &[&str]) -> Process {
    Process::start(&[&["app", "--listen", "127.0.0.1:0"], more].concat(), 1)
}

/// Whether it is one Close with that code.
fn is_close(frame: &[u8], code: u16) -> bool {
    frame.len() >= 4 && frame[0] == 0x88 && frame[2..4] == code.to_be_bytes()
}

#[test]
fn s_40_messages_and_frames_have_the_sizes_of_the_command_line() {
    for option in ["--websocket-max-message", "--websocket-max-frame"] {
        let process = start(&[option, "4"]);
        // Masked by zeros: one that is just small enough, and one that is not.
        let (_, frames) = answer(&process, "", b"\x81\x84\0\0\0\0four\x81\x85\0\0\0\0fiver");
        assert!(frames.starts_with(b"\x81\x04four") && is_close(&frames[6..], 1009), "{option}: {frames:?}");
        assert_eq!(process.stop().0, 0);
    }
}

#[test]
fn s_45_silence_ends_as_the_command_line_says() {
    let process = start(&["--websocket-ping-interval", "10ms", "--websocket-pong-timeout", "10ms"]);
    let (_, frames) = answer(&process, "", b"");
    assert!(frames.first() == Some(&0x89) && frames.windows(2).any(|code| code == 1011_u16.to_be_bytes()));
    assert_eq!(process.stop().0, 0);
}

#[test]
fn s_54_client_that_does_not_answer_a_close_is_waited_for_as_the_command_line_says() {
    let process = start(&["--websocket-close-timeout", "10ms"]);
    let mut stream = open(&process, "", b"");
    // It was accepted when the answer begins.
    stream.read_exact(&mut [0]).unwrap();
    process.signal("TERM");
    assert!(rest(stream).ends_with(&[0x88, 2, 0x03, 0xe9]), "a Close with 1001");
}

#[test]
fn s_10_s_62_origins_and_compression_are_those_of_the_command_line() {
    let process =
        start(&["--websocket-origin", "https://a.test,https://b.test", "--websocket-deflate", "off"]);
    for (origin, status) in [("https://a.test", "101"), ("https://b.test", "101"), ("https://c.test", "403")]
    {
        let fields = format!("origin: {origin}\r\nsec-websocket-extensions: permessage-deflate\r\n");
        // A Close with 1000, so that the connection ends.
        let (head, _) = answer(&process, &fields, b"\x88\x82\0\0\0\0\x03\xe8");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {head}");
        assert!(!head.contains("sec-websocket-extensions"), "{head}");
    }
    assert_eq!(process.stop().0, 0);

    let process = start(&[]);
    let fields = "origin: https://c.test\r\nsec-websocket-extensions: permessage-deflate\r\n";
    let (head, _) = answer(&process, fields, b"\x88\x82\0\0\0\0\x03\xe8");
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("sec-websocket-extensions"), "{head}");
    assert_eq!(process.stop().0, 0);
}

/// Before pings, and the end of a connection without the client's Close, would come by default.
const SOONER: Duration = Duration::from_secs(8);
