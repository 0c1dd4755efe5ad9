//! Writing ahead of the body.

use gateway_iface::http::StatusCode;
use gateway_iface::wsgi::Body;

use crate::case::{App, Case, ensure, equal, wsgi};
use crate::cases::fields::{declared, text};
use crate::client::{DEADLINE, Upload};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "what_is_written_comes_before_the_body",
        rules: &["W-116"],
        about: "The application writes twice and returns further blocks; the client sees all of it in that order.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                start_response.write(b"one ")?;
                start_response.write(b"")?;
                start_response.write(b"two ")?;
                Ok(Body::blocks(["", "three ", "four"]))
            })
        }),
        check: |client| client.get("")?.is(200, "one two three four"),
        ..Case::NEW
    },
    Case {
        name: "what_is_written_arrives_before_the_call_returns",
        rules: &["W-105", "W-114", "W-131"],
        about: "The application writes and waits for its client before it goes on; the client has head and block by then.",
        app: App::Wsgi(|journal| {
            wsgi(move |_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                start_response.write(b"early")?;
                ensure(journal.wait_blocking("seen", DEADLINE), || "the client never saw it".to_owned())?;
                Ok(Body::from(" late"))
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            equal("the first octets", exchange.octets(5)?, b"early")?;
            client.note("seen")?;
            exchange.response()?.is(200, " late")
        },
        ..Case::NEW
    },
    Case {
        name: "write_beyond_the_length_is_refused",
        rules: &["W-119"],
        about: "The application declares four octets, writes three, and then two more; the second write fails, and nothing of it is sent.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                start_response.start(StatusCode::OK, declared("4"))?;
                start_response.write(b"abc")?;
                let surplus = start_response.write(b"XY");
                ensure(surplus.is_err(), || "the surplus was accepted".to_owned())?;
                Ok(Body::from("d"))
            })
        }),
        breaks: &["W-119"],
        check: |client| client.get("")?.is(200, "abcd"),
        ..Case::NEW
    },
    Case {
        name: "write_before_the_start_is_refused",
        rules: &["W-115"],
        about: "The application writes before it starts; the write fails, and what it would have sent is not sent.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                let early = start_response.write(b"early");
                ensure(early.is_err(), || "it was accepted".to_owned())?;
                start_response.start(StatusCode::OK, text())?;
                Ok(Body::from("body"))
            })
        }),
        breaks: &["W-115"],
        check: |client| client.get("")?.is(200, "body"),
        ..Case::NEW
    },
    Case {
        name: "write_fails_when_the_client_is_gone",
        rules: &["W-120"],
        about: "The client leaves while the application writes more than any buffer holds: a write fails, with an error that tells a lost client from other failures.",
        app: App::Wsgi(|journal| {
            wsgi(move |_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                let block = [b'x'; 64 * 1024];
                // More than any buffer holds.
                for _ in 0..4096 {
                    if let Err(error) = start_response.write(&block) {
                        let error = gateway_iface::Error::from(error);
                        journal.note(if error.is_disconnected() { "gone" } else { "failed" });
                        return Err(error);
                    }
                }
                journal.note("all-written");
                Ok(Body::empty())
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            exchange.head()?;
            drop(exchange);
            client.wait_for("gone")
        },
        ..Case::NEW
    },
];
