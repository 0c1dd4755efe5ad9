//! How calls end.

use gateway_iface::Error;
use gateway_iface::asgi::{self, Receive, Scope};
use gateway_iface::http::StatusCode;

use crate::case::{App, Case, asgi, ensure, equal};
use crate::cases::fields::text;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "call_that_fails_before_content_is_answered_for",
        rules: &["A-66", "A-68", "A-104", "A-106", "A-164"],
        about: "The application fails or panics before any content, also after its start: the client gets 500, or the status of the error, without a word of it; the next request is served.",
        app: App::Asgi(|_| asgi(ends)),
        check: |client| {
            for (what, status) in [("fail", 500), ("panic", 500), ("started", 500), ("status", 403)] {
                let response = client.get(&format!("/?{what}"))?;
                equal(what, response.status, status)?;
                ensure(response.complete, || format!("{what}: the answer is cut"))?;
                response.tells_nothing_of(SECRET)?;
                response.lacks("x-started")?;
                client.get("/?well")?.is(200, "well")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "call_that_returns_without_content_is_answered_for",
        rules: &["A-65", "A-106"],
        about: "The application returns without a response, and after its start alone: the client gets 500.",
        app: App::Asgi(|_| asgi(ends)),
        breaks: &["A-65"],
        check: |client| {
            for what in ["nothing", "start-only"] {
                let response = client.get(&format!("/?{what}"))?;
                equal(what, response.status, 500)?;
                response.lacks("x-started")?;
            }
            client.get("/?well")?.is(200, "well")
        },
        ..Case::NEW
    },
    Case {
        name: "call_that_ends_in_the_middle_breaks_the_response_off",
        rules: &["A-66", "A-104", "A-106", "H-87"],
        about: "The application fails, panics or returns when a block is out: the client sees that the response is not complete; the next request is served.",
        app: App::Asgi(|_| asgi(ends)),
        breaks: &["A-66"],
        check: |client| {
            for what in ["late", "late-panic", "late-return"] {
                let response = client.get(&format!("/?{what}"))?;
                equal(what, response.status, 200)?;
                response.is_cut()?;
                client.get("/?well")?.is(200, "well")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "failure_after_the_response_changes_nothing",
        rules: &["A-66", "A-104"],
        about: "The application fails or panics when its response is complete: the client has that response, and the next request is served.",
        app: App::Asgi(|_| asgi(ends)),
        check: |client| {
            for what in ["after", "after-panic"] {
                client.get(&format!("/?{what}"))?.is(200, "well")?;
                client.get("/?well")?.is(200, "well")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "refused_event_that_comes_back_ends_the_call",
        rules: &["A-105", "A-106"],
        about: "The application returns the error of a send that was refused: before content the client gets 500, after it a response that is cut; the next request is served.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                match scope.into_http()?.query_string() {
                    "before" => send.block("no start").await?,
                    "after" => {
                        send.start(StatusCode::OK, text()).await?;
                        send.block("part").await?;
                        send.flush().await?;
                        send.start(StatusCode::OK, text()).await?;
                    }
                    _ => send.text(200, "well").await?,
                }
                Ok(())
            })
        }),
        breaks: &["A-66"],
        check: |client| {
            let before = client.get("/?before")?;
            equal("the status", before.status, 500)?;
            ensure(before.complete, || "the answer is cut".to_owned())?;
            client.get("/?well")?.is(200, "well")?;
            client.get("/?after")?.is_cut()?;
            client.get("/?well")?.is(200, "well")
        },
        ..Case::NEW
    },
    Case {
        name: "receive_that_is_let_go_holds_nothing_up",
        rules: &["A-13"],
        about: "The application lets its receiving half go at once, with the request unread, and sends 1 MiB: all of it comes, and the next request is served.",
        app: App::Asgi(|_| {
            asgi(|scope, receive, mut send| async move {
                scope.into_http()?;
                drop(receive);
                send.start(StatusCode::OK, text()).await?;
                for _ in 0..16 {
                    send.block(vec![b'x'; 64 * 1024]).await?;
                }
                Ok(send.last("").await?)
            })
        }),
        check: |client| {
            let whole = vec![b'x'; 1024 * 1024];
            client.post("", "not received")?.is(200, &whole)?;
            client.get("")?.is(200, &whole)
        },
        ..Case::NEW
    },
    Case {
        name: "send_that_is_let_go_is_answered_for",
        rules: &["A-106"],
        about: "The application lets its sending half go, unused and after a block, reads its request and returns: the client gets 500, and a response that is cut; the next request is served.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                match scope.into_http()?.query_string() {
                    "unused" => {}
                    "after" => {
                        send.start(StatusCode::OK, text()).await?;
                        send.block("part").await?;
                        send.flush().await?;
                    }
                    _ => return Ok(send.text(200, "well").await?),
                }
                drop(send);
                receive.body(100).await?;
                Ok(())
            })
        }),
        breaks: &["A-65", "A-66"],
        check: |client| {
            equal("the status", client.post("/?unused", "received")?.status, 500)?;
            client.get("/?well")?.is(200, "well")?;
            client.post("/?after", "received")?.is_cut()?;
            client.get("/?well")?.is(200, "well")
        },
        ..Case::NEW
    },
];

async fn ends(scope: Scope, _: Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let what = request.query_string();
    let mut started = text();
    started.insert("x-started", "1".parse()?);
    match what {
        "nothing" => return Ok(()),
        "fail" => return Err(Error::new(SECRET)),
        "status" => return Err(Error::new(SECRET).with_status(StatusCode::FORBIDDEN)),
        "panic" => std::panic::resume_unwind(Box::new(SECRET)),
        "well" | "after" | "after-panic" => send.text(200, "well").await?,
        _ => send.start(StatusCode::OK, started).await?,
    }
    if what.starts_with("late") {
        send.block("part").await?;
        send.flush().await?;
    }
    match what {
        "started" | "late" | "after" => Err(Error::new(SECRET)),
        "late-panic" | "after-panic" => std::panic::resume_unwind(Box::new(SECRET)),
        _ => Ok(()),
    }
}

const SECRET: &str = "the password is swordfish";
