//! hyper's view of the application.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use gateway_websocket::refusal;
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::body::Body;
use super::link::Link;
use crate::exchange::{Aborted, busy};

/// hyper's view of the application.
#[derive(Debug)]
pub(crate) struct Service {
    link: Arc<Link>,
}

impl Service {
    pub(crate) const fn new(link: Arc<Link>) -> Self {
        Self { link }
    }
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<Body>;
    type Error = Aborted;
    type Future = Responding;

    fn call(&self, request: Request<Incoming>) -> Responding {
        self.link.begin(request)
    }
}

/// Waits until the application lets the head of its response go.
#[derive(Debug)]
pub(crate) struct Responding {
    pub(super) link: Arc<Link>,
    /// What the request is refused with; the application is not called.
    pub(super) refused: Option<StatusCode>,
}

impl Future for Responding {
    type Output = Result<Response<Body>, Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(status) = self.refused {
            self.link.control().counters().answered(status);
            let response = match status {
                // The request is well, and so is the connection.
                StatusCode::SERVICE_UNAVAILABLE => busy(),
                status => refusal(Version::HTTP_11, status),
            };
            return Poll::Ready(Ok(response.map(Body::full)));
        }
        self.link.poll_response(cx)
    }
}
