//! Start-up and shutdown of the application around serving.

use std::sync::Arc;
use std::time::Duration;

use gateway_iface::asgi::{Application, LifespanError, LifespanExchange, State};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use crate::error::ServeError;

/// Whether the application is told of start-up and shutdown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum LifespanMode {
    /// It is, and may say that it does not support that; a start-up that fails in any other way
    /// stops the server.
    #[default]
    Auto,
    /// It is, and must support it.
    On,
    /// It is not.
    Off,
}

/// A lifespan between start-up and shutdown, in a task of its own.
#[derive(Debug)]
pub(crate) struct Running {
    state: Option<State>,
    task: Option<Task>,
}

#[derive(Debug)]
struct Task {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), LifespanError>>,
}

/// Runs the application's start-up.
pub(crate) async fn start(app: &Arc<dyn Application>, mode: LifespanMode) -> Result<Running, ServeError> {
    if mode == LifespanMode::Off {
        return Ok(Running { state: None, task: None });
    }
    let mut lifespan = LifespanExchange::of_shared(Arc::clone(app));
    match lifespan.startup().await {
        Ok(state) => {
            let (stop, told) = oneshot::channel();
            let ended = tokio::spawn(run(lifespan, told));
            Ok(Running { state: Some(state), task: Some(Task { stop, ended }) })
        }
        Err(LifespanError::Unsupported) if mode == LifespanMode::Auto => {
            debug!("the application does not support lifespan");
            Ok(Running { state: None, task: None })
        }
        Err(LifespanError::Failed(message)) => Err(ServeError::Startup(message)),
        Err(error) => Err(ServeError::Startup(error.to_string())),
    }
}

impl Running {
    /// What the application stored for its requests.
    pub(crate) fn state(&self) -> Option<State> {
        self.state.clone()
    }

    /// Runs the application's shutdown, and waits for it no longer than `limit`.
    pub(crate) async fn stop(self, limit: Duration) -> Result<(), ServeError> {
        let Some(Task { stop, ended }) = self.task else {
            return Ok(());
        };
        // The task is gone already when the application's lifespan ended early; it told why.
        let _ = stop.send(());
        match tokio::time::timeout(limit, ended).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(LifespanError::Failed(message)))) => Err(ServeError::Shutdown(message)),
            Ok(Ok(Err(error))) => Err(ServeError::Shutdown(error.to_string())),
            Ok(Err(error)) => Err(ServeError::Shutdown(error.to_string())),
            Err(_) => Err(ServeError::Shutdown(format!("not done within {} seconds", limit.as_secs_f32()))),
        }
    }
}

async fn run(
    mut lifespan: LifespanExchange<'static>,
    stop: oneshot::Receiver<()>,
) -> Result<(), LifespanError> {
    tokio::select! {
        result = lifespan.running() => {
            match result {
                Ok(()) => warn!("the application's lifespan ended while it serves"),
                Err(error) => warn!(%error, "the application's lifespan failed while it serves"),
            }
            return Ok(());
        }
        told = stop => {
            if told.is_err() {
                // The server was dropped, and its connections may go on: no shutdown is run.
                return Ok(());
            }
        }
    }
    lifespan.shutdown().await
}
