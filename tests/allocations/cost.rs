//! What one request costs in allocations.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use gateway_iface::bytes::Bytes;
use gateway_iface::http::request::Builder;
use gateway_iface::testing::{AsgiClient, WsgiClient};
use gateway_iface::{Connection, asgi, wsgi};

/// Of the second of two equal requests to an asynchronous application, which answers `hello`.
pub(crate) fn asgi_cost_of<A: asgi::Application>(
    app: A,
    connection: &Connection,
    request: impl Fn() -> Builder,
) -> u64 {
    let client = AsgiClient::new(app).with_connection(connection.clone());
    let call = || {
        let request = request().body(Bytes::new()).expect("a valid request");
        let counted = measure(|| {
            let mut response = pin!(client.request(request));
            let Poll::Ready(response) = response.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            else {
                panic!("nothing waits here");
            };
            assert_eq!(response.expect("a response").body(), "hello");
        });
        counted.count_total
    };
    call();
    call()
}

/// Of the second of two equal requests to a synchronous application, which answers `hello`.
pub(crate) fn wsgi_cost_of<A: wsgi::Application>(
    app: A,
    connection: &Connection,
    request: impl Fn() -> Builder,
) -> u64 {
    let client = WsgiClient::new(app).with_connection(connection.clone());
    let call = || {
        let request = request().body(Bytes::new()).expect("a valid request");
        let counted = measure(|| assert_eq!(client.request(request).expect("a response").body(), "hello"));
        counted.count_total
    };
    call();
    call()
}
