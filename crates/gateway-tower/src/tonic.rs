//! What tonic's own server does for its services, on any server.
//!
//! A service of tonic's is a tower service, so [`FromTower`] alone serves it. tonic's own server does more than to call
//! it: [`application`] does that too.
//!
//! A stream may be silent for long. Where a server limits that, its limits are those of gRPC as well: for
//! `gateway_hyper` these are `body_read_timeout` for a client that sends nothing, and `write_timeout` for one that takes
//! nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gateway_iface::adapter::Origin;
use gateway_iface::{BoxError, ServerAddr};
use http::request::Parts;
use http::{HeaderMap, Request};
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tonic::TimeoutExpired;
use tonic::service::RecoverError;
use tonic::transport::server::TcpConnectInfo;
use tower_service::Service;

use crate::FromTower;

/// Makes an application of a service of tonic's, such as its `Routes`, as tonic's own server would serve it.
///
/// # Contract
///
/// - Its handlers learn of the client by [`connect_info`] (A-30).
/// - A request is answered when its [`Deadline`] is over.
/// - An error of the service with a [`Status`](tonic::Status) in it is answered with that; others end the call, as
///   [`FromTower`] has it.
///
/// # Examples
///
/// ```
/// use gateway_iface::middleware::Counter;
/// use tonic::service::Routes;
///
/// # let (_, health) = tonic_health::server::health_reporter();
/// let app = Counter::new(gateway_tower::tonic::application(Routes::new(health).prepare()));
/// # use gateway_iface::http::{Request, Version};
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # let request = Request::post("/no.such.Service/Method").version(Version::HTTP_2).body("").unwrap();
/// # let response = block_on(AsgiClient::new(app).request(request)).unwrap();
/// # assert_eq!(response.headers()["grpc-status"], "12");
/// ```
pub fn application<S>(service: S) -> FromTower<RecoverError<Deadline<S>>> {
    FromTower::new(RecoverError::new(Deadline::new(service))).with_request(connect_info)
}

/// Adds the [`TcpConnectInfo`] that `tonic::Request::remote_addr` and `local_addr` look for, where the addresses are
/// known.
///
/// What tonic tells of the TLS of a connection can be made by its own server only; an
/// [`Origin`] among the extensions has it too ([`Connection::tls`](gateway_iface::Connection::tls)).
///
/// ```
/// use gateway_tower::FromTower;
/// # use gateway_iface::Connection;
/// # use gateway_iface::http::{Request, Response};
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # use gateway_tower::RequestBody;
/// # let service = tower::service_fn(|request: Request<RequestBody>| async {
/// #     let request = tonic::Request::from_http(request);
/// #     Ok::<_, std::convert::Infallible>(Response::new(request.remote_addr().unwrap().to_string()))
/// # });
///
/// let app = FromTower::new(service).with_request(gateway_tower::tonic::connect_info);
/// # let client = AsgiClient::new(app).with_connection(Connection::new().with_client(([127, 0, 0, 1], 7).into()));
/// # let response = block_on(client.request(Request::get("/").body("").unwrap())).unwrap();
/// # assert_eq!(response.body(), "127.0.0.1:7");
/// ```
pub fn connect_info(parts: &mut Parts) {
    let Some(connection) = parts.extensions.get::<Origin>().map(Origin::connection) else {
        return;
    };
    let local_addr = match connection.server() {
        Some(ServerAddr::Ip(addr)) => Some(*addr),
        _ => None,
    };
    let info = TcpConnectInfo { local_addr, remote_addr: connection.client() };
    if info.local_addr.is_some() || info.remote_addr.is_some() {
        parts.extensions.insert(info);
    }
}

/// Ends a request that takes longer than its `grpc-timeout`, with tonic's error for that.
///
/// That is until the head of the response, as with tonic's own server: a client ends a stream itself, and that
/// reaches the service as the loss of a client. A value that gRPC does not know is no limit.
/// [`RecoverError`] answers with the status.
#[derive(Clone)]
pub struct Deadline<S> {
    inner: S,
}

impl<S> Deadline<S> {
    /// Watches over the requests to this service.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B> Service<Request<B>> for Deadline<S>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = UntilDeadline<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let sleep = timeout(request.headers()).map(tokio::time::sleep);
        UntilDeadline { inner: self.inner.call(request), sleep }
    }
}

impl<S> fmt::Debug for Deadline<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline").finish_non_exhaustive()
    }
}

pin_project! {
    /// What a [`Deadline`]'s service does, while there is time.
    #[must_use = "futures do nothing unless awaited"]
    pub struct UntilDeadline<F> {
        #[pin]
        inner: F,
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl<F, T, E> Future for UntilDeadline<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(result) = this.inner.poll(cx) {
            return Poll::Ready(result.map_err(Into::into));
        }
        let Some(sleep) = this.sleep.as_pin_mut() else {
            return Poll::Pending;
        };
        ready!(sleep.poll(cx));
        Poll::Ready(Err(TimeoutExpired(()).into()))
    }
}

impl<F> fmt::Debug for UntilDeadline<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilDeadline").finish_non_exhaustive()
    }
}

/// What the `grpc-timeout` says: up to eight digits, and a unit.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

const GRPC_TIMEOUT: &str = "grpc-timeout";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeout_is_eight_digits_and_a_unit() {
        let told = |value: &'static str| {
            let value = http::HeaderValue::from_static(value);
            timeout(&HeaderMap::from_iter([(http::HeaderName::from_static(GRPC_TIMEOUT), value)]))
        };
        assert_eq!(timeout(&HeaderMap::new()), None);
        assert_eq!(told("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(told("2M"), Some(Duration::from_secs(120)));
        assert_eq!(told("42S"), Some(Duration::from_secs(42)));
        assert_eq!(told("13m"), Some(Duration::from_millis(13)));
        assert_eq!(told("7u"), Some(Duration::from_micros(7)));
        assert_eq!(told("0n"), Some(Duration::ZERO));
        for wrong in ["", "S", "1", "1s", "+1S", "-1S", "1 S", "123456789S", "1.5S", "1SS"] {
            assert_eq!(told(wrong), None, "{wrong:?}");
        }
    }
}
