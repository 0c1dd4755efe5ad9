//! What a call through each middleware costs beyond the plain one: nothing where it passes through, two at
//! most where it wraps.

use std::future::pending;
use std::time::Duration;

use allocation_counter::measure;
use gateway_iface::bytes::Bytes;
use gateway_iface::http::request::Builder;
use gateway_iface::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use gateway_iface::middleware::{AccessLog, BodyLimit, CatchError, MapBody, MapHead, RequestId, Timeout};
use gateway_iface::testing::WsgiClient;
use gateway_iface::wsgi::{self, Body, Environ, Input, StartResponse};
use gateway_iface::{Connection, Error, RequestHead, asgi};

use crate::cost::{asgi_cost_of, wsgi_cost_of};

#[test]
fn an_error_that_does_not_happen_costs_the_call_and_the_halves() {
    assert_eq!(cost(|app| CatchError::new(app, |_: &Error| ())), 2);
    assert_eq!(sync_cost(|app| CatchError::new(app, |_: &Error| ())), 0);
    let closes = |environ: Environ, start_response: &mut dyn StartResponse| {
        // With something of its own, so that each takes room.
        let (one, two) = (environ.method().clone(), environ.method().clone());
        let body = sync_app(environ, start_response)?.on_close(move || {
            drop(one);
            Ok(())
        });
        Ok::<_, Error>(body.on_close(move || {
            drop(two);
            Ok(())
        }))
    };
    assert_eq!(wsgi_cost(CatchError::new(closes, |_: &Error| ())) - wsgi_cost(closes), 2);
}

#[test]
fn a_changed_head_costs_the_half() {
    assert_eq!(cost(|app| MapHead::new(app, stamp)), 1);
    assert_eq!(sync_cost(|app| MapHead::new(app, stamp)), 0);
}

#[test]
fn a_changed_body_costs_the_half() {
    assert_eq!(cost(|app| MapBody::new(app, same)), 1);
    assert_eq!(sync_cost(|app| MapBody::new(app, same)), 0);
}

#[test]
fn a_limit_on_time_costs_the_call() {
    assert_eq!(cost(|app| Timeout::new(app, Duration::ZERO, |_| pending())), 1);
    assert_eq!(cost(|app| Timeout::new(app, Duration::ZERO, |_| pending()).until_head()), 2);
}

#[test]
fn a_limit_on_the_body_costs_nothing_where_the_length_is_known() {
    let request = || request().header(header::CONTENT_LENGTH, "5");
    assert_eq!(asgi_cost(BodyLimit::new(boxed, 10), request), asgi_cost(boxed, request));
    assert_eq!(sync_cost(|app| BodyLimit::new(app, 10)), 0);
}

#[test]
fn a_limit_on_the_body_costs_the_call_and_the_halves_where_it_is_counted() {
    assert_eq!(cost(|app| BodyLimit::new(app, 10)), 2);
    let call = |app: &dyn Fn(RequestHead)| {
        let head = || RequestHead::new(request().body(()).expect("a valid request").into_parts().0);
        let (one, two) = (head(), head());
        app(one);
        measure(|| app(two)).count_total
    };
    let plain = WsgiClient::new(sync_app);
    let limited = WsgiClient::new(BodyLimit::new(sync_app, 10));
    let input = || Input::new(&b"body"[..], None);
    let plain = call(&|head| drop(plain.begin(head).with_input(input()).run()));
    assert_eq!(call(&|head| drop(limited.begin(head).with_input(input()).run())) - plain, 1);
}

#[test]
fn an_id_costs_the_half_and_an_extension_three_more() {
    assert_eq!(cost(RequestId::new), 1);
    assert_eq!(cost(|app| RequestId::new(app).with_extension()), 4);
    assert_eq!(cost(|app| RequestId::new(app).with_generator(|| "x".repeat(20))), 3);
    assert_eq!(sync_cost(RequestId::new), 0);
}

#[test]
fn a_line_in_the_log_costs_its_entry_and_one_for_each_text() {
    // As a server's are: cut off the buffer that the head was read into.
    let cut = || {
        let host = HeaderValue::from_static("localhost");
        Request::builder().uri(Uri::from_static("/public")).header(header::HOST, host)
    };
    assert_eq!(asgi_cost(AccessLog::new(boxed, |_| ()), cut) - asgi_cost(boxed, cut), 1);
    // A target and a host in buffers of their own, which are shared from now on.
    assert_eq!(cost(|app| AccessLog::new(app, |_| ())), 3);
    assert_eq!(sync_cost(|app| AccessLog::new(app, |_| ())), 3);
}

fn stamp(_: &mut StatusCode, headers: &mut HeaderMap) {
    headers.insert(header::SERVER, HeaderValue::from_static("1"));
}

fn same(
    _: StatusCode,
    _: &mut HeaderMap,
) -> Option<impl FnMut(Bytes, bool) -> Bytes + Send + 'static + use<>> {
    Some(|block, _| block)
}

async fn app(_: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    send.start(StatusCode::OK, HeaderMap::with_capacity(4)).await?;
    send.last("hello").await?;
    Ok(())
}

type App = fn(asgi::Scope, asgi::Receive, asgi::Send) -> Calling;
type Calling = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;
type SyncApp = fn(Environ, &mut dyn StartResponse) -> Result<Body, Error>;

fn boxed(scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Calling {
    Box::pin(app(scope, receive, send))
}

fn sync_app(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    start_response.start(StatusCode::OK, HeaderMap::with_capacity(4))?;
    Ok(Body::from("hello"))
}

fn cost<W: asgi::Application>(wrap: impl Fn(App) -> W) -> u64 {
    asgi_cost(wrap(boxed), request) - asgi_cost(boxed, request)
}

fn sync_cost<W: wsgi::Application>(wrap: impl Fn(SyncApp) -> W) -> u64 {
    wsgi_cost(wrap(sync_app)) - wsgi_cost(sync_app)
}

/// With room for further fields, as the request of a server has it.
fn request() -> Builder {
    Request::get("/public").header(header::HOST, "localhost")
}

fn asgi_cost<A: asgi::Application>(app: A, request: impl Fn() -> Builder) -> u64 {
    asgi_cost_of(app, &Connection::new(), request)
}

fn wsgi_cost<A: wsgi::Application>(app: A) -> u64 {
    wsgi_cost_of(app, &Connection::new(), request)
}
