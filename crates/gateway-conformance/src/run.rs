//! Runs a case on a host.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gateway_iface::asgi::{LifespanError, LifespanExchange, State};
use gateway_iface::{BoxError, asgi};

use crate::application::Application;
use crate::case::{Case, Ended, Failure, equal};
use crate::cases::find;
use crate::client::{Client, SHORT_DEADLINE, run, with_limit};
use crate::host::{Host, Reach, Running};
use crate::journal::Journal;

/// What became of a case.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The client has seen what it must.
    Passed,
    /// It has seen something else.
    Failed(Failure),
    /// The host is known to fail it, and did; with the reason.
    Excepted(&'static str),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("ok"),
            Self::Failed(failure) => write!(f, "FAILED: {failure}"),
            Self::Excepted(reason) => write!(f, "not passed, as known: {reason}"),
        }
    }
}

/// Runs a case on a host: once as it is, and once with a validator around every application.
pub fn verify(host: &dyn Host, case: &Case) -> Verdict {
    if let Some(exception) = host.exceptions().iter().find(|exception| exception.case == case.name) {
        return match with_limit(SHORT_DEADLINE, || attempt(host, case, false)) {
            Ok(Ok(())) => Verdict::Failed(Failure::new("it passes: take the exception away")),
            Ok(Err(_)) => Verdict::Excepted(exception.reason),
            // Nothing was seen of what the exception is about.
            Err(not_started) => Verdict::Failed(not_started),
        };
    }
    let result = [false, true].into_iter().try_for_each(|validated| {
        let with = if validated { "with validators: " } else { "" };
        let passed = attempt(host, case, validated).and_then(|passed| passed);
        passed.map_err(|failure| Failure::new(format!("{with}{failure}")))
    });
    match result {
        Ok(()) => Verdict::Passed,
        Err(failure) => Verdict::Failed(failure),
    }
}

/// Runs the case of that name, and panics when it fails: what [`suite!`](crate::suite!) makes of each.
///
/// # Panics
///
/// When the case fails, or there is none of that name.
pub fn assert_case(host: &dyn Host, name: &str) {
    let case = find(name).expect("the suite lists the cases that there are");
    match verify(host, case) {
        Verdict::Passed => {}
        Verdict::Excepted(reason) => eprintln!("{name} is not passed, as known: {reason}"),
        Verdict::Failed(failure) => {
            panic!("{} ({})\n  {}\n  {failure}", case.name, case.rules.join(", "), case.about);
        }
    }
}

/// What the case came to; an error of its own when the host did not start, and should have.
fn attempt(host: &dyn Host, case: &Case, validated: bool) -> Result<Result<(), Failure>, Failure> {
    let app = Application::of([*case], validated);
    let journal = app.journal(case.name);
    let session = match Session::start(host, app.clone()) {
        Ok(session) => Some(session),
        Err(error) if case.after.is_none() => return Err(Failure::of("starting the host", error)),
        Err(_) => None,
    };
    let serve = || {
        let ended = match session {
            Some(session) => serve(session, case, &journal)?,
            None => Ended::NotStarted,
        };
        case.after.map_or(Ok(()), |after| after(&journal, ended))?;
        if validated { app.judge() } else { Ok(()) }
    };
    Ok(serve())
}

/// Checks the case and stops the host.
fn serve(session: Session, case: &Case, journal: &Journal) -> Result<Ended, Failure> {
    let state = session.state.clone();
    let client = Client::new(case.name, session.reach(), state, Some(journal.clone()));
    let checked = check(case, &client);
    let settled = client.settled();
    drop(client);
    let stopped = session.stop();
    checked?;
    match stopped {
        Err(_) if case.after.is_some() => return Ok(Ended::StopFailed),
        Err(error) => return Err(Failure::of("stopping the host", error)),
        Ok(()) => {}
    }
    // What is done once must not be done again until the very end.
    if let (Some(settled), None) = (settled, case.after) {
        equal("the notes when the host has stopped", journal.lines(), settled)?;
    }
    Ok(Ended::Stopped)
}

/// A check that panics fails its case only.
pub(crate) fn check(case: &Case, client: &Client) -> Result<(), Failure> {
    catch_unwind(AssertUnwindSafe(|| (case.check)(client).and_then(|()| client.stays_settled())))
        .unwrap_or_else(|_| Err(Failure::new("the check itself panicked")))
}

/// A host while it serves, with the lifespan of an application that the kit itself is the server of.
struct Session {
    running: Running,
    lifespan: Option<LifespanExchange<'static>>,
    state: Option<State>,
}

impl Session {
    fn start(host: &dyn Host, app: Application) -> Result<Self, BoxError> {
        let running = host.start(app)?;
        let Reach::Asgi(app) = &running.reach else {
            return Ok(Self { running, lifespan: None, state: None });
        };
        let mut lifespan = LifespanExchange::<'static>::of_shared::<dyn asgi::Application>(Arc::clone(app));
        match run("waiting for the start-up", lifespan.startup())? {
            Ok(state) => Ok(Self { running, lifespan: Some(lifespan), state: Some(state) }),
            Err(LifespanError::Unsupported) => Ok(Self { running, lifespan: None, state: None }),
            Err(error) => Err(error.into()),
        }
    }

    fn reach(&self) -> Reach {
        self.running.reach.clone()
    }

    fn stop(self) -> Result<(), BoxError> {
        if let Some(mut lifespan) = self.lifespan {
            run("waiting for the shutdown", lifespan.shutdown())??;
        }
        self.running.stop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{App, asgi as application};
    use crate::host::Exception;

    const CASE: Case = Case {
        name: "noted_once",
        app: App::Asgi(|journal| {
            application(move |scope, _, mut send| {
                journal.note("once");
                async move {
                    scope.into_http()?;
                    Ok(send.text(200, "noted").await?)
                }
            })
        }),
        check: |client| {
            client.get("")?.is(200, "noted")?;
            client.wait_for_all(["once"])
        },
        ..Case::NEW
    };

    #[test]
    fn note_that_comes_when_the_host_stops_fails_the_case() {
        let twice = |app: Application| {
            let journal = app.journal(CASE.name);
            Ok(Running::asgi(app).with_stop(move || {
                journal.note("once");
                Ok(())
            }))
        };
        let verdict = verify(&twice, &CASE);
        assert!(verdict.to_string().contains("when the host has stopped"), "{verdict}");
        assert!(matches!(verify(&|app: Application| Ok(Running::asgi(app)), &CASE), Verdict::Passed));
    }

    #[test]
    fn host_that_does_not_start_is_no_exception() {
        struct Broken;

        impl Host for Broken {
            fn start(&self, _: Application) -> Result<Running, BoxError> {
                Err("no port is free".into())
            }

            fn exceptions(&self) -> &[Exception] {
                const { &[Exception::new(CASE.name, "it notes twice")] }
            }
        }

        let verdict = verify(&Broken, &CASE);
        assert!(verdict.to_string().contains("starting the host: no port is free"), "{verdict}");
    }
}
