//! An endpoint as an application.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use gateway_iface::asgi::{Application, Receive, Scope};
use gateway_iface::{Error, asgi};
use gateway_tower::FromTower;
use poem::{Endpoint, IntoEndpoint};

use crate::service::EndpointService;

/// Makes an application of a poem endpoint.
///
/// # Contract
///
/// - The endpoint is given the target below the mount point (A-147). The whole of it, and the connection, are in an
///   [`Origin`](gateway_iface::adapter::Origin) among the request's data (A-30); values that servers and middleware left
///   there are there (A-142), for poem's `Data` to extract.
/// - When the client leaves, the future of the endpoint is dropped, or the body of its response, whichever is polled
///   (A-100); as poem's own server does it.
/// - An error that the endpoint returns is answered as poem answers it. One with the status 500 ends the call as well,
///   as an [`EndpointError`](crate::EndpointError), and so does one of an application further in, which a
///   [`ToPoem`](crate::ToPoem) has passed on. When the body of the response fails, the server breaks the response off
///   (A-106).
/// - A WebSocket is a request that poem's `WebSocket` extracts, as over HTTP/1.1; an endpoint that answers anything but
///   101 refuses it (A-125).
/// - There is no lifespan in poem: that is [`UnsupportedScope`](gateway_iface::UnsupportedScope) (A-05).
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::Mount;
/// use gateway_poem::FromPoem;
/// use poem::{Route, handler};
/// # use gateway_iface::testing::{AsgiClient, block_on};
///
/// #[handler]
/// fn index(request: &poem::Request) -> String {
///     format!("{} of {}", request.uri(), request.remote_addr())
/// }
///
/// let app = Mount::new().at("/poem", FromPoem::new(Route::new().at("/index", index)))?;
/// # let response = block_on(AsgiClient::new(app).request(Request::get("/poem/index").body("")?))?;
/// # assert_eq!(response.body(), "/index of unknown://unknown");
/// # Ok::<(), gateway_iface::Error>(())
/// ```
pub struct FromPoem<E> {
    inner: FromTower<EndpointService<E>>,
}

impl<E: Endpoint + 'static> FromPoem<E> {
    /// Makes an application of this endpoint, or of what becomes one.
    #[must_use]
    pub fn new(endpoint: impl IntoEndpoint<Endpoint = E>) -> Self {
        Self { inner: FromTower::new(EndpointService::new(endpoint.into_endpoint())) }
    }
}

impl<E: Endpoint + 'static> Application for FromPoem<E> {
    fn call<'a, 'b>(
        &'a self,
        scope: Scope,
        receive: Receive,
        send: asgi::Send,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.inner.call(scope, receive, send)
    }
}

impl<E> Clone for FromPoem<E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<E> fmt::Debug for FromPoem<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromPoem").finish_non_exhaustive()
    }
}
