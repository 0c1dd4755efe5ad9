//! When what is sent arrives.

use std::future::poll_fn;
use std::task::Poll;

use gateway_iface::bytes::Bytes;
use gateway_iface::http::StatusCode;

use crate::case::{App, Case, asgi, equal};
use crate::cases::fields::text;
use crate::client::Upload;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "block_arrives_before_the_next_is_sent",
        rules: &["A-11", "A-69", "A-163"],
        about: "Before each block but the first the application waits until its client has the one before.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    for (n, seen) in (1..).zip(SEEN) {
                        send.block(format!("block {n};")).await?;
                        journal.wait(seen).await;
                    }
                    Ok(send.last("").await?)
                }
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
        name: "empty_block_lets_the_head_go",
        rules: &["A-69", "A-70", "A-68"],
        about: "The application sends a start and an empty block and waits: the client has the head, and nothing else.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::ACCEPTED, text()).await?;
                    send.block("").await?;
                    journal.wait("head-seen").await;
                    send.block("").await?;
                    send.block("content").await?;
                    send.block("").await?;
                    Ok(send.last("").await?)
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            equal("the status", exchange.head()?.status, 202)?;
            client.note("head-seen")?;
            exchange.response()?.is(202, "content")
        },
        ..Case::NEW
    },
    Case {
        name: "last_block_completes_the_response_while_the_application_goes_on",
        rules: &["A-71", "A-06"],
        about: "After its last block the application waits until its client has the whole response, and only then returns.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.text(200, "whole").await?;
                    journal.wait("response-seen").await;
                    journal.note("returned");
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            equal("the body", exchange.octets(5)?, b"whole")?;
            client.note("response-seen")?;
            exchange.response()?.is(200, "")?;
            client.wait_for("returned")
        },
        ..Case::NEW
    },
    Case {
        name: "client_that_does_not_read_holds_the_application",
        rules: &["A-11", "A-57"],
        about: "The application sends 64 MiB to a client that does not read: its send has to wait before that is done, and when the client reads, all of it comes.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    let block = Bytes::from(vec![b'x'; BLOCK]);
                    for _ in 0..BLOCKS {
                        let mut slot = Some(block.clone());
                        poll_fn(|cx| {
                            let polled = send.poll_block(cx, &mut slot, true);
                            if polled.is_pending() {
                                journal.note("held");
                            }
                            match polled {
                                Poll::Ready(result) => Poll::Ready(result),
                                Poll::Pending => Poll::Pending,
                            }
                        })
                        .await?;
                    }
                    journal.note("all-sent");
                    Ok(send.last("").await?)
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            exchange.until_noted("held", client)?;
            let early = client.notes()?.iter().any(|note| note == "all-sent");
            equal("whether all was sent before the client read", early, false)?;
            let response = exchange.response()?;
            equal("the octets that came", response.body.len(), BLOCK * BLOCKS)?;
            equal("whether the response is complete", response.complete, true)
        },
        ..Case::NEW
    },
    Case {
        name: "request_streams_back_while_it_comes",
        rules: &["A-11", "A-12", "A-69"],
        about: "The application sends each block of the request back at once; the client sends the next when it has that.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                send.start(StatusCode::OK, text()).await?;
                while let Some(block) = receive.block().await? {
                    send.block(block).await?;
                }
                Ok(send.last("").await?)
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Chunked)?;
            for n in 0..3 {
                let block = format!("block {n};");
                exchange.send(block.clone(), false)?;
                equal("what came back", exchange.octets(8)?, block.into_bytes())?;
            }
            exchange.send("", true)?;
            exchange.response()?.is(200, "")
        },
        ..Case::NEW
    },
    Case {
        name: "flush_comes_back",
        rules: &["A-11"],
        about: "The application flushes after each block: each flush comes back while the client reads.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                scope.into_http()?;
                send.start(StatusCode::OK, text()).await?;
                for block in ["one ", "two ", "three"] {
                    send.block(block).await?;
                    send.flush().await?;
                }
                Ok(send.last("").await?)
            })
        }),
        check: |client| client.get("")?.is(200, "one two three"),
        ..Case::NEW
    },
];

const SEEN: [&str; 3] = ["seen-1", "seen-2", "seen-3"];
const BLOCK: usize = 64 * 1024;
const BLOCKS: usize = 1024;
