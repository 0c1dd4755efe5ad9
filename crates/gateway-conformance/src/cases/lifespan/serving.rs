//! Lifespans that go well.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_iface::asgi::Scope;
use gateway_iface::asgi::event::{ResponseBody, SendEvent};

use super::{next, serve};
use crate::case::{App, Case, Ended, asgi, ensure, equal};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "lifespan_frames_the_requests",
        rules: &["A-44", "A-108", "A-109", "A-112", "A-113", "A-116"],
        about: "The application notes start-up, requests and shutdown: they come in this order, once each, and its answer to the shutdown is waited for.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    let Scope::Lifespan(_) = scope else {
                        return serve(scope, &mut send, &journal).await;
                    };
                    next(&mut receive, &journal).await;
                    send.send(SendEvent::StartupComplete).await?;
                    next(&mut receive, &journal).await;
                    send.send(SendEvent::ShutdownComplete).await?;
                    journal.note("returned");
                    Ok(())
                }
            })
        }),
        check: |client| {
            client.get("")?.is(200, "served")?;
            client.get("")?.is(200, "served")
        },
        after: Some(|journal, ended| {
            equal("the end", ended, Ended::Stopped)?;
            equal("the notes", journal.lines(), ["startup", "request", "request", "shutdown", "returned"])
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
