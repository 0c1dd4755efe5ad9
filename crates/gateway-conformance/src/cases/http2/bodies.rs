//! Bodies of responses, and how they break off.

use gateway_iface::Error;
use gateway_iface::bytes::Bytes;
use gateway_iface::http::StatusCode;

use crate::case::{App, Case, asgi, ensure, equal};
use crate::cases::fields::{declared, text};
use crate::client::Block;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "http2_empty_blocks_end_nothing",
        rules: &["A-69", "A-70"],
        about: "The application sends empty blocks: the first lets the head go, none ends the response.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::ACCEPTED, text()).await?;
                    send.block("").await?;
                    journal.wait("head-seen").await;
                    send.block("con").await?;
                    send.block("").await?;
                    send.block("tent").await?;
                    Ok(send.last("").await?)
                }
            })
        }),
        check: |client| {
            let mut stream = client.http2()?.open(&client.to("GET", "", ()), true)?;
            equal("the status", stream.head()?.status, 202)?;
            client.note("head-seen")?;
            equal("the body", stream.octets(7)?, b"content")?;
            equal("what comes after it", stream.block()?, Block::End)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_declared_length_is_the_length_that_comes",
        rules: &["H-85", "H-113", "A-74"],
        about: "The application sends more than it declared, and then less: what comes is no whole response of another length, and another stream is served.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                send.start(StatusCode::OK, declared("4")).await?;
                match request.query_string() {
                    "more" => {
                        send.block("body").await?;
                        Ok(send.last("surplus").await?)
                    }
                    "less" => {
                        send.block("bo").await?;
                        Ok(send.last("").await?)
                    }
                    _ => Ok(send.last("body").await?),
                }
            })
        }),
        breaks: &["A-74", "H-85"],
        check: |client| {
            let mut connection = client.http2()?;
            for how in ["?more", "?less"] {
                // It may be reset before its head is out.
                if let Ok(response) = connection.open(&client.to("GET", how, ()), true)?.response() {
                    let whole = response.complete && response.status == 200 && response.body != b"body";
                    ensure(!whole, || format!("{how}: a whole response of {:?}", response.text()))?;
                }
                connection.request(client.to("GET", "", ""))?.is(200, "body")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_broken_response_is_seen_to_be_broken",
        rules: &["H-87", "A-106", "A-104"],
        about: "The application fails after the first block: what was sent arrives, the stream is reset, and the connection serves another.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                if request.query_string() != "fail" {
                    return Ok(send.text(200, "well").await?);
                }
                send.start(StatusCode::OK, text()).await?;
                send.block("the beginning").await?;
                send.flush().await?;
                Err(Error::new("on purpose"))
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            for _ in 0..2 {
                let mut stream = connection.open(&client.to("GET", "?fail", ()), true)?;
                stream.head()?;
                equal("what arrives", stream.octets(13)?, b"the beginning")?;
                equal("what comes after it", stream.block()?, Block::Cut)?;
                connection.request(client.to("GET", "", ""))?.is(200, "well")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_failure_before_the_head_is_answered",
        rules: &["A-106", "A-104"],
        about: "The application fails, and panics, before anything is out: each is answered with 500, which tells nothing of it, and the connection goes on.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                match request.query_string() {
                    "fail" => Err(Error::new("a secret")),
                    "panic" => panic!("a secret"),
                    "started" => {
                        send.start(StatusCode::OK, text()).await?;
                        Err(Error::new("a secret"))
                    }
                    _ => Ok(send.text(200, "well").await?),
                }
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            for how in ["?fail", "?panic", "?started"] {
                let response = connection.request(client.to("GET", how, ""))?;
                equal("the status", response.status, 500)?;
                ensure(response.complete, || "the answer was cut".to_owned())?;
                response.tells_nothing_of("secret")?;
                connection.request(client.to("GET", "", ""))?.is(200, "well")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_client_that_does_not_read_holds_its_stream_only",
        rules: &["A-11"],
        about: "The application sends 64 MiB to a stream that is not read: it is held up before half of that is taken; other streams are served meanwhile, and when the client reads on, all of it comes.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    if request.query_string() != "large" {
                        return Ok(send.text(200, "small").await?);
                    }
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
            let mut connection = client.http2()?;
            let mut large = connection.open(&client.to("GET", "?large", ()), true)?;
            large.head()?;
            client.wait_for("taken")?;
            for _ in 0..20 {
                connection.request(client.to("GET", "", ""))?.is(200, "small")?;
            }
            let taken = client.notes()?.len();
            ensure(taken < BLOCKS / 2, || format!("{taken} blocks of 64 KiB were taken that no one read"))?;
            equal("the octets that came", large.octets(BLOCK * BLOCKS)?.len(), BLOCK * BLOCKS)?;
            equal("what comes after them", large.block()?, Block::End)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_block_arrives_before_the_next_is_sent",
        rules: &["A-11", "A-69"],
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
            let mut stream = client.http2()?.open(&client.to("GET", "", ()), true)?;
            stream.head()?;
            for (n, seen) in (1..).zip(SEEN) {
                equal("a block", stream.octets(8)?, format!("block {n};").into_bytes())?;
                client.note(seen)?;
            }
            equal("what comes after them", stream.block()?, Block::End)
        },
        ..Case::NEW
    },
];

const SEEN: [&str; 3] = ["seen-1", "seen-2", "seen-3"];
const BLOCK: usize = 64 * 1024;
const BLOCKS: usize = 1024;
