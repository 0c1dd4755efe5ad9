//! The response over a blocking transport.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{Admitted, Body, Head, HeadState, StartResponse};
use crate::asgi::Disconnect;
use crate::error::{BoxError, Error};
use crate::outcome::Observe;

/// Where a response goes: the part of a blocking server below [`run`](super::run()).
///
/// # Contract
///
/// - Each call returns when its octets were sent, or another thread keeps sending them (W-17, W-131).
/// - The transport adds what HTTP requires and the application left out: framing, `date` (W-103, W-125).
/// - Between [`head`](Self::head) and [`block`](Self::block) the octets are not to be changed (W-18).
/// - An error means that the client is gone; no further call follows it (W-142).
/// - [`end`](Self::end) is the last call of a response that is complete.
pub trait Transport {
    /// Sends the head: exactly once, first.
    ///
    /// `length` is the length of the body where it is known, and agrees with a `content-length` in
    /// `headers`. In answer to HEAD it is that of the body left out; no block follows then (W-129).
    ///
    /// # Errors
    ///
    /// When the client is gone.
    fn head(&mut self, status: StatusCode, headers: HeaderMap, length: Option<u64>) -> io::Result<()>;

    /// Sends a block of the body, which is not empty.
    ///
    /// # Errors
    ///
    /// When the client is gone.
    fn block(&mut self, data: Bytes) -> io::Result<()>;

    /// The response is complete: ends the message, before the body is closed (A-71, H-86).
    ///
    /// Once, after the last block, or after the head where no block follows; never where the response is
    /// broken off.
    ///
    /// # Errors
    ///
    /// When the client is gone.
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The application had nothing to send yet (W-19, W-132): a chance to notice that no one waits.
    ///
    /// # Errors
    ///
    /// When the client is gone.
    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// [`StartResponse`] over a [`HeadState`] and a [`Transport`].
///
/// A server that lets others produce the body gives it to the application alone; what the transport
/// then gets is what [`StartResponse::write`] sends.
///
/// # Examples
///
/// ```
/// use gateway_iface::bytes::Bytes;
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::wsgi::{Body, Environ, HeadState, Responder, StartResponse, Transport};
///
/// #[derive(Default)]
/// struct Memory(Vec<u8>);
///
/// impl Transport for Memory {
///     fn head(&mut self, status: StatusCode, _: HeaderMap, _: Option<u64>) -> std::io::Result<()> {
///         self.0.extend(status.as_str().bytes());
///         Ok(())
///     }
///     fn block(&mut self, data: Bytes) -> std::io::Result<()> {
///         self.0.extend(data);
///         Ok(())
///     }
/// }
///
/// let environ = Environ::from_request(Request::get("/").body("").unwrap());
/// let (mut state, mut memory) = (HeadState::new(environ.head()), Memory::default());
/// let mut responder = Responder::new(&mut state, &mut memory);
/// responder.start(StatusCode::OK, HeaderMap::new())?;
/// responder.write(b" written")?;
/// responder.send_all(&mut Body::from(" returned"))?;
/// assert_eq!(memory.0, b"200 written returned");
/// # Ok::<(), gateway_iface::Error>(())
/// ```
#[derive(Debug)]
pub struct Responder<'a, T: ?Sized> {
    state: &'a mut HeadState,
    transport: &'a mut T,
    lost: Option<Disconnect>,
}

impl<'a, T: Transport + ?Sized> Responder<'a, T> {
    /// For the response of this state.
    pub const fn new(state: &'a mut HeadState, transport: &'a mut T) -> Self {
        Self { state, transport, lost: None }
    }

    /// The state of the response.
    #[must_use]
    pub const fn state(&self) -> &HeadState {
        self.state
    }

    pub(crate) const fn parts_mut(&mut self) -> (&mut HeadState, &mut T) {
        (self.state, self.transport)
    }

    /// Why the transport failed, if it did.
    #[must_use]
    pub const fn lost(&self) -> Option<Disconnect> {
        self.lost
    }

    /// Sends every block of the body and ends the response, but does not close the body.
    ///
    /// It stops early where nothing more may follow (W-122, W-129), and where the body says that nothing
    /// does: the head may have its length from that (W-10, H-85).
    ///
    /// # Errors
    ///
    /// Those of the body (W-138), of [`HeadState`], and that of the transport, for which
    /// [`Error::is_disconnected`] is true.
    pub fn send_all(&mut self, body: &mut Body) -> Result<(), Error> {
        if let Some(reason) = self.lost {
            return Err(reason.into());
        }
        while !self.state.is_complete() {
            let Some(block) = body.next().transpose()? else {
                break;
            };
            let last = body.exact_len() == Some(0);
            let admitted = if last { self.state.admit_last(block)? } else { self.state.admit(block)? };
            self.deliver(admitted)?;
            if last {
                break;
            }
        }
        if let Some(head) = self.state.end()? {
            self.deliver(Admitted { head: Some(head), ..Admitted::default() })?;
        }
        Ok(self.finish()?)
    }

    /// Sends an answer of the server's own while the head is not out (W-139).
    pub(super) fn answer(
        &mut self,
        status: StatusCode,
        headers: HeaderMap,
        text: &'static str,
    ) -> io::Result<()> {
        let data =
            if self.state.is_head_request() { Bytes::new() } else { Bytes::from_static(text.as_bytes()) };
        self.state.answer(status);
        let head = Some(Head { status, headers, length: Some(text.len() as u64) });
        self.deliver(Admitted { head, data, complete: true })?;
        self.finish()
    }

    fn finish(&mut self) -> io::Result<()> {
        let ended = self.transport.end();
        ended.map_err(|error| self.lose(error))
    }

    fn deliver(&mut self, admitted: Admitted) -> io::Result<()> {
        let Self { transport, .. } = self;
        let mut result = Ok(());
        if let Some(Head { status, headers, length }) = admitted.head {
            result = transport.head(status, headers, length);
        }
        if result.is_ok() {
            result = if admitted.data.is_empty() { transport.idle() } else { transport.block(admitted.data) };
        }
        result.map_err(|error| self.lose(error))
    }

    /// So that it is known for what it is when it comes back (A-95, W-120).
    fn lose(&mut self, error: io::Error) -> io::Error {
        let reason = reason(&error);
        self.lost = Some(reason);
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => {
                error
            }
            kind => io::Error::new(kind, reason),
        }
    }
}

impl<T: Transport + ?Sized> StartResponse for Responder<'_, T> {
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        self.state.start(status, headers)
    }

    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        self.state.restart(status, headers, cause)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        if let Some(reason) = self.lost {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, reason));
        }
        let admitted = self.state.write(Bytes::copy_from_slice(data));
        self.deliver(admitted.map_err(|error| io::Error::other(BoxError::from(error)))?)
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.state.observe(observer);
    }
}

fn reason(error: &io::Error) -> Disconnect {
    if let Some(&reason) = error.get_ref().and_then(|inner| inner.downcast_ref::<Disconnect>()) {
        return reason;
    }
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Disconnect::Timeout,
        _ => Disconnect::Client,
    }
}
