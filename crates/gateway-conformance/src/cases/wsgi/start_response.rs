//! How a response begins.

use gateway_iface::Error;
use gateway_iface::http::{HeaderMap, StatusCode};
use gateway_iface::wsgi::{Body, InvalidHead};

use crate::case::{App, Case, ensure, equal, wsgi};
use crate::cases::fields::{fields, text};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "every_final_status_passes",
        rules: &["W-92", "W-95", "A-159"],
        about: "The application answers with the status that it is asked for; the client sees that one.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                let status = environ.query_string().parse()?;
                let mut headers = text();
                headers.insert("location", "/".parse()?);
                start_response.start(StatusCode::from_u16(status)?, headers)?;
                Ok(Body::from("x"))
            })
        }),
        check: |client| {
            for status in [200, 201, 203, 299, 301, 404, 418, 422, 500, 503, 599] {
                client.get(&format!("/?{status}"))?.is(status, "x")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "fields_of_the_response_keep_order_and_repetition",
        rules: &["W-96", "W-103", "A-63", "H-29"],
        about: "The application sends one field several times among others; the client sees each value, in that order.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                let mut headers = text();
                for (name, value) in
                    [("x-b", "1"), ("set-cookie", "a=1"), ("x-a", "2"), ("set-cookie", "b=2"), ("x-b", "3")]
                {
                    headers.append(name, value.parse()?);
                }
                start_response.start(StatusCode::OK, headers)?;
                Ok(Body::from("x"))
            })
        }),
        check: |client| {
            let response = client.get("")?;
            response.is(200, "x")?;
            equal("set-cookie", response.all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"])?;
            equal("x-b", response.all("x-b").collect::<Vec<_>>(), ["1", "3"])?;
            response.has("x-a", "2")?;
            response.has("content-type", "text/plain; charset=utf-8")
        },
        ..Case::NEW
    },
    Case {
        name: "octets_of_a_value_pass",
        rules: &["W-61", "W-62"],
        about: "The application sends a field with octets beyond ASCII and 400 octets of it; the client sees them.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                let mut headers = text();
                headers.insert("x-latin", gateway_iface::http::HeaderValue::from_bytes(b"caf\xE9")?);
                headers.insert("x-long", "x".repeat(400).parse()?);
                start_response.start(StatusCode::OK, headers)?;
                Ok(Body::empty())
            })
        }),
        check: |client| {
            let response = client.get("")?;
            let latin = response.fields.iter().find(|(name, _)| name == "x-latin");
            equal("x-latin", latin.map(|(_, value)| &value[..]), Some(&b"caf\xE9"[..]))?;
            response.has("x-long", &"x".repeat(400))
        },
        ..Case::NEW
    },
    Case {
        name: "head_waits_for_the_body",
        rules: &["W-104", "W-105", "W-107"],
        about: "The application starts, waits for its client, and then starts anew because of an error; the client sees the second head only.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                start_response.start(StatusCode::OK, fields([("x-first", "1"), ("content-length", "99")]))?;
                start_response.restart(StatusCode::BAD_GATEWAY, text(), Error::new("broken"))?;
                Ok(Body::blocks(["", "second", ""]))
            })
        }),
        check: |client| {
            let response = client.get("")?;
            response.is(502, "second")?;
            response.lacks("x-first")
        },
        ..Case::NEW
    },
    Case {
        name: "restart_may_come_first",
        rules: &["W-108"],
        about: "The application begins with restart: the head is stored as if by start.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                start_response.restart(StatusCode::BAD_REQUEST, text(), Error::new("bad"))?;
                Ok(Body::from("first"))
            })
        }),
        check: |client| client.get("")?.is(400, "first"),
        ..Case::NEW
    },
    Case {
        name: "restart_after_output_hands_the_cause_back",
        rules: &["W-109", "W-110", "W-140"],
        about: "The application has written when it restarts; it gets its own error back, returns it, and the client sees a broken response.",
        app: App::Wsgi(|journal| {
            wsgi(move |_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                start_response.write(b"out")?;
                let given = start_response.restart(StatusCode::BAD_GATEWAY, text(), Error::new("the cause"));
                journal.note(given.as_ref().err().map_or_else(String::new, ToString::to_string));
                given?;
                Ok(Body::from("and more"))
            })
        }),
        check: |client| {
            let response = client.get("")?;
            equal("the status", response.status, 200)?;
            response.is_cut()?;
            equal("the error that restart gave", client.notes()?, ["the cause"])
        },
        ..Case::NEW
    },
    Case {
        name: "second_start_is_refused",
        rules: &["W-106"],
        about: "The application starts twice; the second start fails, and the client sees the first.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                start_response.start(StatusCode::OK, fields([("x-first", "1")]))?;
                let again = start_response.start(StatusCode::NOT_FOUND, HeaderMap::new());
                ensure(again.is_err(), || "the second start was accepted".to_owned())?;
                Ok(Body::empty())
            })
        }),
        breaks: &["W-106"],
        check: |client| {
            let response = client.get("")?;
            response.is(200, "")?;
            response.has("x-first", "1")
        },
        ..Case::NEW
    },
    Case {
        name: "head_against_the_rules_is_refused_at_once",
        rules: &["W-93", "W-98", "W-99", "W-100", "W-101", "W-124"],
        about: "The application starts with heads that break a rule; start itself fails each time, naming the rule, and the application answers with the rule instead.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                let (status, headers) = match environ.query_string() {
                    "status" => (100, HeaderMap::new()),
                    "tab" => (200, fields([("x-tab", "a\tb")])),
                    "connection" => (200, fields([("connection", "close")])),
                    "chunked" => (200, fields([("transfer-encoding", "chunked")])),
                    "length" => (200, fields([("content-length", "+5")])),
                    _ => (200, fields([("content-length", "5"), ("content-length", "6")])),
                };
                let refused = start_response.start(StatusCode::from_u16(status)?, headers);
                let error = refused.err().ok_or_else(|| Error::new("it was accepted"))?;
                let rule = error.find::<InvalidHead>().map_or("none", InvalidHead::rule);
                start_response.restart(StatusCode::OK, text(), error)?;
                Ok(Body::from(rule))
            })
        }),
        breaks: &["W-93", "W-98", "W-99", "W-124"],
        check: |client| {
            for (what, rule) in [
                ("status", "W-93"),
                ("tab", "W-98"),
                ("connection", "W-99"),
                ("chunked", "W-99"),
                ("length", "W-124"),
                ("lengths", "W-124"),
            ] {
                client.get(&format!("/?{what}"))?.is(200, rule)?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "start_in_vain_is_a_start",
        rules: &["W-102", "W-106"],
        about: "After a start that was refused another one is refused too, however good it is: only a restart helps.",
        app: App::Wsgi(|_| {
            wsgi(|_, start_response| {
                let bad = start_response.start(StatusCode::OK, fields([("upgrade", "x")]));
                let good = start_response.start(StatusCode::OK, text());
                ensure(bad.is_err() && good.is_err(), || "a start was accepted".to_owned())?;
                start_response.restart(StatusCode::CONFLICT, text(), Error::new("refused"))?;
                Ok(Body::from("restarted"))
            })
        }),
        breaks: &["W-99", "W-106"],
        check: |client| client.get("")?.is(409, "restarted"),
        ..Case::NEW
    },
    Case {
        name: "application_that_never_starts_is_answered_for",
        rules: &["W-07", "W-09"],
        about: "The application returns a body, or none, and never started: the client gets 500, never an invented 200.",
        app: App::Wsgi(|_| {
            wsgi(|environ, _| {
                Ok(match environ.query_string() {
                    "body" => Body::from("body"),
                    "blocks" => Body::blocks(["", "late"]),
                    _ => Body::empty(),
                })
            })
        }),
        breaks: &["W-07"],
        check: |client| {
            for what in ["body", "blocks", "empty"] {
                let response = client.get(&format!("/?{what}"))?;
                equal("the status", response.status, 500)?;
                ensure(!response.text().contains(what), || format!("what it returned was sent: {what}"))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
];
