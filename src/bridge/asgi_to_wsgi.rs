//! An asynchronous application on a synchronous server.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;

use super::asgi_to_wsgi_gate::{Drive, Gate};
use super::asgi_to_wsgi_lifespan::Lifespan;
use super::refusal;
use crate::asgi::event::ResponseStart;
use crate::asgi::{self, Capabilities, HttpScope, Receive};
use crate::error::Error;
use crate::request::RequestHead;
use crate::wsgi::{self, Body, Environ, ErrorStream, StartResponse};

/// An [`asgi::Application`] as a [`wsgi::Application`]: the calling thread drives it.
///
/// The thread sleeps while the application waits, so a runtime is not needed, and none is there:
/// what the application waits for must wake it by itself. Timers and sockets of a runtime do when
/// that runtime runs on other threads and the application is entered into it.
///
/// # Contract
///
/// - The scope owns the head of `environ`; nothing that WSGI cannot express is advertised (A-161, A-163).
/// - Request events come from `wsgi.input`, a block for each
///   [`receive`](asgi::Receive::receive), which blocks the thread. Then `receive` waits until the
///   response is complete or broken off, and tells the disconnect (A-162). A synchronous server does
///   not tell that a client left, so one that only waits for this waits for ever.
/// - The head goes to `start_response` with the first content (A-163, A-164). If that is empty, and
///   more is to come, `write` sends the head (A-69). Each later body event is one block, also an empty
///   one, which sends nothing (W-19).
/// - A body event is accepted when the server asks for a block, so at most one is under way;
///   [`flush`](asgi::Send::flush) waits until the server came back for the next one (W-17). The last
///   event of a response of one block is accepted at once, so the server knows the length (W-126).
/// - A failure before the first content is written to `wsgi.errors` and answered by
///   [`restart`](StartResponse::restart) with [`Error::status`] or 500; a later one is the error of the
///   body (A-164), and one after the last block the error of its close (W-14).
/// - The application runs to its end (A-06): while the body is closed, if it has more to do after its
///   last block. A body that is closed early tells the disconnect first; that of an answer without body
///   is dropped instead, up to 65,536 blocks or 64 MiB, after which sending fails (A-75).
/// - A panic is an error of the call.
/// - An outcome is told once: to observers of the server where they are registered before the head,
///   else by this bridge.
///
/// # Examples
///
/// ```
/// use gateway_iface::bridge::AsgiToWsgi;
/// use gateway_iface::http::Request;
/// use gateway_iface::testing::WsgiClient;
/// use gateway_iface::{Error, asgi};
///
/// async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     let request = scope.into_http()?;
///     send.text(200, format!("hello {}", request.path()?)).await?;
///     Ok(())
/// }
///
/// let client = WsgiClient::new(AsgiToWsgi::new(hello));
/// assert_eq!(client.request(Request::get("/x").body("")?)?.body(), "hello /x");
/// # Ok::<(), Error>(())
/// ```
pub struct AsgiToWsgi<A> {
    app: Arc<A>,
    block_size: usize,
    lifespan: Option<Lifespan>,
}

impl<A> AsgiToWsgi<A> {
    /// How many octets of the request body an event carries at most.
    pub const DEFAULT_BLOCK_SIZE: usize = 64 * 1024;

    /// Runs `app` without a lifespan.
    pub fn new(app: A) -> Self {
        Self { app: Arc::new(app), block_size: Self::DEFAULT_BLOCK_SIZE, lifespan: None }
    }

    /// With at most `size` octets of the request body in an event.
    #[must_use]
    pub const fn with_block_size(mut self, size: usize) -> Self {
        self.block_size = if size == 0 { 1 } else { size };
        self
    }

    /// The application.
    pub fn get_ref(&self) -> &A {
        &self.app
    }

    /// Ends the lifespan and waits for the application's answer; a second call does nothing.
    ///
    /// Dropping the bridge does the same, and loses the error.
    ///
    /// # Errors
    ///
    /// The application's own: log it and exit non-zero (A-114).
    pub fn shutdown(&self) -> Result<(), Error> {
        self.lifespan.as_ref().map_or(Ok(()), Lifespan::shutdown)
    }
}

