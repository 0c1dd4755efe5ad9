//! The client against a server that sends what it is told to.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::super::{Client, Reach, Response, with_limit};
use crate::case::Failure;

/// What the client makes of a server that answers with this, and keeps the connection if asked to.
fn answered(answer: impl Into<String>, keep: bool) -> Result<Response, Failure> {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet).unwrap();
            request.extend(octet);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        if keep {
            // Until the client has had enough.
            let _ = stream.read(&mut [0]);
        }
        String::from_utf8(request).unwrap()
    });
    let client = Client::new("case", Reach::Tcp(addr, "".into()), None, None);
    let seen = if keep { with_limit(Duration::from_millis(50), || client.get("")) } else { client.get("") };
    assert!(server.join().unwrap().contains("\r\nconnection: close\r\n"));
    seen
}

#[test]
fn whole_response_passes_with_its_trailers() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n";
    let response = answered(chunked, false).unwrap();
    response.is(200, "ok").unwrap();
    assert_eq!(response.trailers, [("x-sum".to_owned(), b"7".to_vec())]);
    answered("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", false).unwrap().is(200, "ok").unwrap();
}

#[test]
fn octets_after_a_response_fail_it() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more",
        "HTTP/1.1 204 No Content\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n0\r\n\r\n",
    ] {
        let failure = answered(answer, false).unwrap_err();
        assert!(failure.to_string().contains("after the response"), "{answer}: {failure}");
    }
}

#[test]
fn connection_that_is_not_closed_as_asked_fails_its_response() {
    let failure = answered("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", true).unwrap_err();
    assert!(failure.to_string().contains("nothing came"), "{failure}");
}

#[test]
fn length_or_coding_that_is_said_twice_fails_a_response() {
    for fields in [
        "content-length: 2\r\ncontent-length: 2",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "content-length: 2\r\ntransfer-encoding: chunked",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nok");
        assert!(answered(answer, false).is_err(), "{fields}");
    }
}
