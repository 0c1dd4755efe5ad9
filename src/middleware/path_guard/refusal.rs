//! The answer to a refused request.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::asgi::{self, Handshake};
use crate::error::Error;
use crate::{async_trait, wsgi};

/// Answers every request with one status and its reason as text; closes every WebSocket before it is
/// open, which is 403 (A-89).
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

    fn text(self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Refused")
    }
}

impl Default for Refusal {
    fn default() -> Self {
        Self::new(StatusCode::NOT_FOUND)
    }
}

#[async_trait]
impl asgi::Application for Refusal {
    async fn call(
        &self,
        scope: asgi::Scope,
        receive: asgi::Receive,
        mut send: asgi::Send,
    ) -> Result<(), Error> {
        if matches!(scope, asgi::Scope::WebSocket(_)) {
            return Ok(Handshake::begin(receive, send).await?.close().await?);
        }
        scope.into_http()?;
        Ok(send.text(self.status.as_u16(), self.text()).await?)
    }
}

impl wsgi::Application for Refusal {
    fn call(
        &self,
        _: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        start_response.start(self.status, headers)?;
        Ok(wsgi::Body::from(self.text()))
    }
}
