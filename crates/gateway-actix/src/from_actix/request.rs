//! A request as actix-web has it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::{Method, Uri, Version};
use bytes::Bytes;
use futures_core::Stream;
use gateway_iface::adapter::{Origin, RequestBody};
use gateway_iface::{Error, RemoteUser, RequestHead};
use http::{StatusCode, header};

use crate::fields;
use crate::under_way::UnderWay;

/// Makes the request of actix: its target is what is below the mount point.
pub(super) fn request(
    head: RequestHead,
    payload: Payload,
    under_way: UnderWay,
    version: Version,
) -> Result<actix_http::Request, Error> {
    let (client, secure) = (head.client(), head.is_secure());
    let parts = Origin::detach(head);
    let mut message = actix_http::Message::<actix_http::RequestHead>::new();
    message.method = Method::from_bytes(parts.method.as_str().as_bytes()).map_err(refused)?;
    message.uri = target(&parts, secure)?;
    message.version = version;
    message.peer_addr = client;
    fields::to_actix(&parts.headers, &mut message.headers);
    let mut request = actix_http::Request::from(message);
    *request.payload() = payload;
    let mut extensions = request.extensions_mut();
    if let Some(user) = parts.extensions.get::<RemoteUser>() {
        extensions.insert(user.clone());
    }
    extensions.insert(parts.extensions);
    extensions.insert(under_way);
    drop(extensions);
    Ok(request)
}

/// The target, in the form of a path; with TLS in the absolute form, which is where actix takes the scheme from.
fn target(parts: &http::request::Parts, secure: bool) -> Result<Uri, Error> {
    let uri = &parts.uri;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // `http://host?query` has no path, which stands for `/`.
    let path = if path.starts_with('?') { &format!("/{path}") } else { path };
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = uri.authority().map(http::uri::Authority::as_str).or(host);
    match authority {
        Some(authority)
            if path.starts_with('/') && !authority.is_empty() && (secure || uri.authority().is_some()) =>
        {
            let scheme = if secure { "https" } else { "http" };
            Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build().map_err(refused)
        }
        _ => Uri::from_maybe_shared(Bytes::copy_from_slice(path.as_bytes())).map_err(refused),
    }
}

/// The version in actix's version of `http`.
pub(super) const fn version(version: http::Version) -> Version {
    match version {
        http::Version::HTTP_09 => Version::HTTP_09,
        http::Version::HTTP_10 => Version::HTTP_10,
        http::Version::HTTP_2 => Version::HTTP_2,
        http::Version::HTTP_3 => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

/// What one version of `http` takes and the other does not is no request for actix.
fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(error).with_status(StatusCode::BAD_REQUEST)
}

/// The body of a request as actix has it.
pub(super) fn incoming(body: RequestBody) -> Payload {
    if body.is_end() { Payload::None } else { Payload::Stream { payload: Box::pin(Incoming(body)) } }
}

/// The body of a request; one that was cut is an error.
struct Incoming(RequestBody);

impl Stream for Incoming {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_block(cx).map(|block| {
            let cut =
                |reason| PayloadError::Incomplete(Some(io::Error::new(io::ErrorKind::UnexpectedEof, reason)));
            block.map_err(cut).transpose()
        })
    }
}
