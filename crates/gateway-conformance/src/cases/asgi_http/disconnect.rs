//! Clients that leave.

use std::future::poll_fn;
use std::task::Poll;

use gateway_iface::Error;
use gateway_iface::asgi::event::ReceiveEvent;
use gateway_iface::asgi::{self, Disconnect, SendError};
use gateway_iface::http::StatusCode;

use crate::case::{App, Case, asgi, equal};
use crate::cases::fields::text;
use crate::client::Upload;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "application_that_waits_learns_that_its_client_left",
        rules: &["A-100", "A-67", "A-58", "A-06"],
        about: "The application has sent two blocks and receives; its client leaves with the second one unread, which resets its connection, and receive tells of it, now and again. The call goes on to its end.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    send.block("read").await?;
                    journal.wait("seen").await;
                    send.block("unread").await?;
                    while let ReceiveEvent::HttpRequest(_) = receive.receive().await {
                        journal.note("waits");
                    }
                    for _ in 0..2 {
                        let told = receive.receive().await.disconnect();
                        journal.note(if told == Some(Disconnect::Client) { "client" } else { "other" });
                    }
                    journal.note("returned");
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            equal("the first block", exchange.octets(4)?, b"read")?;
            client.note("seen")?;
            exchange.until_noted("waits", client)?;
            exchange.leave()?;
            client.wait_for_all(["seen", "waits", "client", "client", "returned"])
        },
        ..Case::NEW
    },
    Case {
        name: "upload_that_is_cut_is_a_disconnect",
        rules: &["A-67", "A-53", "H-49"],
        about: "The client leaves in the middle of its body: the application is told so, and never gets a last block.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, _| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    loop {
                        match receive.receive().await {
                            ReceiveEvent::HttpRequest(request) if request.more_body => journal.note("block"),
                            ReceiveEvent::HttpRequest(_) => journal.note("last block"),
                            _ => break,
                        }
                    }
                    journal.note("cut");
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Sized(10))?;
            exchange.send("half", false)?;
            exchange.until_noted("block", client)?;
            drop(exchange);
            client.wait_for("cut")?;
            let last = client.notes()?.iter().any(|note| note == "last block");
            equal("whether a last block was made up", last, false)
        },
        ..Case::NEW
    },
    Case {
        name: "send_fails_when_the_client_is_gone",
        rules: &["A-95", "A-97", "A-06"],
        about: "The client leaves in the middle of a response of 256 MiB: a send fails with an error that says so, and again; the application returns it, and the next request is served.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    if scope.into_http()?.query_string() == "next" {
                        return Ok(send.text(200, "served").await?);
                    }
                    send.start(StatusCode::OK, text()).await?;
                    let Err(error) = send_on(&mut send).await else {
                        journal.note("all was taken");
                        return Ok(());
                    };
                    journal.note(if error.disconnect().is_some() { "disconnected" } else { "other error" });
                    let again = send.block("x").await.err().and_then(|error| error.disconnect());
                    journal.note(if again.is_some() { "again" } else { "not again" });
                    Err(Error::from(error))
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            exchange.octets(1)?;
            exchange.leave()?;
            client.wait_for_all(["disconnected", "again"])?;
            client.get("/?next")?.is(200, "served")
        },
        ..Case::NEW
    },
    Case {
        name: "loss_is_told_without_reading_the_body",
        rules: &["A-100"],
        about: "The application never reads its request, and waits for the end of its exchange alone: the client leaves in the middle of its body, and it learns of that.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    send.block("begun").await?;
                    receive.disconnected().await;
                    journal.note("told");
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Sized(100))?;
            equal("the first block", exchange.octets(5)?, b"begun")?;
            drop(exchange);
            client.wait_for("told")
        },
        ..Case::NEW
    },
    Case {
        name: "client_loss_of_one_harms_no_other",
        rules: &["A-104", "A-06"],
        about: "While one call waits, the client of another one leaves, a third panics and a fourth fails in the middle of its response: the call whose client left cleans up to its end, past an await, and the first one is answered.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    match request.query_string() {
                        "waits" => {
                            journal.note("waiting");
                            journal.wait("go").await;
                            return Ok(send.text(200, "as if alone").await?);
                        }
                        "panics" => std::panic::resume_unwind(Box::new("on purpose")),
                        _ => send.start(StatusCode::OK, text()).await?,
                    }
                    if request.query_string() == "breaks" {
                        send.block("part").await?;
                        send.flush().await?;
                        return Err(Error::new("broken"));
                    }
                    let lost = send_on(&mut send).await.is_err();
                    later().await;
                    journal.note(if lost { "cleaned" } else { "all was taken" });
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut first = client.open(client.to("GET", "/?waits", ()), Upload::None)?;
            first.until_noted("waiting", client)?;
            let mut lost = client.open(client.to("GET", "/?leaves", ()), Upload::None)?;
            lost.octets(1)?;
            lost.leave()?;
            client.wait_for("cleaned")?;
            equal("the status of the panic", client.get("/?panics")?.status, 500)?;
            client.get("/?breaks")?.is_cut()?;
            client.note("go")?;
            first.response()?.is(200, "as if alone")?;
            client.wait_for_all(["waiting", "cleaned", "go"])
        },
        ..Case::NEW
    },
];

/// Sends more than any buffer holds, until that fails.
async fn send_on(send: &mut asgi::Send) -> Result<(), SendError> {
    for _ in 0..4096 {
        send.block(vec![b'x'; 64 * 1024]).await?;
    }
    Ok(())
}

/// Comes back when it is polled anew.
async fn later() {
    let mut polled = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
