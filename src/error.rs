//! The error types shared by both interfaces.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;

use crate::adapter::Failed;
use crate::asgi::{BodyLimitError, InvalidEvent, ReadBodyError, SendError};
use crate::request::InvalidPath;

/// Any error, boxed: what an [`Error`] is made of and turns back into.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why an application call failed.
///
/// Any error converts into it with `?`, so it does not implement [`std::error::Error`] itself;
/// `BoxError::from(error)` gives a value that does.
///
/// # Contract
///
/// What a server does with an `Err` depends on how far the response got (A-66, A-88, A-104,
/// A-106, W-138 to W-142); it is the same for a panic:
///
/// | when | http, both interfaces | websocket | lifespan |
/// |---|---|---|---|
/// | before the head is on its way | logs it, answers [`status`](Self::status) or 500 | logs it, answers 500 | start-up: the server stops ([`UnsupportedScope`]: it serves without lifespan) |
/// | after the head, before the end | logs it, breaks the connection off without completing the message | logs it, closes with 1011 | while serving: logs it, skips shutdown |
/// | after the end | logs it | logs it | shutdown: logs it, exits non-zero |
/// | [`is_disconnected`](Self::is_disconnected) and the client is gone | nothing: it is the server's own error coming back (A-96) | the same | |
///
/// # Examples
///
/// ```
/// use gateway_iface::Error;
/// use gateway_iface::http::StatusCode;
///
/// fn parse(text: &str) -> Result<u32, Error> {
///     Ok(text.parse::<u32>()?)
/// }
///
/// let error = parse("ten").unwrap_err().with_status(StatusCode::BAD_REQUEST);
/// assert_eq!(error.status(), Some(StatusCode::BAD_REQUEST));
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    status: Option<StatusCode>,
    source: BoxError,
}

impl Error {
    /// Wraps any error, or a message.
    pub fn new(source: impl Into<BoxError>) -> Self {
        Self { inner: Box::new(Inner { status: None, source: source.into() }) }
    }

    /// What a panic in an application's call comes to; the payload is that of
    /// [`catch_unwind`](std::panic::catch_unwind).
    #[must_use]
    pub fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Panicked { message: text.unwrap_or("no message").to_owned() }.into()
    }

    /// Names the status a server answers with while the head is not on its way yet; one that is not
    /// of an error (400 to 599) means nothing.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.inner.status = Some(status);
        self
    }

    /// The status this error asks for: the one set, or the one that belongs to its cause
    /// ([`InvalidPath`] 400, [`BodyLimitError`] 413). It is always that of an error: 400 to 599.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        let is_error = |status: &StatusCode| status.is_client_error() || status.is_server_error();
        self.inner.status.filter(is_error).or_else(|| {
            if self.find::<InvalidPath>().is_some() {
                Some(StatusCode::BAD_REQUEST)
            } else if self.find::<BodyLimitError>().is_some()
                || matches!(self.find(), Some(ReadBodyError::Limit(_)))
            {
                Some(StatusCode::PAYLOAD_TOO_LARGE)
            } else {
                None
            }
        })
    }

    /// Whether the cause is that the client is gone: an error the server itself raised (A-95).
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        matches!(self.find(), Some(SendError::Disconnected(_)))
            || matches!(self.find(), Some(ReadBodyError::Disconnected(_)))
            || self.find::<crate::asgi::Disconnect>().is_some()
            || self.find::<crate::asgi::WebSocketClosed>().is_some()
            || self.find::<Failed>().is_some_and(|failed| !failed.is_fault())
            || self.find::<std::io::Error>().is_some_and(is_connection_loss)
    }

    /// Whether the application said that it does not know this scope (A-05).
    ///
    /// An event of another protocol than the scope's says the same.
    #[must_use]
    pub fn is_unsupported_scope(&self) -> bool {
        self.find::<UnsupportedScope>().is_some()
            || self.find::<InvalidEvent>().is_some_and(InvalidEvent::is_other_protocol)
            || matches!(self.find(), Some(SendError::Invalid(event)) if event.is_other_protocol())
    }

    /// Finds the first error of type `E` among the cause and its sources.
    #[must_use]
    pub fn find<E: StdError + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn StdError + 'static)> = Some(&*self.inner.source);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<E>() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// The error inside.
    #[must_use]
    pub fn get_ref(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.inner.source
    }

    /// Takes the error inside out.
    #[must_use]
    pub fn into_inner(self) -> BoxError {
        self.inner.source
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(source: E) -> Self {
        Self::new(source)
    }
}

