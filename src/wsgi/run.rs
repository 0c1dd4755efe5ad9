//! The life of one call on a server that blocks.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Application, Body, Environ, HeadState, Responder, Transport};
use crate::asgi::Disconnect;
use crate::error::Error;

/// Calls the application once and sends its response, to the end and on every path.
///
/// # Contract
///
/// - The body is closed exactly once before it returns: after its last block, after an error or a
///   panic, after the client is gone, after an early stop (W-12, W-13).
/// - An error or a panic before the head is out is answered with [`Error::status`] or 500 and a text
///   that tells nothing (W-138, W-139); there is no second attempt (W-141).
/// - Blocks are sent one by one, each before the next is taken (W-17, W-116).
///
/// # Errors
///
/// [`RunError`] tells what to log and whether the connection is to be broken off.
///
/// # Examples
///
/// ```
/// use gateway_iface::bytes::Bytes;
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::wsgi::{Body, Environ, StartResponse, Transport, run};
/// use gateway_iface::Error;
///
/// struct Status(u16);
///
/// impl Transport for Status {
///     fn head(&mut self, status: StatusCode, _: HeaderMap, _: Option<u64>) -> std::io::Result<()> {
///         self.0 = status.as_u16();
///         Ok(())
///     }
///     fn block(&mut self, _: Bytes) -> std::io::Result<()> {
///         Ok(())
///     }
/// }
///
/// fn broken(_: Environ, _: &mut dyn StartResponse) -> Result<Body, Error> {
///     Err(Error::new("the database is down"))
/// }
///
/// let mut transport = Status(0);
/// let environ = Environ::from_request(Request::get("/").body("").unwrap());
/// let error = run(&broken, environ, &mut transport).unwrap_err();
/// assert_eq!(transport.0, 500);
/// assert!(error.is_answered() && !error.is_aborted());
/// assert_eq!(error.to_string(), "the database is down");
/// ```
pub fn run<A>(app: &A, environ: Environ, transport: &mut dyn Transport) -> Result<(), RunError>
where
    A: Application + ?Sized,
{
    run_with(app, environ, transport, &mut HeadState::default())
}

/// [`run()`] with a state that is reset first: for a server that keeps one for each connection.
///
/// # Errors
///
/// As for [`run()`].
pub fn run_with<A>(
    app: &A,
    environ: Environ,
    transport: &mut dyn Transport,
    state: &mut HeadState,
) -> Result<(), RunError>
where
    A: Application + ?Sized,
{
    state.reset(environ.head());
    state.run_call(transport, |responder| app.call(environ, responder))
}

impl HeadState {
    /// [`run()`] for a call that this closure makes.
    pub(crate) fn run_call<T: Transport + ?Sized>(
        &mut self,
        transport: &mut T,
        call: impl FnOnce(&mut Responder<'_, T>) -> Result<Body, Error>,
    ) -> Result<(), RunError> {
        let mut responder = Responder::new(self, transport);
        let mut closed = Ok(());
        let sent = guard(|| call(&mut responder)).and_then(|mut body| {
            let sent = guard(|| responder.send_all(&mut body));
            closed = guard(|| body.close());
            sent
        });
        let close = closed.err();
        let result = match (sent, close) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(error)) => Err(RunError { kind: Kind::Close, error, close: None }),
            (Err(error), close) => Err(RunError { kind: settle(&mut responder, &error), error, close }),
        };
        let reason = responder.lost().or_else(|| result.as_ref().err().and_then(RunError::disconnect));
        let told = guard(|| {
            self.finish(reason);
            Ok(())
        });
        let told = told.map_err(|error| RunError { kind: Kind::Close, error, close: None });
        result.and(told)
    }
}

/// What the client gets for this error.
fn settle<T: Transport + ?Sized>(responder: &mut Responder<'_, T>, error: &Error) -> Kind {
    let state = responder.state();
    if responder.lost().is_some() && error.is_disconnected() {
        return Kind::Disconnected;
    }
    if state.is_head_sent() && state.is_complete() && responder.lost().is_none() {
        return Kind::AfterEnd;
    }
    if is_lost_input(error) {
        return Kind::Disconnected;
    }
    if state.is_head_sent() || responder.lost().is_some() {
        return Kind::Aborted;
    }
    let status = error.status().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = status.canonical_reason().unwrap_or("Error");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    match guard(|| Ok(responder.answer(status, headers, text)?)) {
        Ok(()) => Kind::Answered,
        Err(_) => Kind::Aborted,
    }
}

/// Whether the server's own error about a client that is gone came back, by way of the input.
///
/// A bare connection error may stem from any connection of the application, so it does not count.
pub(crate) fn is_lost_input(error: &Error) -> bool {
    let bare = error.find::<io::Error>().is_some_and(|error| error.get_ref().is_none());
    error.is_disconnected() && !bare
}

fn guard<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| Err(Error::from_panic(&*payload)))
}

/// Why the application's response is not what it meant to send, and what became of it.
#[derive(Debug)]
pub struct RunError {
    kind: Kind,
    error: Error,
    close: Option<Error>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Answered,
    Aborted,
    Disconnected,
    AfterEnd,
    Close,
}

impl RunError {
    /// Whether the response is cut: break the connection off without completing the message (W-123, W-140).
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        matches!(self.kind, Kind::Aborted | Kind::Disconnected)
    }

    /// Whether it is only that the client is gone, which is no fault and needs no error log (W-142).
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.kind == Kind::Disconnected
    }

    /// Whether the client got an error response instead (W-139).
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.kind == Kind::Answered
    }

    /// Whether it is only the close that failed, or an observer, after a response that is whole (W-14).
    #[must_use]
    pub fn is_close(&self) -> bool {
        self.kind == Kind::Close
    }

    /// The error.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The error of the close where both failed; to be logged in any case (W-14).
    #[must_use]
    pub fn close_error(&self) -> Option<&Error> {
        self.close.as_ref()
    }

    /// Takes the error out.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.error
    }

    fn disconnect(&self) -> Option<Disconnect> {
        self.is_disconnected().then(|| self.error.find().copied().unwrap_or(Disconnect::Client))
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl StdError for RunError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.error.get_ref())
    }
}

#[cfg(test)]
#[path = "run_faults_tests.rs"]
mod faults;
#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
