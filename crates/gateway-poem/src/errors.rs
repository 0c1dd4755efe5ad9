//! What fails on the other side of an adapter.

use std::error::Error as StdError;
use std::fmt;

use gateway_iface::adapter::Failed;
use http::{StatusCode, header};
use poem::Response;
use poem::error::ResponseError;

/// What a [`ToPoem`](crate::ToPoem) fails with when its application left no response.
///
/// Unless poem's middleware catches it, it is answered with its status and the reason phrase, and nothing of the inside
/// (A-106, W-138, W-139).
///
/// ```
/// use gateway_iface::{Error, asgi};
/// use gateway_poem::{ApplicationError, ToPoem};
/// use poem::EndpointExt;
///
/// async fn app(_: asgi::Scope, _: asgi::Receive, _: asgi::Send) -> Result<(), Error> {
///     Err(Error::new("out of paper"))
/// }
///
/// let endpoint = ToPoem::new(app).catch_error(|error: ApplicationError| async move {
///     assert_eq!(error.failed().to_string(), "out of paper");
///     "come back later"
/// });
/// # gateway_iface::testing::block_on(async {
/// # let response = poem::Endpoint::get_response(&endpoint, poem::Request::default()).await;
/// # assert_eq!(response.into_body().into_string().await.unwrap(), "come back later");
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct ApplicationError {
    status: StatusCode,
    failed: Failed,
}

impl ApplicationError {
    pub(crate) const fn new(status: StatusCode, failed: Failed) -> Self {
        Self { status, failed }
    }

    /// What became of the call.
    #[must_use]
    pub const fn failed(&self) -> &Failed {
        &self.failed
    }
}

impl fmt::Display for ApplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.failed, f)
    }
}

impl StdError for ApplicationError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.failed.source()
    }
}

impl ResponseError for ApplicationError {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn as_response(&self) -> Response {
        Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(self.status.canonical_reason().unwrap_or("Error"))
    }
}

/// What the call of a [`FromPoem`](crate::FromPoem) ends with when its endpoint returned an error with the status 500,
/// as poem gives it to every error that has none of its own.
///
/// The client has had poem's answer to it.
#[derive(Clone, Debug)]
pub struct EndpointError {
    message: String,
}

impl EndpointError {
    /// The error with its causes, in one line: poem makes its answer of the error itself.
    pub(crate) fn new(error: &poem::Error) -> Self {
        let mut message = error.to_string();
        // The first source is the error itself.
        let mut next = error.source().and_then(StdError::source);
        while let Some(cause) = next {
            message += &format!(": {cause}");
            next = cause.source();
        }
        Self { message }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for EndpointError {}
