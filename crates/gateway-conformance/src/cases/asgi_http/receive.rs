//! The events of the request.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use gateway_iface::asgi::Disconnect;
use gateway_iface::asgi::event::ReceiveEvent;
use gateway_iface::bytes::Bytes;

use crate::case::{App, Case, Failure, asgi, ensure, equal};
use crate::client::Upload;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "blocks_of_the_request_are_its_content",
        rules: &["A-53", "A-55", "A-12"],
        about: "The application puts the blocks of its request together up to the last one, which alone says so, and alone may be empty: what it has is what the client sent, by length or in chunks.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                let mut body = Vec::new();
                loop {
                    match receive.receive().await {
                        ReceiveEvent::HttpRequest(request) => {
                            body.extend_from_slice(&request.body);
                            if !request.more_body {
                                break;
                            }
                            ensure(!request.body.is_empty(), || "an empty block came".to_owned())?;
                        }
                        event => return Err(Failure::new(format!("{} came", event.name())).into()),
                    }
                }
                Ok(send.text(200, body).await?)
            })
        }),
        check: |client| {
            let octets: Vec<u8> = (0..=255).cycle().take(256 * 1024).collect();
            client.post("", octets.clone())?.is(200, octets)?;
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Chunked)?;
            exchange.send("one ", false)?;
            exchange.send("0\r\n\r\n", false)?;
            exchange.send("", true)?;
            exchange.response()?.is(200, "one 0\r\n\r\n")
        },
        ..Case::NEW
    },
    Case {
        name: "request_without_body_is_one_empty_last_block",
        rules: &["A-54", "A-12", "A-162"],
        about: "The first event of a request without body is an empty block that says that it is the last, and no other block is there after it.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                let ReceiveEvent::HttpRequest(request) = receive.receive().await else {
                    return Err(Failure::new("the first event is no http.request").into());
                };
                let next = poll_fn(|cx| Poll::Ready(receive.poll_receive(cx))).await;
                if let Poll::Ready(ReceiveEvent::HttpRequest(_)) = next {
                    return Err(Failure::new("a block came after the last one").into());
                }
                let told = format!("{} {}", request.body.len(), request.more_body);
                Ok(send.text(200, told).await?)
            })
        }),
        check: |client| {
            client.get("")?.is(200, "0 false")?;
            client.request(client.to("DELETE", "", ""))?.is(200, "0 false")
        },
        ..Case::NEW
    },
    Case {
        name: "blocks_come_while_they_are_sent",
        rules: &["A-12", "A-67"],
        about: "The client sends the rest of its body only when the application has the first part.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    let mut body = Vec::new();
                    while let Some(block) = receive.block().await? {
                        body.extend_from_slice(&block);
                        if body == b"first" {
                            journal.note("first-part");
                        }
                    }
                    Ok(send.text(200, body).await?)
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Sized(10))?;
            exchange.send("first", false)?;
            exchange.until_noted("first-part", client)?;
            exchange.send("other", true)?;
            exchange.response()?.is(200, "firstother")
        },
        ..Case::NEW
    },
    Case {
        name: "upload_waits_for_the_application",
        rules: &["A-57"],
        about: "The client sends 64 MiB to an application that does not receive yet: over a socket it is held up before half of that is taken. Then the application receives, and all of it comes.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    journal.note("called");
                    journal.wait("go").await;
                    let mut octets = 0;
                    while let Some(block) = receive.block().await? {
                        octets += block.len();
                    }
                    Ok(send.text(200, octets.to_string()).await?)
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Sized(UPLOAD))?;
            exchange.until_noted("called", client)?;
            let mut left = Bytes::from(vec![b'x'; UPLOAD]);
            while !left.is_empty() && exchange.offer(&mut left)? {}
            ensure(client.is_in_process() || left.len() > UPLOAD / 2, || {
                format!("{} octets were taken that no one received", UPLOAD - left.len())
            })?;
            client.note("go")?;
            exchange.send(left, true)?;
            exchange.response()?.is(200, UPLOAD.to_string())
        },
        ..Case::NEW
    },
    Case {
        name: "receive_that_is_dropped_loses_no_event",
        rules: &["A-14"],
        about: "The application drops a receive that waits for each of three blocks, which its client sends only then; it gets every octet, in order.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    let mut body = Vec::new();
                    for dropped in DROPPED {
                        let at_once = poll_fn(|cx| Poll::Ready(pin!(receive.block()).poll(cx))).await;
                        ensure(at_once.is_pending(), || format!("{at_once:?} came before it was sent"))?;
                        journal.note(dropped);
                        body.extend_from_slice(&receive.block().await?.unwrap_or_default());
                    }
                    Ok(send.text(200, body).await?)
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Sized(8))?;
            for (n, dropped) in (1..).zip(DROPPED) {
                exchange.until_noted(dropped, client)?;
                exchange.send(["1234", "56", "78"][n - 1], n == DROPPED.len())?;
            }
            exchange.response()?.is(200, "12345678")
        },
        ..Case::NEW
    },
    Case {
        name: "disconnect_comes_after_the_response_again_and_again",
        rules: &["A-58", "A-67", "A-99"],
        about: "When its response is complete, and its client still there, the application receives: it is told that it is complete, and so each time it asks again.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.text(200, "done").await?;
                    for _ in 0..3 {
                        let event = receive.receive().await;
                        journal.note(match event.disconnect() {
                            Some(Disconnect::Complete) => "complete",
                            Some(_) => "another reason",
                            None => event.name(),
                        });
                    }
                    receive.disconnected().await;
                    journal.note("returned");
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            equal("the body", exchange.octets(4)?, b"done")?;
            exchange.until_noted("returned", client)?;
            exchange.response()?.is(200, "")?;
            client.wait_for_all(["complete", "complete", "complete", "returned"])
        },
        ..Case::NEW
    },
    Case {
        name: "receive_and_send_wait_at_the_same_time",
        rules: &["A-13"],
        about: "The application sends from one half while its other half waits for the rest of the request; neither holds the other up.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                let read = async { receive.body(100).await };
                let mut read = pin!(read);
                let early = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_ready())).await;
                ensure(!early, || "the body is there before it was sent".to_owned())?;
                send.start(gateway_iface::http::StatusCode::OK, crate::cases::fields::text()).await?;
                send.block("sent while the other half waits; ").await?;
                let body = read.await?;
                Ok(send.last(body).await?)
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Sized(4))?;
            let first = exchange.octets(33)?;
            equal("the first block", String::from_utf8_lossy(&first), "sent while the other half waits; ")?;
            exchange.send("rest", true)?;
            exchange.response()?.is(200, "rest")
        },
        ..Case::NEW
    },
    Case {
        name: "body_over_the_applications_limit_is_413",
        rules: &["H-48"],
        about: "The application reads its body with a limit and passes the error on: the client gets 413, by length and in chunks.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                let body = receive.body(8).await?;
                Ok(send.text(200, body).await?)
            })
        }),
        check: |client| {
            client.post("", "12345678")?.is(200, "12345678")?;
            equal("the status", client.post("", "123456789")?.status, 413)?;
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Chunked)?;
            exchange.send("12345", false)?;
            exchange.send("67890", true)?;
            equal("the status", exchange.response()?.status, 413)
        },
        ..Case::NEW
    },
];

const UPLOAD: usize = 64 * 1024 * 1024;
const DROPPED: [&str; 3] = ["dropped-1", "dropped-2", "dropped-3"];
