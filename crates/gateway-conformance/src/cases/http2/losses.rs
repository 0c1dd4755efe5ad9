//! Streams and connections that their client gives up.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use gateway_iface::asgi::{self, Disconnect, Receive, Scope};
use gateway_iface::bytes::Bytes;
use gateway_iface::http::StatusCode;
use gateway_iface::{Error, wsgi};

use crate::case::{App, Case, Failure, asgi, equal, wsgi as blocking};
use crate::cases::fields::text;
use crate::client::{Client, Stream};
use crate::journal::Journal;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "http2_reset_tells_who_waits",
        rules: &["A-99", "A-100", "A-58"],
        about: "The client resets the stream of an application that waits for the next event: it is told that its client left, every time it asks, and another stream is served.",
        app: LOST,
        check: |client| reset(client, "?receive", Stream::reset),
        ..Case::NEW
    },
    Case {
        name: "http2_reset_tells_who_only_waits_for_it",
        rules: &["A-100"],
        about: "The client resets the stream of an application that waits for nothing but that, with a body unread.",
        app: LOST,
        check: |client| reset(client, "?disconnected", Stream::reset),
        ..Case::NEW
    },
    Case {
        name: "http2_reset_fails_what_is_sent",
        rules: &["A-95", "A-96", "A-105"],
        about: "The client resets the stream of an application that goes on sending: a send fails, that error may come back, and another stream is served.",
        app: LOST,
        check: |client| reset(client, "?send", Stream::reset),
        ..Case::NEW
    },
    Case {
        name: "http2_reset_within_the_body_is_no_end_of_it",
        rules: &["H-49", "A-67"],
        about: "The client resets its stream in the middle of the body: the application gets no last block.",
        app: LOST,
        check: |client| {
            reset(client, "?body", |mut stream| {
                stream.send("half", false);
                stream.reset();
            })
        },
        ..Case::NEW
    },
    Case {
        name: "http2_end_of_the_connection_is_the_end_of_its_streams",
        rules: &["A-99", "A-100", "A-06"],
        about: "The client leaves with several streams under way: every application is told.",
        app: LOST,
        check: |client| {
            let mut connection = client.http2()?;
            let mut streams = Vec::new();
            for how in ["?receive", "?disconnected", "?body"] {
                streams.push(connection.open(&client.to("POST", how, ()), false)?);
                client.wait_for_count(streams.len())?;
            }
            connection.leave();
            drop(streams);
            client.wait_for_count(6)?;
            lost(client, 3)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_end_of_the_request_is_no_loss",
        rules: &["A-101", "H-101", "A-67"],
        about: "The client has sent all of its request: that alone does not tell the application that it left.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    receive.body(100).await?;
                    journal.note("read");
                    let (mut left, mut answer) = (pin!(receive.disconnected()), pin!(journal.wait("answer")));
                    let told = poll_fn(|cx| match left.as_mut().poll(cx) {
                        Poll::Ready(_) => Poll::Ready("left"),
                        Poll::Pending => answer.as_mut().poll(cx).map(|()| "still there"),
                    });
                    let told = told.await;
                    Ok(send.text(200, told).await?)
                }
            })
        }),
        check: |client| {
            let mut stream = client.http2()?.open(&client.to("POST", "", ()), false)?;
            stream.send("body", true);
            client.wait_for("read")?;
            client.note("answer")?;
            stream.response()?.is(200, "still there")
        },
        ..Case::NEW
    },
    Case {
        name: "http2_reset_closes_the_body_of_a_synchronous_application",
        rules: &["W-12", "W-142", "W-13"],
        about: "The client resets the stream of a synchronous application that goes on giving blocks: its body is closed, once.",
        app: App::Wsgi(|journal| {
            blocking(move |_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                journal.note("called");
                let journal = journal.clone();
                let blocks = std::iter::repeat_with(|| Bytes::from(vec![b'x'; 4096]));
                Ok(wsgi::Body::blocks(blocks).on_close(move || {
                    journal.note("closed");
                    Ok(())
                }))
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            let mut stream = connection.open(&client.to("GET", "", ()), true)?;
            stream.head()?;
            stream.octets(1)?;
            stream.reset();
            client.wait_for_all(["called", "closed"])
        },
        ..Case::NEW
    },
];

/// Waits as its query says, and notes when it does, and what it is told.
const LOST: App =
    App::Asgi(|journal| asgi(move |scope, receive, send| waits(journal.clone(), scope, receive, send)));

async fn waits(
    journal: Journal,
    scope: Scope,
    mut receive: Receive,
    mut send: asgi::Send,
) -> Result<(), Error> {
    let request = scope.into_http()?;
    let reason = match request.query_string() {
        "receive" => {
            journal.note("waits");
            let mut told = None;
            while told.is_none() {
                told = receive.receive().await.disconnect();
            }
            if receive.receive().await.disconnect() != told {
                journal.note("told something else");
            }
            told
        }
        "disconnected" => {
            journal.note("waits");
            Some(receive.disconnected().await)
        }
        "body" => {
            journal.note("waits");
            loop {
                match receive.block().await {
                    Ok(Some(_)) => {}
                    Ok(None) => break None,
                    Err(reason) => break Some(reason),
                }
            }
        }
        "send" => {
            journal.note("waits");
            send.start(StatusCode::OK, text()).await?;
            let block = Bytes::from(vec![b'x'; 4096]);
            loop {
                if let Err(error) = send.block(block.clone()).await {
                    journal.note("told");
                    return Err(error.into());
                }
            }
        }
        _ => return Ok(send.text(200, "well").await?),
    };
    journal.note(if reason == Some(Disconnect::Client) { "told" } else { "told something else" });
    reason.map_or(Ok(()), |reason| Err(reason.into()))
}

/// Gives a stream up whose application waits, which must be told.
fn reset(client: &Client, how: &str, give_up: fn(Stream)) -> Result<(), Failure> {
    let mut connection = client.http2()?;
    let stream = connection.open(&client.to("POST", how, ()), false)?;
    client.wait_for("waits")?;
    give_up(stream);
    client.wait_for_count(2)?;
    lost(client, 1)?;
    connection.request(client.to("GET", "", ""))?.is(200, "well")
}

/// Fails unless so many applications were told that their client left.
fn lost(client: &Client, count: usize) -> Result<(), Failure> {
    let notes = client.notes()?;
    let told = notes.iter().filter(|note| *note == "told").count();
    equal("the applications that were told", (told, notes.len()), (count, 2 * count))
}
