//! Lifespans that go well.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gateway_iface::asgi::Scope;
use gateway_iface::asgi::event::{ResponseBody, SendEvent};

use super::{next, pause, serve};
use crate::case::{App, Case, Ended, asgi, ensure, equal};
use crate::client::HOST;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "lifespan_frames_the_requests",
        rules: &["A-44", "A-108", "A-109", "A-112", "A-113", "A-116"],
        about: "The application takes its time for its answers to start-up and shutdown: no request is served before the first, and the host does not end before the second; each comes once.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    let Scope::Lifespan(_) = scope else {
                        return serve(scope, &mut send, &journal).await;
                    };
                    next(&mut receive, &journal).await;
                    pause().await;
                    journal.note("started");
                    send.send(SendEvent::StartupComplete).await?;
                    next(&mut receive, &journal).await;
                    pause().await;
                    journal.note("answered");
                    Ok(send.send(SendEvent::ShutdownComplete).await?)
                }
            })
        }),
        check: |client| {
            client.get("")?.is(200, "served")?;
            client.get("")?.is(200, "served")
        },
        after: Some(|journal, ended| {
            equal("the end", ended, Ended::Stopped)?;
            let wanted = ["startup", "started", "request", "request", "shutdown", "answered"];
            equal("the notes", journal.lines(), wanted)
        }),
        ..Case::NEW
    },
    Case {
        name: "shutdown_waits_for_requests_under_way",
        rules: &["A-112", "A-113"],
        about: "The host is stopped while the application takes its time over a request: it is answered first, and only then is the shutdown told.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    let Scope::Lifespan(_) = scope else {
                        journal.note("request");
                        pause().await;
                        send.text(200, "served").await?;
                        journal.note("served");
                        return Ok(());
                    };
                    next(&mut receive, &journal).await;
                    send.send(SendEvent::StartupComplete).await?;
                    next(&mut receive, &journal).await;
                    pause().await;
                    journal.note("answered");
                    Ok(send.send(SendEvent::ShutdownComplete).await?)
                }
            })
        }),
        check: |client| {
            let Ok(mut raw) = client.raw() else {
                // The kit itself is the server, and drives a request to its end.
                return client.get("")?.is(200, "served");
            };
            raw.send(format!(
                "GET {} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n",
                client.path("")
            ))?;
            client.wait_for("request")?;
            // It is read while the host stops.
            thread::spawn(move || raw.response("GET"));
            Ok(())
        },
        after: Some(|journal, ended| {
            equal("the end", ended, Ended::Stopped)?;
            let wanted = ["startup", "request", "served", "shutdown", "answered"];
            equal("the notes", journal.lines(), wanted)
        }),
        ..Case::NEW
    },
    Case {
        name: "state_of_the_startup_is_in_every_request",
        rules: &["A-44", "A-117", "A-118", "A-32"],
        about: "The application stores a counter at start-up, and a value of its own in each request: each request finds the same counter, and no value of another request.",
        app: App::Asgi(|_| {
            asgi(|mut scope, receive, mut send| async move {
                if let Scope::Lifespan(lifespan) = scope {
                    let state = lifespan.state().clone();
                    let startup = async move {
                        state.insert(Counted::default());
                        Ok(())
                    };
                    return lifespan.run(receive, send, startup, async { Ok(()) }).await;
                }
                let state = scope.head_mut().map(|head| head.connection_mut().state_mut());
                let told = state.map_or_else(String::new, |state| {
                    let private = state.get::<Private>().is_some();
                    state.insert(Private);
                    let count =
                        state.get::<Counted>().map(|counted| counted.0.fetch_add(1, Ordering::SeqCst));
                    format!("{count:?} {private}")
                });
                Ok(send.text(200, told).await?)
            })
        }),
        check: |client| {
            for n in 0..3 {
                client.get("")?.is(200, format!("Some({n}) false"))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "application_without_lifespan_is_served",
        rules: &["A-05", "A-111", "A-115"],
        about: "The application does not know the lifespan and returns that: it is served all the same, and its end is waited for by nobody.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move { serve(scope, &mut send, &journal).await }
            })
        }),
        check: |client| client.get("")?.is(200, "served"),
        after: Some(|journal, ended| {
            equal("the end", ended, Ended::Stopped)?;
            equal("the notes", journal.lines(), ["request"])
        }),
        ..Case::NEW
    },
    Case {
        name: "lifespan_that_returns_without_an_answer_is_served",
        rules: &["A-115", "A-111"],
        about: "The application returns from its lifespan without an answer to the start-up: it is served without.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    if let Scope::Lifespan(_) = scope {
                        next(&mut receive, &journal).await;
                        return Ok(());
                    }
                    serve(scope, &mut send, &journal).await
                }
            })
        }),
        breaks: &["A-05"],
        check: |client| client.get("")?.is(200, "served"),
        after: Some(|journal, ended| {
            equal("the end", ended, Ended::Stopped)?;
            equal("the notes", journal.lines(), ["startup", "request"])
        }),
        ..Case::NEW
    },
    Case {
        name: "lifespan_that_ends_early_is_not_waited_for",
        rules: &["A-115"],
        about: "The application answers the start-up and returns: it is served, and no shutdown is told.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    if let Scope::Lifespan(_) = scope {
                        next(&mut receive, &journal).await;
                        return Ok(send.send(SendEvent::StartupComplete).await?);
                    }
                    serve(scope, &mut send, &journal).await
                }
            })
        }),
        check: |client| client.get("")?.is(200, "served"),
        after: Some(|journal, ended| {
            equal("the end", ended, Ended::Stopped)?;
            equal("the notes", journal.lines(), ["startup", "request"])
        }),
        ..Case::NEW
    },
    Case {
        name: "lifespan_refuses_events_in_the_wrong_place",
        rules: &["A-116", "A-102"],
        about: "The application answers the shutdown before it came, and the start-up twice: each fails and changes nothing.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    let Scope::Lifespan(_) = scope else {
                        return serve(scope, &mut send, &journal).await;
                    };
                    next(&mut receive, &journal).await;
                    let early = send.send(SendEvent::ShutdownComplete).await;
                    ensure(early.is_err(), || "an early answer was taken".to_owned())?;
                    send.send(SendEvent::StartupComplete).await?;
                    let again = send.send(SendEvent::StartupComplete).await;
                    let other = send.send(ResponseBody::last("x")).await;
                    ensure(again.is_err() && other.is_err(), || "a wrong event was taken".to_owned())?;
                    next(&mut receive, &journal).await;
                    Ok(send.send(SendEvent::ShutdownComplete).await?)
                }
            })
        }),
        breaks: &["A-07", "A-116"],
        check: |client| client.get("")?.is(200, "served"),
        after: Some(|journal, ended| {
            equal("the end", ended, Ended::Stopped)?;
            equal("the notes", journal.lines(), ["startup", "request", "shutdown"])
        }),
        ..Case::NEW
    },
];

#[derive(Clone, Default)]
struct Counted(Arc<AtomicUsize>);

struct Private;
