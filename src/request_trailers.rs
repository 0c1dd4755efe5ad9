//! Fields that follow the body of a request.

use std::sync::{Arc, OnceLock};

use http::HeaderMap;

/// The trailer fields of a request, which follow its body and are never merged into its header fields (H-54).
///
/// A server that passes them on puts one among the
/// [extensions](crate::RequestHead::extensions) of a request whose `trailer` field announces some. It is
/// empty until the body was read to its end; clones share it.
///
/// # Examples
///
/// ```
/// use gateway_iface::{Error, RequestTrailers, asgi};
///
/// async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     let request = scope.into_http()?;
///     let trailers = request.head().extensions().get::<RequestTrailers>().cloned();
///     receive.body(1024).await?;
///     let digest = trailers.as_ref().and_then(|trailers| trailers.get()?.get("digest"));
///     send.text(200, format!("{digest:?}")).await?;
///     Ok(())
/// }
/// # use gateway_iface::http::{HeaderMap, HeaderValue, Request};
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # let trailers = RequestTrailers::new();
/// # trailers.set(HeaderMap::from_iter([("digest".parse().unwrap(), HeaderValue::from_static("x"))]));
/// # let request = Request::post("/").extension(trailers).body("").unwrap();
/// # let response = block_on(AsgiClient::new(app).request(request)).unwrap();
/// # assert_eq!(response.body(), "Some(\"x\")");
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestTrailers {
    fields: Arc<OnceLock<HeaderMap>>,
}

impl RequestTrailers {
    /// None so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The fields; `None` until the body was read to its end, and where none came.
    #[must_use]
    pub fn get(&self) -> Option<&HeaderMap> {
        self.fields.get()
    }

    /// Says what they are: for a server, once; a second call changes nothing.
    pub fn set(&self, fields: HeaderMap) {
        // The first ones are the message's.
        let _ = self.fields.set(fields);
    }
}
