//! The body of the request.

use std::io::{BufRead, Read};

use gateway_iface::wsgi::Body;

use crate::case::{App, Case, ensure, wsgi};
use crate::client::Upload;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "every_octet_passes_both_ways",
        rules: &["W-18", "W-50", "W-63", "W-68", "W-70"],
        about: "The application sends the request body back; every octet, and text that looks like a head, comes back as it was.",
        app: ECHO,
        check: |client| {
            let octets: Vec<u8> = (0..=255).cycle().take(1024).collect();
            for body in [&octets[..], b"Foo: bar\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"0\r\n\r\n", b"\n"] {
                client.post("", body.to_vec())?.is(200, body)?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "large_bodies_pass_whole",
        rules: &["W-18", "W-69", "A-154"],
        about: "The application sends a body of 768 KiB back; none of it is missing or in another order.",
        app: ECHO,
        check: |client| {
            let body: Vec<u8> = (0..768 * 1024_u32).map(|n| n.to_le_bytes()[(n % 3) as usize]).collect();
            client.post("", body.clone())?.is(200, body)
        },
        ..Case::NEW
    },
    Case {
        name: "input_ends_with_the_body_and_stays_ended",
        rules: &["W-69", "W-75", "W-77"],
        about: "The application reads in small steps to the end and on; it gets the body's octets, and then nothing, every time.",
        app: App::Wsgi(|_| {
            wsgi(|mut environ, start_response| {
                let (mut body, mut room) = (Vec::new(), [0; 3]);
                loop {
                    let len = environ.input().read(&mut room)?;
                    if len == 0 {
                        break;
                    }
                    body.extend_from_slice(&room[..len]);
                }
                for _ in 0..3 {
                    ensure(environ.input().read(&mut room)? == 0, || "octets after the end".to_owned())?;
                    ensure(environ.input().read_all(9)?.is_empty(), || "more after the end".to_owned())?;
                }
                start_response.text(200, body.into())
            })
        }),
        check: |client| client.post("", "0123456789")?.is(200, "0123456789"),
        ..Case::NEW
    },
    Case {
        name: "read_asks_for_no_more_than_it_says",
        rules: &["W-69", "W-72"],
        about: "The application reads exactly four octets, then a line of at most two, then the rest.",
        app: App::Wsgi(|_| {
            wsgi(|mut environ, start_response| {
                let input = environ.input();
                let mut four = [0; 4];
                let len = input.read_full(&mut four)?;
                let two = input.read_line_limited(2)?;
                let rest = input.read_all(100)?;
                let none = input.read_full(&mut four)?;
                let told =
                    [&four[..len], b"|", &two, b"|", &rest, b"|", none.to_string().as_bytes()].concat();
                start_response.text(200, told.into())
            })
        }),
        check: |client| client.post("", "abcdefgh\nij")?.is(200, "abcd|ef|gh\nij|0"),
        ..Case::NEW
    },
    Case {
        name: "request_without_body_has_an_empty_input",
        rules: &["W-78", "A-54", "H-46"],
        about: "The application of a request without body reads to the end, and is at the end at once.",
        app: ECHO,
        check: |client| {
            client.get("")?.is(200, "")?;
            client.request(client.to("DELETE", "", ""))?.is(200, "")
        },
        ..Case::NEW
    },
    Case {
        name: "lines_end_with_line_feeds",
        rules: &["W-67", "W-71", "W-73", "W-74"],
        about: "The application reads line by line, by two ways that must agree; the last line may lack its line feed.",
        app: App::Wsgi(|_| {
            wsgi(|mut environ, start_response| {
                let mut lines: Vec<Vec<u8>> = Vec::new();
                let mut first = Vec::new();
                environ.input().read_until(b'\n', &mut first)?;
                lines.push(first);
                for line in environ.input().octet_lines(100) {
                    lines.push(line?.to_vec());
                }
                start_response.text(200, lines.join(&b"|"[..]).into())
            })
        }),
        check: |client| client.post("", "one\n\r\n\ntwo\r\nend")?.is(200, "one\n|\r\n|\n|two\r\n|end"),
        ..Case::NEW
    },
    Case {
        name: "input_comes_while_it_is_sent",
        rules: &["W-69", "A-154"],
        about: "The client sends the second half of its body only when the application has the first; a server that reads ahead of the call, as W-50 allows, cannot pass.",
        app: App::Wsgi(|journal| {
            wsgi(move |mut environ, start_response| {
                let mut half = [0; 5];
                environ.input().read_full(&mut half)?;
                journal.note("first-half");
                let rest = environ.input().read_all(100)?;
                start_response.text(200, [&half[..], &rest].concat().into())
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Sized(10))?;
            exchange.send("first", false)?;
            exchange.until_noted("first-half", client)?;
            exchange.send("other", true)?;
            exchange.response()?.is(200, "firstother")
        },
        ..Case::NEW
    },
    Case {
        name: "body_that_is_cut_is_an_error",
        rules: &["W-82", "A-154", "H-49"],
        about: "The client leaves in the middle of its body; the application's read fails, and never looks like the end.",
        app: App::Wsgi(|journal| {
            wsgi(move |mut environ, start_response| {
                journal.note("called");
                let read = environ.input().read_all(100);
                journal.note(if read.is_ok() { "complete" } else { "cut" });
                let again = environ.input().read_all(100);
                journal.note(if again.is_ok() { "complete" } else { "still-cut" });
                read?;
                start_response.text(200, Body::empty())
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Sized(10))?;
            exchange.send("half", false)?;
            exchange.until_noted("called", client)?;
            drop(exchange);
            client.wait_for_all(["called", "cut", "still-cut"])
        },
        ..Case::NEW
    },
];

const ECHO: App = App::Wsgi(|_| {
    wsgi(|mut environ, start_response| {
        let body = environ.input().read_all(1024 * 1024)?;
        start_response.text(200, Body::from(body))
    })
});
