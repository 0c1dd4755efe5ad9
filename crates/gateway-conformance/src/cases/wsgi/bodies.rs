//! The body of the response.

use std::io::{self, Cursor, Read};

use gateway_iface::Error;
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{HeaderMap, StatusCode};
use gateway_iface::wsgi::Body;

use crate::case::{App, Case, ensure, equal, wsgi};
use crate::cases::fields::{declared, text};
use crate::client::{DEADLINE, Upload};
use crate::journal::Journal;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "empty_blocks_send_nothing",
        rules: &["W-19"],
        about: "Empty blocks among others add nothing to the body, and do not end it.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                Ok(Body::blocks(["", "a", "", "", "b", ""]))
            })
        }),
        check: |client| client.get("")?.is(200, "ab"),
        ..Case::NEW
    },
    Case {
        name: "empty_body_is_a_complete_response",
        rules: &["W-105", "W-127"],
        about: "The application returns no block, and only empty ones: the client has a complete response without content.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                start_response.start(StatusCode::OK, text())?;
                Ok(if environ.query_string() == "none" { Body::empty() } else { Body::blocks(["", ""]) })
            })
        }),
        check: |client| {
            for what in ["/?none", "/?empty"] {
                let response = client.get(what)?;
                response.is(200, "")?;
                response.has("content-type", "text/plain; charset=utf-8")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "block_arrives_before_the_next_is_taken",
        rules: &["W-17", "W-131", "A-156"],
        about: "Before each block but the first the application waits until its client has the one before.",
        app: App::Wsgi(|journal| {
            wsgi(move |_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                let journal = journal.clone();
                let blocks = (1..=3).map(move |n| {
                    if n > 1 && !journal.wait_blocking(SEEN[n - 2], DEADLINE) {
                        return Err(Error::new(format!("the client never saw block {}", n - 1)));
                    }
                    Ok(Bytes::from(format!("block {n};")))
                });
                Ok(Body::try_blocks(blocks))
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            for (n, seen) in (1..).zip(SEEN) {
                equal("a block", exchange.octets(8)?, format!("block {n};").into_bytes())?;
                client.note(seen)?;
            }
            exchange.response()?.is(200, "")
        },
        ..Case::NEW
    },
    Case {
        name: "length_that_is_seen_is_that_of_the_body",
        rules: &["W-125", "W-126"],
        about: "Bodies of one block and of several, with and without a declared length, arrive whole; a length that the client sees is that of the body.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                let (headers, body) = match environ.query_string() {
                    "one" => (text(), Body::from("one block")),
                    "several" => (text(), Body::blocks(["one", " ", "block"])),
                    "declared" => (declared("9"), Body::blocks(["one", " ", "block"])),
                    _ => (declared("9"), Body::from("one block")),
                };
                start_response.start(StatusCode::OK, headers)?;
                Ok(body)
            })
        }),
        check: |client| {
            for (what, declared) in [("one", false), ("several", false), ("declared", true), ("both", true)] {
                let response = client.get(&format!("/?{what}"))?;
                response.is(200, "one block")?;
                response.has_no_length_but(9)?;
                ensure(!declared || response.field("content-length").is_some(), || {
                    format!("{what}: the declared length is gone")
                })?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "body_that_understates_itself_breaks_no_framing",
        rules: &["H-85", "W-10"],
        about: "The application returns an iterator that says that it is over and goes on: the client gets a whole response of a part of the blocks or of all, and a length in it is that of what came.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                Ok(Body::blocks(Understated(["one", "two", "three"].into_iter())))
            })
        }),
        check: |client| {
            let response = client.get("")?;
            let parts = ["one", "onetwo", "onetwothree"];
            ensure(parts.contains(&&*response.text()), || response.text().into_owned())?;
            response.is(200, response.body.clone())?;
            response.has_no_length_but(response.body.len())
        },
        ..Case::NEW
    },
    Case {
        name: "large_response_arrives_whole",
        rules: &["W-18", "A-156"],
        about: "The application returns 256 blocks of 8 KiB, each of another octet; the client gets them in order.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                Ok(Body::blocks((0..=255_u8).map(|n| vec![n; 8 * 1024])))
            })
        }),
        check: |client| {
            let wanted: Vec<u8> = (0..=255_u8).flat_map(|n| vec![n; 8 * 1024]).collect();
            client.get("")?.is(200, wanted)
        },
        ..Case::NEW
    },
    Case {
        name: "surplus_is_never_sent",
        rules: &["W-122"],
        about: "The application declares eight octets and returns blocks of 4, 2 and 4, and then more: the client gets the first eight as a whole response, no further block is taken, and the body is closed.",
        app: App::Wsgi(|journal| {
            wsgi(move |_, start_response| {
                start_response.start(StatusCode::OK, declared("8"))?;
                let (taken, closed) = (journal.clone(), journal.clone());
                let blocks = ["aaaa", "bb", "cccc", "dddd"].into_iter();
                let blocks = blocks.inspect(move |block| taken.note(*block));
                Ok(Body::blocks(blocks).on_close(move || {
                    closed.note("closed");
                    Ok(())
                }))
            })
        }),
        breaks: &["H-85"],
        check: |client| {
            client.get("")?.is(200, "aaaabbcc")?;
            client.wait_for("closed")?;
            equal("the notes", client.notes()?, ["aaaa", "bb", "cccc", "closed"])
        },
        ..Case::NEW
    },
    Case {
        name: "deficit_is_seen_by_the_client",
        rules: &["W-123"],
        about: "The application declares more than it returns: the client sees that something is missing, or an error.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                start_response.start(StatusCode::OK, declared("100"))?;
                Ok(Body::blocks(["only ", "this"]))
            })
        }),
        breaks: &["H-85"],
        check: |client| {
            let response = client.get("")?;
            ensure(!response.complete || response.status == 500, || {
                format!("it looks complete: {} {}", response.status, response.text())
            })
        },
        ..Case::NEW
    },
    Case {
        name: "head_204_and_304_have_no_body",
        rules: &["W-129", "H-77"],
        about: "The answer to HEAD, and those with 204 and 304, have no content whatever the application returns; the length declared for HEAD stays, and the body is closed.",
        app: App::Wsgi(|journal| {
            wsgi(move |environ, start_response| {
                let journal = journal.clone();
                let status = StatusCode::from_u16(environ.query_string().parse()?)?;
                let headers = if status == StatusCode::OK { declared("5") } else { HeaderMap::new() };
                start_response.start(status, headers)?;
                let closed = move || {
                    journal.note("closed");
                    Ok(())
                };
                Ok(Body::blocks(["he", "llo"]).on_close(closed))
            })
        }),
        breaks: &["H-77", "V-06"],
        check: |client| {
            let head = client.request(client.to("HEAD", "/?200", ""))?;
            head.is(200, "")?;
            head.has("content-length", "5")?;
            client.get("/?204")?.is(204, "")?;
            client.get("/?304")?.is(304, "")?;
            client.wait_for_all(["closed"; 3])
        },
        ..Case::NEW
    },
    Case {
        name: "file_is_sent_from_where_it_stands",
        rules: &["W-149", "W-151", "W-152", "W-153", "W-155"],
        about: "The application returns a reader that stands behind its first octets, with and without a length shorter than the rest: the client gets the octets from there on, up to that length, nothing of them in the answer to HEAD, and the reader is dropped each time.",
        app: App::Wsgi(|journal| {
            wsgi(move |environ, start_response| {
                let mut file = Noted { file: Cursor::new(b"0123456789"), journal: journal.clone() };
                file.file.set_position(4);
                let headers = if environ.query_string() == "cut" { declared("3") } else { text() };
                start_response.start(StatusCode::OK, headers)?;
                Ok(Body::file(file, 2))
            })
        }),
        breaks: &["H-85", "V-06"],
        check: |client| {
            client.get("/?whole")?.is(200, "456789")?;
            client.wait_for_all(["dropped"])?;
            client.get("/?cut")?.is(200, "456")?;
            client.wait_for_all(["dropped"; 2])?;
            client.request(client.to("HEAD", "/?whole", ""))?.is(200, "")?;
            client.wait_for_all(["dropped"; 3])
        },
        ..Case::NEW
    },
];

/// Blocks that are said to be over before they are.
struct Understated(std::array::IntoIter<&'static str, 3>);

impl Iterator for Understated {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(0))
    }
}

/// A file that notes when it is closed.
struct Noted {
    file: Cursor<&'static [u8; 10]>,
    journal: Journal,
}

impl Read for Noted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.journal.note("dropped");
    }
}

const SEEN: [&str; 3] = ["seen-1", "seen-2", "seen-3"];
