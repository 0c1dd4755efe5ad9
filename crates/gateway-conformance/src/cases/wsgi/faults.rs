//! Applications that fail.

use gateway_iface::Error;
use gateway_iface::http::{HeaderValue, StatusCode};
use gateway_iface::wsgi::{Body, Environ, StartResponse};

use crate::case::{App, Case, Failure, ensure, equal, wsgi};
use crate::cases::fields::text;
use crate::client::{Client, Response};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "failure_before_the_head_is_answered",
        rules: &["W-19", "W-105", "W-138", "W-139", "A-155"],
        about: "The application fails, or panics, before it gave an octet, an empty block not counted: the client gets 500 without a word of the error or of the head that was stored, or the status that the error asks for, and the next request is served.",
        app: App::Wsgi(|_| wsgi(|environ, start_response| fails(&environ, start_response))),
        check: |client| {
            for what in ["call", "panic", "started", "block"] {
                let response = client.get(&format!("/?{what}"))?;
                tells_nothing(&response, 500)?;
                client.get("/?well")?.is(200, "well")?;
            }
            tells_nothing(&client.get("/?status")?, 403)
        },
        ..Case::NEW
    },
    Case {
        name: "failure_after_the_head_breaks_the_response_off",
        rules: &["W-138", "W-140", "H-87", "A-164"],
        about: "The application fails, or panics, when a block is out: the client sees that the response is not complete, and the server goes on.",
        app: App::Wsgi(|_| wsgi(|environ, start_response| fails(&environ, start_response))),
        check: |client| {
            for what in ["late", "late-panic", "written"] {
                let response = client.get(&format!("/?{what}"))?;
                equal("the status", response.status, 200)?;
                response.is_cut()?;
                next_is_served(client)?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "errors_stream_takes_any_text",
        rules: &["W-51", "W-84", "W-86"],
        about: "The application writes text of every kind to its errors stream and flushes it; nothing fails, and nothing of it is in the response.",
        app: App::Wsgi(|_| {
            wsgi(|mut environ, start_response| {
                let errors = environ.errors();
                errors.write_text("the kit writes text: é, ☃, ")?;
                errors.write_lines(["two", " parts\n"])?;
                errors.flush()?;
                start_response.text(200, "quiet".into())
            })
        }),
        check: |client| client.get("")?.is(200, "quiet"),
        ..Case::NEW
    },
];

fn fails(environ: &Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let what = environ.query_string();
    let error = || Error::new(SECRET);
    match what {
        "call" => return Err(error()),
        "status" => return Err(error().with_status(StatusCode::FORBIDDEN)),
        "panic" => std::panic::resume_unwind(Box::new(SECRET)),
        _ => {
            let mut headers = text();
            headers.insert("x-stored", HeaderValue::from_static("1"));
            start_response.start(StatusCode::OK, headers)?;
        }
    }
    match what {
        "started" => Err(error()),
        "block" => Ok(Body::try_blocks([Ok(""), Err(error())])),
        "late" => Ok(Body::try_blocks([Ok("part"), Ok(""), Err(error())])),
        "late-panic" => {
            let blocks = ["part"].into_iter().chain(std::iter::from_fn(|| -> Option<&str> {
                std::panic::resume_unwind(Box::new(SECRET))
            }));
            Ok(Body::blocks(blocks))
        }
        "written" => {
            start_response.write(b"part")?;
            Err(error())
        }
        _ => Ok(Body::from("well")),
    }
}

fn tells_nothing(response: &Response, status: u16) -> Result<(), Failure> {
    equal("the status", response.status, status)?;
    ensure(response.complete, || "the answer is cut".to_owned())?;
    response.lacks("x-stored")?;
    let fields = response.fields.iter().map(|(_, value)| &value[..]);
    let told = fields.chain([&response.body[..]]).any(|told| String::from_utf8_lossy(told).contains(SECRET));
    ensure(!told, || format!("the error is told: {response:?}"))
}

fn next_is_served(client: &Client) -> Result<(), Failure> {
    client.get("/?well")?.is(200, "well")
}

const SECRET: &str = "the password is swordfish";
