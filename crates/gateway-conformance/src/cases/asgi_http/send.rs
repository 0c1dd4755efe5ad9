//! The events of the response.

use std::fs::File;

use gateway_iface::asgi::event::{
    Accept, Debug, EarlyHint, Message, PathSend, Push, ResponseBody, ResponseStart, ResponseTrailers,
    SendEvent, Vendor, ZeroCopySend,
};
use gateway_iface::asgi::{self, Capability, SendError};
use gateway_iface::http::{HeaderMap, StatusCode};

use crate::case::{App, Case, Failure, asgi, ensure, equal};
use crate::cases::fields::{declared, fields, text};
use crate::journal::Journal;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "order_of_events_is_kept",
        rules: &["A-66", "A-102", "A-07"],
        about: "The application tries events where they are no valid ones: each fails and changes nothing; the response is that of the valid ones.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    refused(&mut send, ResponseBody::block("early"), &journal).await?;
                    refused(&mut send, ResponseTrailers::last(HeaderMap::new()), &journal).await?;
                    refused(&mut send, Message::from("socket"), &journal).await?;
                    refused(&mut send, Accept::new(), &journal).await?;
                    refused(&mut send, SendEvent::StartupComplete, &journal).await?;
                    send.start(StatusCode::OK, text()).await?;
                    refused(&mut send, ResponseStart::new(StatusCode::CREATED, HeaderMap::new()), &journal)
                        .await?;
                    send.block("one ").await?;
                    refused(&mut send, ResponseStart::new(StatusCode::CREATED, HeaderMap::new()), &journal)
                        .await?;
                    refused(&mut send, ResponseTrailers::last(HeaderMap::new()), &journal).await?;
                    Ok(send.last("two").await?)
                }
            })
        }),
        breaks: &["A-07", "A-66", "A-123", "A-133"],
        check: |client| {
            client.get("")?.is(200, "one two")?;
            equal("the events that were refused", client.notes()?.len(), 8)
        },
        ..Case::NEW
    },
    Case {
        name: "events_after_the_end_change_nothing",
        rules: &["A-71", "A-107", "A-66"],
        about: "After its last block the application goes on sending: nothing of it fails as an invalid event, and nothing reaches the client.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.text(200, "whole").await?;
                    for event in [
                        SendEvent::from(ResponseBody::block("more")),
                        ResponseBody::last("last").into(),
                        ResponseStart::new(StatusCode::OK, HeaderMap::new()).into(),
                    ] {
                        if let Err(SendError::Invalid(error)) = send.send(event).await {
                            journal.note(error.to_string());
                        }
                    }
                    journal.note("returned");
                    Ok(())
                }
            })
        }),
        breaks: &["V-02"],
        check: |client| {
            client.get("")?.is(200, "whole")?;
            client.wait_for_all(["returned"])
        },
        ..Case::NEW
    },
    Case {
        name: "status_that_is_not_final_is_refused",
        rules: &["A-60", "A-59", "H-65"],
        about: "The application starts with 100, 101, 199 and 600: each is refused, and the response has the one that follows.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    for status in [100, 101, 103, 199, 600, 999] {
                        let start = ResponseStart::new(StatusCode::from_u16(status)?, HeaderMap::new());
                        refused(&mut send, start, &journal).await?;
                    }
                    Ok(send.text(418, "final").await?)
                }
            })
        }),
        breaks: &["A-60"],
        check: |client| {
            client.get("")?.is(418, "final")?;
            equal("the events that were refused", client.notes()?.len(), 6)
        },
        ..Case::NEW
    },
    Case {
        name: "fields_keep_order_and_repetition",
        rules: &["A-63", "A-59", "A-61"],
        about: "The application sends one field several times among others; the client sees each value, in that order.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                scope.into_http()?;
                let mut headers = text();
                for (name, value) in
                    [("x-b", "1"), ("set-cookie", "a=1"), ("x-a", "2"), ("set-cookie", "b=2"), ("x-b", "3")]
                {
                    headers.append(name, value.parse()?);
                }
                send.start(StatusCode::OK, headers).await?;
                Ok(send.last("x").await?)
            })
        }),
        check: |client| {
            let response = client.get("")?;
            response.is(200, "x")?;
            equal("set-cookie", response.all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"])?;
            equal("x-b", response.all("x-b").collect::<Vec<_>>(), ["1", "3"])?;
            response.has("x-a", "2")
        },
        ..Case::NEW
    },
    Case {
        name: "fields_of_the_connection_are_the_servers",
        rules: &["A-72", "A-73", "H-72"],
        about: "The application sends fields that concern the connection: they are dropped, and the response is whole.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                scope.into_http()?;
                let headers = fields([
                    ("transfer-encoding", "gzip"),
                    ("connection", "x-secret"),
                    ("keep-alive", "timeout=9999"),
                    ("proxy-connection", "keep-alive"),
                    ("upgrade", "websocket"),
                    ("content-type", "text/plain"),
                ]);
                send.start(StatusCode::OK, headers).await?;
                send.block("still ").await?;
                Ok(send.last("whole").await?)
            })
        }),
        breaks: &["A-72", "A-73"],
        check: |client| {
            let response = client.get("")?;
            response.is(200, "still whole")?;
            for name in ["keep-alive", "proxy-connection", "upgrade"] {
                response.lacks(name)?;
            }
            let connection = response.field("connection");
            ensure(connection.is_none_or(|value| !value.contains("x-secret")), || {
                "connection is sent".to_owned()
            })?;
            let coding = response.field("transfer-encoding");
            ensure(coding.is_none_or(|coding| coding == "chunked"), || "a coding that is none".to_owned())
        },
        ..Case::NEW
    },
    Case {
        name: "surplus_fails_and_is_never_sent",
        rules: &["A-74"],
        about: "The application declares four octets and sends three and then two: the second send fails, nothing of it is sent, and the octet that fits completes the response.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, declared("4")).await?;
                    send.block("abc").await?;
                    refused(&mut send, ResponseBody::block("XY"), &journal).await?;
                    Ok(send.last("d").await?)
                }
            })
        }),
        breaks: &["A-74"],
        check: |client| client.get("")?.is(200, "abcd"),
        ..Case::NEW
    },
    Case {
        name: "deficit_fails_and_is_seen",
        rules: &["A-74", "H-85"],
        about: "The application declares a hundred octets, sends four, and ends there: its last send fails, and the client sees that something is missing.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, declared("100")).await?;
                    send.block("four").await?;
                    Ok(refused(&mut send, ResponseBody::last(""), &journal).await?)
                }
            })
        }),
        breaks: &["A-66", "A-74"],
        check: |client| {
            let response = client.get("")?;
            ensure(!response.complete || response.status == 500, || "it looks complete".to_owned())?;
            client.wait_for_all(["http.response.body"])
        },
        ..Case::NEW
    },
    Case {
        name: "head_204_and_304_drop_the_content",
        rules: &["A-75", "H-77"],
        about: "The answer to HEAD, and those with 204 and 304, have no content whatever the application sends; all its sends succeed.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    let status = StatusCode::from_u16(request.query_string().parse()?)?;
                    send.start(status, if status == StatusCode::OK { text() } else { HeaderMap::new() })
                        .await?;
                    send.block("hel").await?;
                    send.last("lo").await?;
                    journal.note("all-sent");
                    Ok(())
                }
            })
        }),
        breaks: &["V-06", "H-77"],
        check: |client| {
            client.request(client.to("HEAD", "/?200", ""))?.is(200, "")?;
            client.get("/?204")?.is(204, "")?;
            client.get("/?304")?.is(304, "")?;
            client.get("/?200")?.is(200, "hello")?;
            client.wait_for_all(["all-sent"; 4])
        },
        ..Case::NEW
    },
    Case {
        name: "event_that_is_not_advertised_is_refused",
        rules: &["A-122", "A-121", "A-123"],
        about: "The application sends an event of each capability that its scope does not have: each fails, and the response is as if it had not been tried.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let has = scope.into_http()?.head().capabilities();
                    let file = std::env::current_exe()?;
                    // Where an event of a capability would be valid: before the start, or after it.
                    let debug = (Capability::Debug, SendEvent::from(Debug::new(())));
                    let hint = EarlyHint::new(vec!["</a.css>; rel=preload".parse()?]);
                    let others = [
                        (Capability::EarlyHints, SendEvent::from(hint)),
                        (Capability::Push, Push::new("/a.css", HeaderMap::new()).into()),
                        (Capability::ZeroCopySend, ZeroCopySend::new(File::open(&file)?.into()).into()),
                        (Capability::PathSend, PathSend::new(file).into()),
                        (Capability::Vendor, Vendor::new("http.kit.unknown", ()).into()),
                    ];
                    let mut start = Some(ResponseStart::new(StatusCode::OK, text()));
                    for (capability, event) in [debug].into_iter().chain(others) {
                        if has.contains(capability) {
                            journal.note("advertised");
                        } else {
                            refused(&mut send, event, &journal).await?;
                        }
                        if let Some(start) = start.take() {
                            send.send(start).await?;
                        }
                    }
                    Ok(send.last("as if not tried").await?)
                }
            })
        }),
        breaks: &["A-123"],
        check: |client| {
            client.get("")?.is(200, "as if not tried")?;
            equal("the events that were tried, or advertised", client.notes()?.len(), 6)
        },
        ..Case::NEW
    },
];

/// Sends an event that must be refused as an invalid one.
async fn refused(
    send: &mut asgi::Send,
    event: impl Into<SendEvent>,
    journal: &Journal,
) -> Result<(), Failure> {
    let event = event.into();
    let name = event.name();
    match send.send(event).await {
        Err(SendError::Invalid(_)) => {
            journal.note(name);
            Ok(())
        }
        other => Err(Failure::new(format!("{name} in the wrong place: {other:?}"))),
    }
}
