//! Middleware that changes what passes, and that tells of it.

use std::sync::Arc;

use gateway_iface::Error;
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{HeaderValue, StatusCode};
use gateway_iface::middleware::{AccessLog, MapBody, MapHead, RequestId};
use gateway_iface::wsgi::Body;

use crate::case::{App, Case, asgi, ensure, equal, wsgi};
use crate::cases::fields::{declared, text};
use crate::cases::layers::layered;
use crate::client::{DEADLINE, Upload};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "changed_head_is_the_one_that_arrives",
        rules: &["A-143", "A-63"],
        about: "A layer adds a field and changes the status of every response; the client sees both, and the rest as the application sent it.",
        app: App::Asgi(|_| {
            let app = asgi(|scope, _, mut send| async move {
                scope.into_http()?;
                Ok(send.text(200, "unchanged").await?)
            });
            Arc::new(MapHead::new(app, |status, headers| {
                *status = StatusCode::ACCEPTED;
                headers.insert("x-layer", HeaderValue::from_static("1"));
            }))
        }),
        check: |client| {
            let response = client.get("")?;
            response.is(202, "unchanged")?;
            response.has("x-layer", "1")?;
            response.has("content-type", "text/plain; charset=utf-8")
        },
        ..Case::NEW
    },
    Case {
        name: "changed_head_is_changed_after_a_restart_too",
        rules: &["W-136", "W-107"],
        about: "The application restarts with another head: the layer changes that one as well, and nothing of the first is left.",
        app: App::Wsgi(|_| {
            let app = wsgi(|_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                start_response.restart(StatusCode::CONFLICT, text(), Error::new("replaced"))?;
                Ok(Body::from("second"))
            });
            Arc::new(MapHead::new(app, |status, headers| {
                let value = if *status == StatusCode::CONFLICT { "second" } else { "first" };
                headers.insert("x-layer", HeaderValue::from_static(value));
            }))
        }),
        check: |client| {
            let response = client.get("")?;
            response.is(409, "second")?;
            response.has("x-layer", "second")
        },
        ..Case::NEW
    },
    Case {
        name: "changed_body_has_no_false_length",
        rules: &["A-146", "A-145"],
        about: "The application declares its length, and a layer doubles every block: the client gets all of the new body, and no length that is not its own.",
        app: App::Asgi(|_| {
            let app = asgi(|scope, _, mut send| async move {
                scope.into_http()?;
                send.start(StatusCode::OK, declared("4")).await?;
                send.block("ab").await?;
                Ok(send.last("cd").await?)
            });
            Arc::new(MapBody::new(app, |_, _| Some(|block: Bytes, _: bool| doubled(&block))))
        }),
        check: |client| {
            let response = client.get("")?;
            response.is(200, "ababcdcd")?;
            response.has_no_length_but(8)
        },
        ..Case::NEW
    },
    Case {
        name: "changed_body_of_a_synchronous_application_has_no_false_length",
        rules: &["W-121", "W-130", "W-132"],
        about: "The application writes, and returns blocks, of a declared length; a layer doubles all of it: the client gets the new body whole, and no length that is not its own.",
        app: App::Wsgi(|_| {
            let app = wsgi(|environ, start_response| {
                start_response.start(StatusCode::OK, declared("6"))?;
                if environ.query_string() == "write" {
                    start_response.write(b"ab")?;
                    return Ok(Body::blocks(["cd", "", "ef"]));
                }
                Ok(Body::from("abcdef"))
            });
            Arc::new(MapBody::new(app, |_, _| Some(|block: Bytes, _: bool| doubled(&block))))
        }),
        check: |client| {
            for (what, body) in [("/?write", "ababcdcdefef"), ("/?one", "abcdefabcdef")] {
                let response = client.get(what)?;
                response.is(200, body)?;
                response.has_no_length_but(12)?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "changed_body_has_no_false_length_in_answer_to_head",
        rules: &["A-146", "H-78"],
        about: "A layer doubles the one block of the application: the answer to HEAD has the length of the answer to GET, or none.",
        app: App::Asgi(|_| {
            let app = asgi(|scope, _, mut send| async move {
                scope.into_http()?;
                Ok(send.text(200, "hello").await?)
            });
            Arc::new(MapBody::new(app, |_, _| Some(|block: Bytes, _: bool| doubled(&block))))
        }),
        breaks: &["V-06"],
        check: |client| {
            client.get("")?.is(200, "hellohello")?;
            let head = client.request(client.to("HEAD", "", ""))?;
            head.is(200, "")?;
            head.has_no_length_but(10)
        },
        ..Case::NEW
    },
    Case {
        name: "changed_body_still_comes_block_by_block",
        rules: &["W-17", "W-131", "W-133"],
        about: "A layer changes the blocks of a synchronous application, which waits before the second until its client has the first.",
        app: App::Wsgi(|journal| {
            let app = wsgi(move |_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                let journal = journal.clone();
                let second = std::iter::once_with(move || {
                    if journal.wait_blocking("first-seen", DEADLINE) {
                        Ok("two")
                    } else {
                        Err(Error::new("not seen"))
                    }
                });
                Ok(Body::try_blocks(std::iter::once(Ok("one")).chain(second)))
            });
            Arc::new(MapBody::new(app, |_, _| Some(|block: Bytes, _: bool| doubled(&block))))
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            equal("the first block", exchange.octets(6)?, b"oneone")?;
            client.note("first-seen")?;
            exchange.response()?.is(200, "twotwo")
        },
        ..Case::NEW
    },
    Case {
        name: "stream_passes_every_layer_block_by_block",
        rules: &["A-11", "A-69", "A-143"],
        about: "Twelve layers, every middleware there is, stand around an application that waits after each block until its client has it.",
        app: App::Asgi(|journal| {
            layered(asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    for (block, seen) in [("one;", "one-seen"), ("two;", "two-seen")] {
                        send.block(block).await?;
                        journal.wait(seen).await;
                    }
                    Ok(send.last("end").await?)
                }
            }))
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            for (block, seen) in [("one;", "one-seen"), ("two;", "two-seen")] {
                equal("a block", exchange.octets(4)?, block.as_bytes())?;
                client.note(seen)?;
            }
            exchange.response()?.is(200, "end")
        },
        ..Case::NEW
    },
    Case {
        name: "request_has_one_id_inside_and_outside",
        rules: &["A-143", "A-34"],
        about: "A layer gives each request an id: the application sees the one that the client sees, none is given twice, and what the client made up is not taken for one.",
        app: App::Asgi(|_| {
            let app = asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let ids: Vec<_> =
                    request.headers().get_all("x-request-id").iter().map(HeaderValue::as_bytes).collect();
                let told = ids.join(&b"|"[..]);
                Ok(send.text(200, told).await?)
            });
            Arc::new(RequestId::new(app))
        }),
        check: |client| {
            let mut seen = Vec::new();
            for _ in 0..3 {
                let mut request = client.to("GET", "", "");
                request.headers_mut().insert("x-request-id", HeaderValue::from_static("made-up"));
                let response = client.request(request)?;
                let id = response.field("x-request-id").unwrap_or_default().into_owned();
                response.is(200, &id)?;
                ensure(!id.is_empty() && id != "made-up" && !seen.contains(&id), || {
                    format!("{id:?} after {seen:?}")
                })?;
                seen.push(id);
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "each_exchange_is_one_line_of_the_log",
        rules: &["A-143", "A-104"],
        about: "A layer tells of each exchange when it is over: one line for a response, one for an error, and one for a client that left; what the client sends cannot break a line.",
        app: App::Asgi(|journal| {
            let app = asgi(|scope, _, mut send| async move {
                match scope.into_http()?.query_string() {
                    "fails" => return Err(Error::new("broken")),
                    "leaves" => {
                        send.start(StatusCode::OK, text()).await?;
                        loop {
                            send.block(vec![b'x'; 64 * 1024]).await?;
                        }
                    }
                    _ => send.text(200, "hello").await?,
                }
                Ok(())
            });
            Arc::new(AccessLog::new(app, move |entry| {
                let line = entry.to_string();
                let (_, line) = line.split_once("] ").unwrap_or_default();
                journal.note(line.replace("/each_exchange_is_one_line_of_the_log", ""));
            }))
        }),
        check: |client| {
            let mut request = client.to("GET", "/", "");
            request.headers_mut().insert("user-agent", HeaderValue::from_static("kit \"1\" \\"));
            client.request(request)?.is(200, "hello")?;
            let version = client.version();
            client.wait_for_all([&*format!(r#""GET / {version}" 200 5 "-" "kit \"1\" \\""#)])?;
            equal("the status", client.get("/?fails")?.status, 500)?;
            client.wait_for_count(2)?;
            let mut leaves = client.open(client.to("GET", "/?leaves", ()), Upload::None)?;
            leaves.octets(1)?;
            drop(leaves);
            client.wait_for_count(3)?;
            let lines = client.notes()?;
            let begins =
                [format!(r#""GET /?fails {version}" 500 "#), format!(r#""GET /?leaves {version}" 200 "#)];
            for (line, begin) in lines[1..].iter().zip(begins) {
                ensure(line.starts_with(&begin) && line.ends_with(r#" "-" "-""#), || line.clone())?;
            }
            Ok(())
        },
        ..Case::NEW
    },
];

fn doubled(block: &Bytes) -> Bytes {
    Bytes::from([&block[..], block].concat())
}
