//! An endpoint as a tower service.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_iface::adapter::{Failed, Origin};
use gateway_iface::asgi::Disconnect;
use gateway_iface::{BoxError, Connection};
use gateway_tower::RequestBody;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::combinators::{BoxBody, MapErr};
use poem::{Body, Endpoint, IntoResponse, Request, RequestParts};
use tower_service::Service;

use crate::connection::addresses;
use crate::errors::EndpointError;

/// Calls an endpoint with requests of `http`.
pub(crate) struct EndpointService<E> {
    endpoint: Arc<E>,
}

impl<E> EndpointService<E> {
    pub(crate) fn new(endpoint: E) -> Self {
        Self { endpoint: Arc::new(endpoint) }
    }
}

impl<E: Endpoint + 'static> Service<http::Request<RequestBody>> for EndpointService<E> {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<RequestBody>) -> Self::Future {
        let endpoint = self.endpoint.clone();
        Box::pin(async move {
            let response = match endpoint.call(poem_request(request)).await {
                Ok(output) => output.into_response(),
                Err(error) => answer(error),
            };
            Ok(Response::<BoxBody<Bytes, io::Error>>::from(response).map(|body| body.map_err(inside as _)))
        })
    }
}

impl<E> Clone for EndpointService<E> {
    fn clone(&self) -> Self {
        Self { endpoint: self.endpoint.clone() }
    }
}

/// The body of an endpoint's response.
pub(crate) type ResponseBody = MapErr<BoxBody<Bytes, io::Error>, fn(io::Error) -> BoxError>;

/// The error of a body that poem has as an `io::Error`, which hides it from whoever looks for it among its sources.
pub(crate) fn inside(error: io::Error) -> BoxError {
    if error.kind() == io::ErrorKind::Other && error.get_ref().is_some() {
        return error.into_inner().unwrap_or_else(|| Disconnect::Client.into());
    }
    error.into()
}

fn poem_request(request: http::Request<RequestBody>) -> Request {
    let (parts, body) = request.into_parts();
    let (local, remote, scheme) = match parts.extensions.get::<Origin>() {
        Some(origin) => addresses(origin.connection()),
        None => addresses(&Connection::new()),
    };
    let body = Body::from(BoxBody::new(body.map_err(cut)));
    Request::from_parts(RequestParts::from((parts, local, remote, scheme)), body)
}

/// A body that was cut, as a server of poem's own would tell it.
fn cut(reason: Disconnect) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, reason)
}

/// poem's answer to an error, with what the call is to end with.
fn answer(mut error: poem::Error) -> poem::Response {
    if error.data::<Failed>().is_none() && error.status() == StatusCode::INTERNAL_SERVER_ERROR {
        let failed = Failed::new(error.status(), EndpointError::new(&error).into());
        error.set_data(failed);
    }
    error.into_response()
}
