//! What ends how when a process is told to stop, and what it turns away while it has enough to do.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::process::{Process, ask, connect, get};

const LISTEN: [&str; 3] = ["app", "--listen", "127.0.0.1:0"];
const LONG: &str = "GET /long HTTP/1.1\r\nhost: test\r\n\r\n";
const STUCK: &str = "GET /stuck HTTP/1.1\r\nhost: test\r\n\r\n";
const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// A Close with 1001, as a server sends it.
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];

fn start(more: &[&str]) -> Process {
    Process::start(&[&LISTEN, more].concat(), 1)
}

/// Asks for that, and reads as far as that.
fn begin(process: &Process, request: &str, end: &str) -> TcpStream {
    let mut stream = connect(&process.addrs[0]);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        answer.extend(exact::<1>(&mut stream));
    }
    stream
}

/// A socket over which a message went there and back.
fn open_socket(process: &Process) -> TcpStream {
    let mut stream = begin(process, HANDSHAKE, "\r\n\r\n");
    // Masked by zeros.
    stream.write_all(b"\x81\x81\0\0\0\0x").unwrap();
    assert_eq!(&exact(&mut stream), b"\x81\x01x");
    stream
}

fn exact<const LEN: usize>(stream: &mut TcpStream) -> [u8; LEN] {
    let mut octets = [0; LEN];
    stream.read_exact(&mut octets).unwrap();
    octets
}

/// What still comes, however it ends.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut octets = Vec::new();
    let _ = stream.read_to_end(&mut octets);
    octets
}

/// Whether these are said one after the other.
fn in_order(log: &str, said: &[&str]) -> bool {
    let mut rest = log;
    said.iter().all(|what| match rest.split_once(what) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[test]
fn s_59_a_112_responses_and_sockets_end_as_they_should_and_then_the_application_does() {
    let mut process = start(&[]);
    let mut long = begin(&process, LONG, "begun, \r\n");
    let mut socket = open_socket(&process);
    let mut idle = begin(&process, "GET / HTTP/1.1\r\nhost: test\r\n\r\n", "hello");
    process.signal("TERM");
    assert_eq!(exact(&mut socket), GOING_AWAY);
    socket.write_all(b"\x88\x82\0\0\0\0\x03\xe9").unwrap();
    assert!(rest(&mut socket).is_empty());
    assert_eq!(rest(&mut long), b"5\r\nended\r\n0\r\n\r\n");
    assert!(rest(&mut idle).is_empty());
    let (code, log) = process.end();
    assert_eq!(code, 0);
    assert!(in_order(&log, &["stopping", "the application shuts down", "stopped"]), "{log}");
}

#[test]
fn what_does_not_end_within_the_grace_period_is_cut_off_and_the_application_still_shuts_down() {
    let mut process = start(&["--grace-period", "200ms"]);
    let mut stuck = begin(&process, STUCK, "begun, \r\n");
    let mut socket = open_socket(&process);
    process.signal("TERM");
    assert_eq!(exact(&mut socket), GOING_AWAY);
    assert!(rest(&mut socket).is_empty(), "it did not close, and is closed");
    assert!(rest(&mut stuck).is_empty(), "no end is made up");
    let (code, log) = process.end();
    assert_eq!(code, 0);
    let said = ["stopping", "cutting off what is not done", "the application shuts down", "stopped"];
    assert!(in_order(&log, &said), "{log}");
}

#[test]
fn second_signal_cuts_off_at_once() {
    let mut process = start(&["--grace-period", "1h"]);
    let mut stuck = begin(&process, STUCK, "begun, \r\n");
    process.signal("TERM");
    process.says("stopping");
    process.signal("TERM");
    assert!(rest(&mut stuck).is_empty());
    let (code, log) = process.end();
    assert_eq!(code, 0);
    assert!(in_order(&log, &["cutting off", "the application shuts down", "stopped"]), "{log}");
}

#[test]
fn restart_closes_sockets_with_1001_and_lets_responses_finish() {
    let mut process = start(&[]);
    let mut long = begin(&process, LONG, "begun, \r\n");
    let mut socket = open_socket(&process);
    process.signal("USR2");
    assert_eq!(exact(&mut socket), GOING_AWAY);
    socket.write_all(b"\x88\x82\0\0\0\0\x03\xe9").unwrap();
    assert!(rest(&mut socket).is_empty());
    assert_eq!(rest(&mut long), b"5\r\nended\r\n0\r\n\r\n");
    process.replaced();
    drop(open_socket(&process));
    assert_eq!(process.stop().0, 0);
}

#[test]
fn requests_and_connections_that_are_too_many_are_told_to_come_back() {
    let process = start(&["--max-concurrent-requests", "2", "--healthz", "/healthz"]);
    let mut long = [(); 2].map(|()| begin(&process, LONG, "begun, \r\n"));
    let refused = process.get("/");
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1\r\n"), "{refused}");
    process.signal("TERM");
    for long in &mut long {
        assert_eq!(rest(long), b"5\r\nended\r\n0\r\n\r\n");
    }
    drop(process);

    let more = ["--max-connections", "2", "--metrics", "127.0.0.1:0"];
    let process = Process::start(&[&LISTEN[..], &more].concat(), 2);
    let [beside, addr] = [&process.addrs[0], &process.addrs[1]];
    let held = [(); 2].map(|()| {
        let mut stream = connect(addr);
        stream.write_all(LONG.as_bytes()).unwrap();
        exact::<1>(&mut stream);
        stream
    });
    let refused = ask(addr, "").unwrap();
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1\r\n"), "{refused}");
    let figures = get(beside, "/metrics", "");
    assert!(figures.contains("gateway_limit_hits_total{limit=\"connections\"} 1\n"), "{figures}");
    drop(held);
    while !get(addr, "/", "").ends_with("hello") {}
    assert_eq!(process.stop().0, 0);
}