impl From<Error> for BoxError {
    fn from(error: Error) -> Self {
        error.into_inner()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("Error");
        if let Some(status) = self.inner.status {
            out.field(&status);
        }
        out.field(&self.inner.source).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner.source, f)
    }
}

/// The application does not speak this protocol (A-05).
///
/// A server takes it, for the lifespan scope, as "serves without lifespan"; every other error of a
/// start-up stops it.
///
/// ```
/// use gateway_iface::{Error, UnsupportedScope};
///
/// assert!(Error::from(UnsupportedScope::new("lifespan")).is_unsupported_scope());
/// ```
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the application does not support the {protocol} scope")]
pub struct UnsupportedScope {
    protocol: &'static str,
}

impl UnsupportedScope {
    /// For the protocol of that name: `http`, `websocket`, `lifespan`.
    #[must_use]
    pub const fn new(protocol: &'static str) -> Self {
        Self { protocol }
    }

    /// The protocol that is not supported.
    #[must_use]
    pub const fn protocol(&self) -> &'static str {
        self.protocol
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the application panicked: {message}")]
struct Panicked {
    message: String,
}

fn is_connection_loss(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
        || error.get_ref().is_some_and(|inner| inner.is::<crate::asgi::Disconnect>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asgi::Disconnect;

    #[test]
    fn error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    /// A-105: it is the error of sending.
    #[test]
    fn a_95_disconnect_is_recognised_through_io_error_and_back() {
        let io = std::io::Error::from(SendError::Disconnected(Disconnect::Client));
        assert!(Error::from(io).is_disconnected());
        assert!(Error::from(SendError::Disconnected(Disconnect::Client)).is_disconnected());
        assert!(!Error::new("other").is_disconnected());
    }

    #[test]
    fn a_96_a_97_socket_that_its_client_closed_is_no_fault_of_the_application() {
        use crate::asgi::event::Accept;
        use crate::asgi::{Handshake, Receive, Scope, Send};
        use crate::testing::{AsgiClient, block_on};

        async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
            scope.into_websocket()?;
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            loop {
                let message = socket.next().await?;
                socket.send(message).await?;
            }
        }
        let client = AsgiClient::new(app);
        let mut socket = client.websocket(http::Request::get("/").body(()).unwrap());
        block_on(socket.connect()).unwrap();
        socket.close(1000, "bye");
        assert!(block_on(socket.finish()).unwrap_err().is_disconnected());
        let (_, fault) = socket.ending().unwrap();
        assert!(!fault);
    }

    #[test]
    fn status_belongs_to_the_cause_unless_set() {
        let limit = || Error::from(ReadBodyError::Limit(BodyLimitError::new(5)));
        assert_eq!(limit().status(), Some(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(Error::from(InvalidPath).status(), Some(StatusCode::BAD_REQUEST));
        assert_eq!(limit().with_status(StatusCode::IM_A_TEAPOT).status(), Some(StatusCode::IM_A_TEAPOT));
        assert_eq!(Error::new("other").status(), None);
        for status in [100, 101, 200, 304, 600, 999] {
            let error = Error::new("no error").with_status(StatusCode::from_u16(status).unwrap());
            assert_eq!(error.status(), None, "H-65: {status}");
        }
    }

    #[test]
    fn a_05_unsupported_scope_is_apart_from_other_errors() {
        assert!(Error::from(UnsupportedScope::new("websocket")).is_unsupported_scope());
        assert!(!Error::new("crashed").is_unsupported_scope());
    }
}
