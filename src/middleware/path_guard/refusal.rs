//! The answer to a refused request.

use http::{HeaderMap, StatusCode};

use crate::error::Error;
use crate::middleware::denial;
use crate::{asgi, async_trait, wsgi};

/// Answers every request with one status and its reason as text.
///
/// A WebSocket gets the same where the server can answer it (A-125), else it is closed before it is open,
/// which is 403 (A-89).
///
/// ```
/// use gateway_iface::http::{Request, StatusCode};
/// use gateway_iface::middleware::Refusal;
/// use gateway_iface::testing::WsgiClient;
///
/// let client = WsgiClient::new(Refusal::new(StatusCode::GONE));
/// let response = client.request(Request::get("/").body("")?)?;
/// assert_eq!((response.status(), response.text().as_ref()), (StatusCode::GONE, "Gone"));
/// # Ok::<(), gateway_iface::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    status: StatusCode,
}

impl Refusal {
    /// With that status, 200 to 599.
    #[must_use]
    pub const fn new(status: StatusCode) -> Self {
        Self { status }
    }
}

impl Default for Refusal {
    fn default() -> Self {
        Self::new(StatusCode::NOT_FOUND)
    }
}

#[async_trait]
impl asgi::Application for Refusal {
    async fn call(&self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
        if matches!(scope, asgi::Scope::Lifespan(_)) {
            return Err(scope.unsupported().into());
        }
        denial::deny(scope, receive, send, self.status, HeaderMap::new()).await
    }
}

impl wsgi::Application for Refusal {
    fn call(
        &self,
        _: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        denial::deny_sync(start_response, self.status, HeaderMap::new())
    }
}