impl<A: asgi::Application + 'static> AsgiToWsgi<A> {
    /// Runs the start-up of `app` first: once for the process that hosts it (A-165).
    ///
    /// The lifespan has a thread of its own, up to [`shutdown`](Self::shutdown) or drop, and what the
    /// application stored is in the scope of each request (A-117). One that does not know the lifespan
    /// is served without.
    ///
    /// # Errors
    ///
    /// When the application said that start-up failed, or its call ended in an error or a panic, or
    /// there is no thread: do not serve (A-110).
    ///
    /// # Examples
    ///
    /// ```
    /// use gateway_iface::asgi::event::SendEvent;
    /// use gateway_iface::bridge::AsgiToWsgi;
    /// use gateway_iface::http::Request;
    /// use gateway_iface::testing::WsgiClient;
    /// use gateway_iface::{Error, asgi};
    ///
    /// async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    ///     match scope {
    ///         asgi::Scope::Lifespan(lifespan) => {
    ///             receive.receive().await;
    ///             lifespan.state().insert("stored");
    ///             send.send(SendEvent::StartupComplete).await?;
    ///             receive.receive().await;
    ///             send.send(SendEvent::ShutdownComplete).await?;
    ///         }
    ///         scope => {
    ///             let request = scope.into_http()?;
    ///             let stored = request.head().state().and_then(|state| state.get::<&str>()).copied();
    ///             send.text(200, stored.unwrap_or("nothing")).await?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let bridge = std::sync::Arc::new(AsgiToWsgi::with_lifespan(app)?);
    /// let client = WsgiClient::new(bridge.clone());
    /// assert_eq!(client.request(Request::get("/").body("")?)?.body(), "stored");
    /// bridge.shutdown()?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_lifespan(app: A) -> Result<Self, Error> {
        let bridge = Self::new(app);
        let lifespan = Lifespan::start(Arc::clone(&bridge.app))?;
        Ok(Self { lifespan, ..bridge })
    }

    fn adapt(&self, head: &mut RequestHead) {
        if head.capabilities() != Capabilities::none() {
            head.connection_mut().set_capabilities(Capabilities::none());
        }
        if let Some(lifespan) = &self.lifespan {
            *head.connection_mut().state_mut() = lifespan.state().clone();
        }
    }
}

impl<A: asgi::Application + 'static> wsgi::Application for AsgiToWsgi<A> {
    fn call(&self, mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        let errors = environ.errors().clone();
        let input = environ.take_input();
        let mut head = environ.into_head();
        head.set_bodiless(input.remaining() == Some(0));
        self.adapt(&mut head);
        let gate = Arc::new(Gate::new(&head, input, self.block_size));
        let (receive, send) = (Receive::shared(gate.clone()), asgi::Send::shared(gate.clone()));
        let (app, scope) = (Arc::clone(&self.app), HttpScope::new(head).into());
        gate.begin(Box::pin(async move { app.call(scope, receive, send).await }));
        // From here on every way out, a panic too, lets the application run to its end.
        let closing = Closing { gate: Some(gate.clone()) };
        let drive = gate.drive_to_content();
        gate.take_observers().into_iter().for_each(|observer| start_response.observe(observer));
        match drive {
            Drive::Ended(result) if !gate.is_done() => {
                drop(closing);
                fail(result, errors, start_response)
            }
            Drive::Stopped if gate.is_head_early() => {
                if let Some(ResponseStart { status, headers, .. }) = gate.take_head() {
                    start_response.start(status, for_wsgi(headers))?;
                }
                start_response.write(b"")?;
                Ok(body(&gate, drive, closing))
            }
            drive => {
                if let Some(ResponseStart { status, headers, .. }) = gate.take_head() {
                    start_response.start(status, for_wsgi(headers))?;
                }
                Ok(body(&gate, drive, closing))
            }
        }
    }
}

impl<A> fmt::Debug for AsgiToWsgi<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsgiToWsgi")
            .field("block_size", &self.block_size)
            .field("lifespan", &self.lifespan.is_some())
            .finish_non_exhaustive()
    }
}

/// Ends the exchange, once.
struct Closing {
    gate: Option<Arc<Gate>>,
}

impl Closing {
    fn close(mut self) -> Result<(), Error> {
        self.gate.take().map_or(Ok(()), |gate| gate.close())
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            // Nobody is left to be told of the error.
            drop(gate.close());
        }
    }
}

/// The blocks of a response under way.
struct Blocks {
    gate: Arc<Gate>,
}

impl Iterator for Blocks {
    type Item = Result<bytes::Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.gate.next_block()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.gate.is_exhausted().then_some(0))
    }
}

fn body(gate: &Arc<Gate>, drive: Drive, closing: Closing) -> Body {
    if !gate.is_done() {
        return Body::try_blocks(Blocks { gate: gate.clone() }).on_close(|| closing.close());
    }
    let body = gate.take_block().map_or_else(Body::empty, Body::from);
    match drive {
        Drive::Ended(Ok(())) => body,
        // The response is whole, so this is only to be logged.
        Drive::Ended(Err(error)) => body.on_close(|| Err(error)),
        Drive::Stopped => body.on_close(|| closing.close()),
    }
}

fn fail(
    result: Result<(), Error>,
    mut errors: ErrorStream,
    start_response: &mut dyn StartResponse,
) -> Result<Body, Error> {
    let error = match result {
        Err(error) if error.is_disconnected() => return Err(error),
        Err(error) => error,
        Ok(()) => Error::new("the application ended without a response"),
    };
    // `restart` keeps no error (W-111), so this is the only place that tells it. If even that fails
    // nothing is left to do about it.
    let _ = write_line(&mut errors, &error);
    let status = refusal::status(error.status());
    let (headers, text) = refusal::text(status);
    start_response.restart(status, headers, error)?;
    Ok(Body::from(text))
}

fn write_line(errors: &mut ErrorStream, error: &Error) -> std::io::Result<()> {
    errors.write_fmt(format_args!("{error}\n"))?;
    errors.flush()
}

/// Without the fields that belong to the connection, which WSGI refuses (W-99) and ASGI drops (A-73).
fn for_wsgi(mut headers: HeaderMap) -> HeaderMap {
    for name in ["te", "trailer", "trailers"] {
        headers.remove(name);
    }
    headers
}
