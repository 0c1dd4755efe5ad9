//! How a response begins.

use gateway_iface::Error;
use gateway_iface::http::{HeaderMap, HeaderName, StatusCode};
use gateway_iface::wsgi::Body;

use crate::case::{App, Case, Failure, ensure, equal, wsgi};
use crate::cases::fields::{fields, text};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "every_final_status_passes",
        rules: &["W-93", "A-159"],
        about: "The application answers with final statuses from 200 to 599, known and unknown; the client sees each as it was given.",
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
        rules: &["W-96", "A-63", "H-29"],
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
        rules: &["W-61"],
        about: "The application sends a value with an octet beyond ASCII, and one of 400 octets; the client sees the octets as they are.",
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
        rules: &["W-104", "W-107"],
        about: "The application starts, and then starts anew because of an error before it returns a block; the client sees the second head only, and nothing of the length that the first declared.",
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
        about: "The application starts with heads that break a rule, every field about the connection among them; start itself fails each time, and the application answers with another head.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                let what = environ.query_string();
                let (status, headers) = match what {
                    "100" | "199" | "600" | "999" => (what.parse()?, HeaderMap::new()),
                    "tab" => (200, fields([("x-tab", "a\tb")])),
                    "signed" => (200, fields([("content-length", "+5")])),
                    "lengths" => (200, fields([("content-length", "5"), ("content-length", "6")])),
                    name => {
                        let mut headers = HeaderMap::new();
                        headers.insert(HeaderName::from_bytes(name.as_bytes())?, "close".parse()?);
                        (200, headers)
                    }
                };
                let refused = start_response.start(StatusCode::from_u16(status)?, headers);
                let error = refused.err().ok_or_else(|| Error::new("it was accepted"))?;
                start_response.restart(StatusCode::OK, text(), error)?;
                Ok(Body::from("refused"))
            })
        }),
        breaks: &["W-93", "W-98", "W-99", "W-124"],
        check: |client| {
            let others = ["100", "199", "600", "999", "tab", "signed", "lengths"];
            for what in others.iter().chain(OF_THE_CONNECTION) {
                let response = client.get(&format!("/?{what}"))?;
                response.is(200, "refused").map_err(|failure| Failure::new(format!("{what}: {failure}")))?;
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
                    "body" => Body::from(RETURNED),
                    "blocks" => Body::blocks(["", RETURNED]),
                    _ => Body::empty(),
                })
            })
        }),
        breaks: &["W-07"],
        check: |client| {
            for what in ["body", "blocks", "empty"] {
                let response = client.get(&format!("/?{what}"))?;
                equal("the status", response.status, 500)?;
                ensure(!response.text().contains(RETURNED), || format!("what it returned was sent: {what}"))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
];

/// The fields that belong to the server (W-99).
const OF_THE_CONNECTION: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

const RETURNED: &str = "swordfish";
