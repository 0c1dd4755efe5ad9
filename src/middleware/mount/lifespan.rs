//! One lifespan for everything that is mounted.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::asgi::event::{Failure, ReceiveEvent, SendEvent};
use crate::asgi::{
    Application, LifespanError, LifespanExchange, LifespanScope, Receive, Send, SendError, State,
};
use crate::error::{BoxError, Error, UnsupportedScope};
use crate::request::RequestHead;

/// What each application found at its start and stored, in the order of the applications; kept in the server's
/// own state.
struct States {
    given: State,
    states: Box<[State]>,
}

/// Hands what this application stored to its request, where the mount has run its lifespan.
#[inline]
pub(super) fn give_state(head: &mut RequestHead, index: usize) {
    let Some(states) = head.state().and_then(State::get_shared::<States>) else {
        return;
    };
    let Some(own) = states.states.get(index) else {
        return;
    };
    let as_given = head.state().is_some_and(|state| state.is_only::<States>(&states.given));
    let state = head.connection_mut().state_mut();
    if as_given {
        *state = own.clone();
        return;
    }
    // Those of this mount are nothing to a mount further in.
    state.remove::<States>();
    state.add(own, &states.given);
}

/// Starts the applications one after the other, and shuts them down in reverse.
pub(super) async fn run(
    apps: Vec<(&str, &Arc<dyn Application>)>,
    lifespan: LifespanScope,
    mut receive: Receive,
    mut send: Send,
) -> Result<(), Error> {
    while !matches!(receive.receive().await, ReceiveEvent::LifespanStartup) {}
    let given = lifespan.state().snapshot();
    let (mut members, mut states): (Vec<Member<'_>>, _) = (Vec::new(), Vec::new());
    for (name, app) in apps {
        let mut exchange = LifespanExchange::with_state(app, given.clone());
        match meanwhile(&mut members, exchange.startup()).await {
            Ok(state) => {
                states.push(state);
                members.push(Member { name, exchange, failure: None });
            }
            Err(LifespanError::Unsupported) => states.push(given.clone()),
            Err(error) => {
                let mut failures = vec![told(name, &error)];
                failures.extend(shut_down(members).await);
                return match error {
                    LifespanError::Crashed(error) => {
                        Err(Crashed { text: failures.join("; "), source: error.into() }.into())
                    }
                    _ => Ok(send.send(SendEvent::StartupFailed(joined(&failures))).await?),
                };
            }
        }
    }
    if members.is_empty() {
        return Err(UnsupportedScope::new("lifespan").into());
    }
    lifespan.state().insert(States { given, states: states.into() });
    send.send(SendEvent::StartupComplete).await?;
    while !matches!(meanwhile(&mut members, receive.receive()).await, ReceiveEvent::LifespanShutdown) {}
    let failures = shut_down(members).await;
    Ok(answer(&mut send, &failures).await?)
}

/// A start-up that ended with an error, and what went wrong while the others were shut down.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Crashed {
    text: String,
    source: BoxError,
}

async fn answer(send: &mut Send, failures: &[String]) -> Result<(), SendError> {
    if failures.is_empty() {
        return send.send(SendEvent::ShutdownComplete).await;
    }
    send.send(SendEvent::ShutdownFailed(joined(failures))).await
}

/// One application that has started.
struct Member<'a> {
    name: &'a str,
    exchange: LifespanExchange<'a>,
    failure: Option<String>,
}

impl Member<'_> {
    /// Lets it do the work of its own while the others, or the server, are waited for.
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Poll::Ready(Err(error)) = pin!(self.exchange.running()).poll(cx) {
            self.failure = Some(told(self.name, &error));
        }
    }
}

async fn meanwhile<T>(members: &mut [Member<'_>], future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|cx| {
        members.iter_mut().for_each(|member| member.poll(cx));
        future.as_mut().poll(cx)
    })
    .await
}

/// What went wrong, in reverse order of the start.
async fn shut_down(mut members: Vec<Member<'_>>) -> Vec<String> {
    let mut failures = Vec::new();
    while let Some(mut last) = members.pop() {
        let result = meanwhile(&mut members, last.exchange.shutdown()).await;
        failures.extend(last.failure);
        failures.extend(result.err().map(|error| told(last.name, &error)));
    }
    failures
}

fn told(name: &str, error: &dyn std::fmt::Display) -> String {
    format!("{name}: {error}")
}

fn joined(failures: &[String]) -> Failure {
    Failure::new(failures.join("; "))
}
