//! A lifespan from start-up to shutdown, and every way in which it fails.

use super::*;
use crate::asgi::event::Failure;
use crate::testing::block_on;

/// Answers start-up and shutdown with these, then ends with that result.
fn answering(answers: Vec<SendEvent>, result: fn() -> Result<(), Error>) -> impl Application {
    move |_: Scope, mut receive: Receive, mut send: Send| {
        let answers = answers.clone();
        async move {
            for answer in answers {
                receive.receive().await;
                send.send(answer).await?;
            }
            result()
        }
    }
}

const fn ok() -> Result<(), Error> {
    Ok(())
}

fn crash() -> Result<(), Error> {
    Err(Error::new("crash"))
}

#[test]
fn a_109_a_113_both_are_waited_for() {
    let app = answering(vec![SendEvent::StartupComplete, SendEvent::ShutdownComplete], ok);
    let mut lifespan = LifespanExchange::new(&app);
    block_on(lifespan.startup()).unwrap();
    assert_eq!(lifespan.phase(), LifespanPhase::Running);
    block_on(lifespan.shutdown()).unwrap();
    assert!(lifespan.is_finished());
    block_on(lifespan.shutdown()).unwrap();
}

#[test]
fn a_111_unsupported_scope_and_silence_are_apart_from_a_crash() {
    async fn http_only(scope: Scope, _: Receive, _: Send) -> Result<(), Error> {
        scope.into_http()?;
        Ok(())
    }
    async fn answers_http(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        send.text(200, "x").await?;
        Ok(())
    }
    let startup = |error: LifespanError| error.to_string();
    let unsupported = "the application does not support lifespan";
    assert_eq!(
        block_on(LifespanExchange::new(&http_only).startup()).map_err(startup).unwrap_err(),
        unsupported
    );
    assert_eq!(
        block_on(LifespanExchange::new(&answers_http).startup()).map_err(startup).unwrap_err(),
        unsupported
    );
    let silent = answering(vec![], ok);
    assert_eq!(block_on(LifespanExchange::new(&silent).startup()).map_err(startup).unwrap_err(), unsupported);
    let crashing = answering(vec![], crash);
    let error = block_on(LifespanExchange::new(&crashing).startup()).unwrap_err();
    assert_eq!(error.to_string(), "the application crashed: crash");
}

#[test]
fn a_110_a_114_failures_are_told_with_their_message() {
    let app = answering(vec![SendEvent::StartupFailed(Failure::new("no database"))], crash);
    let error = block_on(LifespanExchange::new(&app).startup()).unwrap_err();
    assert!(matches!(error, LifespanError::Failed(message) if message == "no database"));
    let app =
        answering(vec![SendEvent::StartupComplete, SendEvent::ShutdownFailed(Failure::new("stuck"))], ok);
    let mut lifespan = LifespanExchange::new(&app);
    block_on(lifespan.startup()).unwrap();
    let error = block_on(lifespan.shutdown()).unwrap_err();
    assert!(matches!(error, LifespanError::Failed(message) if message == "stuck"));
}

#[test]
fn a_115_call_that_ended_while_serving_skips_shutdown() {
    let app = answering(vec![SendEvent::StartupComplete], crash);
    let mut lifespan = LifespanExchange::new(&app);
    block_on(lifespan.startup()).unwrap();
    assert!(block_on(lifespan.running()).is_err());
    block_on(lifespan.shutdown()).unwrap();
}

#[test]
fn crash_after_shutdown_is_told_even_though_it_was_complete() {
    let app = answering(vec![SendEvent::StartupComplete, SendEvent::ShutdownComplete], crash);
    let mut lifespan = LifespanExchange::of_shared(Arc::new(app));
    block_on(lifespan.startup()).unwrap();
    assert!(matches!(block_on(lifespan.shutdown()), Err(LifespanError::Crashed(_))));
}

#[test]
fn application_that_never_returns_does_not_hold_up_shutdown() {
    async fn app(_: Scope, mut receive: Receive, mut send: Send) -> Result<(), Error> {
        loop {
            let answer = match receive.receive().await {
                ReceiveEvent::LifespanStartup => SendEvent::StartupComplete,
                _ => SendEvent::ShutdownComplete,
            };
            send.send(answer).await?;
        }
    }
    let mut lifespan = LifespanExchange::new(&app);
    block_on(lifespan.startup()).unwrap();
    block_on(lifespan.shutdown()).unwrap();
    assert_eq!(lifespan.phase(), LifespanPhase::Ended);
    assert!(!lifespan.is_finished());
}

#[test]
fn a_06_code_after_the_answer_runs_and_a_wait_for_more_events_is_the_end() {
    use std::sync::atomic::{AtomicU32, Ordering};

    async fn yield_now() {
        let mut yielded = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    for (fails, waits_on) in [(false, false), (false, true), (true, false), (true, true)] {
        let ran = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&ran);
        let app = move |_: Scope, mut receive: Receive, mut send: Send| {
            let told = Arc::clone(&told);
            async move {
                receive.receive().await;
                if fails {
                    send.send(SendEvent::StartupFailed(Failure::new("no"))).await?;
                } else {
                    send.send(SendEvent::StartupComplete).await?;
                    receive.receive().await;
                    send.send(SendEvent::ShutdownComplete).await?;
                }
                yield_now().await;
                told.fetch_add(1, Ordering::Relaxed);
                if waits_on {
                    receive.receive().await;
                }
                Ok::<(), Error>(())
            }
        };
        let mut lifespan = LifespanExchange::new(&app);
        let started = block_on(lifespan.startup());
        assert_eq!(started.is_err(), fails);
        if !fails {
            block_on(lifespan.shutdown()).unwrap();
        }
        assert_eq!(ran.load(Ordering::Relaxed), 1, "fails: {fails}, waits on: {waits_on}");
    }
}
