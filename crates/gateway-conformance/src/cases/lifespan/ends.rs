//! Lifespans that fail.

use gateway_iface::Error;
use gateway_iface::asgi::Scope;
use gateway_iface::asgi::event::{Failure as Message, SendEvent};

use super::{next, serve};
use crate::case::{App, Case, Ended, Failure, asgi, ensure, equal};
use crate::client::Client;
use crate::journal::Journal;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "startup_that_fails_is_not_served",
        rules: &["A-110"],
        about: "The application says that its start-up failed: no request is served, and the host ends with an error. Whether the message is logged is not looked at.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    if let Scope::Lifespan(_) = scope {
                        next(&mut receive, &journal).await;
                        return Ok(send.send(SendEvent::StartupFailed(Message::new("no database"))).await?);
                    }
                    serve(scope, &mut send, &journal).await
                }
            })
        }),
        check: nothing_is_served,
        after: Some(did_not_start),
        ..Case::NEW
    },
    Case {
        name: "crash_in_the_startup_is_not_served",
        rules: &["A-111"],
        about: "The application's start-up ends in an error that is not about the scope. ASGI has a server go on without the lifespan then; here it does not, by decision: such an error is told apart from a scope that is not supported, and no request is served.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    if let Scope::Lifespan(_) = scope {
                        next(&mut receive, &journal).await;
                        return Err(Error::new("crashed"));
                    }
                    serve(scope, &mut send, &journal).await
                }
            })
        }),
        check: nothing_is_served,
        after: Some(did_not_start),
        ..Case::NEW
    },
    Case {
        name: "shutdown_that_fails_is_told",
        rules: &["A-114"],
        about: "The application says that its shutdown failed: the host has served, and ends with an error. Whether the message is logged is not looked at.",
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
                    Ok(send.send(SendEvent::ShutdownFailed(Message::new("stuck"))).await?)
                }
            })
        }),
        check: |client| client.get("")?.is(200, "served"),
        after: Some(|journal, ended| {
            equal("the end", ended, Ended::StopFailed)?;
            equal("the notes", journal.lines(), ["startup", "request", "shutdown"])
        }),
        ..Case::NEW
    },
];

/// A host that started all the same must not serve.
fn nothing_is_served(client: &Client) -> Result<(), Failure> {
    let served = client.get("").is_ok_and(|response| response.status == 200);
    ensure(!served, || "a request was served".to_owned())
}

fn did_not_start(journal: &Journal, ended: Ended) -> Result<(), Failure> {
    ensure(ended != Ended::Stopped, || "the host ended as if nothing had failed".to_owned())?;
    equal("the notes", journal.lines(), ["startup"])
}
