//! When what is sent arrives.

use gateway_iface::bytes::Bytes;
use gateway_iface::http::StatusCode;

use crate::case::{App, Case, Failure, asgi, ensure, equal};
use crate::cases::fields::text;
use crate::client::{Block, Client, Upload};

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
        check: block_by_block,
        ..Case::NEW
    },
    Case {
        name: "empty_block_lets_the_head_go",
        rules: &["A-69", "A-70"],
        about: "The application sends a start and an empty block and waits: the client has the head, and nothing after it.",
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
            ensure(exchange.is_silent()?, || "something came after the head".to_owned())?;
            client.note("head-seen")?;
            exchange.response()?.is(202, "content")
        },
        ..Case::NEW
    },
    Case {
        name: "last_block_completes_the_response_while_the_application_goes_on",
        rules: &["A-71", "A-06"],
        about: "After its last block the application waits until its client has seen the end of the response, and only then returns.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    send.block("who").await?;
                    send.last("le").await?;
                    journal.wait("response-seen").await;
                    journal.note("returned");
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            equal("the body", exchange.octets(6)?, b"whole")?;
            equal("what comes after it", exchange.block()?, Block::End)?;
            client.note("response-seen")?;
            exchange.response()?.is(200, "")?;
            client.wait_for("returned")
        },
        ..Case::NEW
    },
    Case {
        name: "client_that_does_not_read_holds_the_application",
        rules: &["A-11"],
        about: "The application sends 64 MiB to a client that reads the first of it and stops: it is held up before half of that is taken, and when the client reads on, all of it comes.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    let block = Bytes::from(vec![b'x'; BLOCK]);
                    for _ in 0..BLOCKS {
                        send.block(block.clone()).await?;
                        journal.note("taken");
                    }
                    Ok(send.last("").await?)
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            let first = exchange.octets(1)?;
            exchange.until_noted("taken", client)?;
            let taken = exchange.until_quiet(client)?.len();
            ensure(taken < BLOCKS / 2, || format!("{taken} blocks of 64 KiB were taken that no one read"))?;
            let response = exchange.response()?;
            equal("the octets that came", first.len() + response.body.len(), BLOCK * BLOCKS)?;
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
        rules: &["A-69"],
        about: "The application flushes after each block, and before the next one it waits until its client has that: each flush comes back.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    for (n, seen) in (1..).zip(SEEN) {
                        send.block(format!("block {n};")).await?;
                        send.flush().await?;
                        journal.wait(seen).await;
                    }
                    Ok(send.last("").await?)
                }
            })
        }),
        check: block_by_block,
        ..Case::NEW
    },
];

const SEEN: [&str; 3] = ["seen-1", "seen-2", "seen-3"];
const BLOCK: usize = 64 * 1024;
const BLOCKS: usize = 1024;

/// Takes each block, and tells the application only then.
fn block_by_block(client: &Client) -> Result<(), Failure> {
    let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
    for (n, seen) in (1..).zip(SEEN) {
        equal("a block", exchange.octets(8)?, format!("block {n};").into_bytes())?;
        client.note(seen)?;
    }
    exchange.response()?.is(200, "")
}
