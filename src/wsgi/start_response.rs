//! The application's way to its server.

use std::io;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::Body;
use crate::error::Error;
use crate::outcome::Observe;

/// What an application is given to begin its response with.
///
/// # Contract
///
/// - The application calls [`start`](Self::start) exactly once before its call returns (W-07, W-106).
/// - Nothing is sent yet then: the head leaves with the first non-empty block, the first
///   [`write`](Self::write), or at the end of the body (W-104, W-105).
/// - An application that catches an error of its own may [`restart`](Self::restart) with the head of
///   an error page; what `restart` returns as an error it must return too (W-110, W-143).
/// - A middleware that passes one of its own inward forwards the four required methods, and forgets what it
///   noted of a head when `restart` replaces that (W-136).
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::wsgi::{HeadState, StartResponse};
/// # use gateway_iface::wsgi::{Environ, Responder, Transport};
/// # struct Nowhere;
/// # impl Transport for Nowhere {
/// #     fn head(&mut self, _: StatusCode, _: HeaderMap, _: Option<u64>) -> std::io::Result<()> { Ok(()) }
/// #     fn block(&mut self, _: bytes::Bytes) -> std::io::Result<()> { Ok(()) }
/// # }
///
/// fn not_found(start_response: &mut dyn StartResponse) -> Result<(), gateway_iface::Error> {
///     start_response.start(StatusCode::NOT_FOUND, HeaderMap::new())
/// }
/// # let environ = Environ::from_request(Request::get("/").body("").unwrap());
/// # let mut state = HeadState::new(environ.head());
/// # let mut transport = Nowhere;
/// # let mut start_response = Responder::new(&mut state, &mut transport);
/// not_found(&mut start_response)?;
/// assert!(not_found(&mut start_response).is_err());
/// # Ok::<(), gateway_iface::Error>(())
/// ```
pub trait StartResponse {
    /// Begins the response.
    ///
    /// # Errors
    ///
    /// [`InvalidCall`](super::InvalidCall) when it was called before, even in vain (W-102, W-106);
    /// [`InvalidHead`](super::InvalidHead) when the head breaks a rule (W-93, W-98, W-100, W-101,
    /// W-124).
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error>;

    /// Begins the response anew, because of an error: `exc_info` of PEP 3333.
    ///
    /// As long as the head is not out it replaces what was stored (W-107, W-108).
    ///
    /// # Errors
    ///
    /// `cause` itself, when the head is out already (W-109);
    /// [`InvalidHead`](super::InvalidHead) as for [`start`](Self::start).
    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error>;

    /// Sends a block at once, before all blocks of the body: `write()` of PEP 3333 (W-114, W-116).
    ///
    /// New code returns a [`Body`](super::Body) instead (W-118). An empty block sends the head.
    ///
    /// # Errors
    ///
    /// When the response is not started (W-115), when the block would exceed the declared length, in
    /// which case nothing of it is sent (W-119), or when the client is gone (W-120).
    fn write(&mut self, data: &[u8]) -> io::Result<()>;

    /// Registers someone who learns what becomes of this response.
    fn observe(&mut self, observer: Arc<dyn Observe>);

    /// Begins a response of plain text in UTF-8, and gives its body back to be returned.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start); a number that is no final status too.
    ///
    /// # Examples
    ///
    /// ```
    /// use gateway_iface::wsgi::{Body, Environ, StartResponse};
    /// use gateway_iface::Error;
    ///
    /// fn hello(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    ///     start_response.text(200, "Hello, World!".into())
    /// }
    /// # use gateway_iface::http::Request;
    /// # let client = gateway_iface::testing::WsgiClient::new(hello);
    /// # let response = client.request(Request::get("/").body("")?)?;
    /// # assert_eq!(response.body(), "Hello, World!");
    /// # assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    /// # Ok::<(), Error>(())
    /// ```
    fn text(&mut self, status: u16, text: Body) -> Result<Body, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        self.start(StatusCode::from_u16(status)?, headers)?;
        Ok(text)
    }
}

impl<S: StartResponse + ?Sized> StartResponse for &mut S {
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        (**self).start(status, headers)
    }

    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        (**self).restart(status, headers, cause)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        (**self).write(data)
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        (**self).observe(observer);
    }
}
