//! What a call costs in allocations: as many as the documentation says, and no more.
//!
//! Counted are those of the calling thread, in the second of two equal calls.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use allocation_counter::measure;
use gateway_iface::asgi::event::SendEvent;
use gateway_iface::asgi::{self, PollSend, SendError};
use gateway_iface::http::{self, HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use gateway_iface::middleware::{
    BasicAuth, CookieJar, Cookies, Counter, ForwardingFields, Mount, PathGuard, ProxyHeaders, Users,
};
use gateway_iface::testing::{AsgiClient, block_on};
use gateway_iface::wsgi::{self, Body, Environ, StartResponse};
use gateway_iface::{Connection, Error, Observe, RequestHead};

mod cost;
mod middleware;

use self::cost::{asgi_cost_of, wsgi_cost_of};

type AsgiApp = Arc<dyn asgi::Application>;
type WsgiApp = Arc<dyn wsgi::Application>;

#[test]
fn hello_costs_the_scope_and_the_future() {
    assert_eq!(asgi_cost(hello), 2);
    assert_eq!(asgi_cost(Arc::new(hello) as AsgiApp), 2);
}

#[test]
fn synchronous_hello_costs_the_environ() {
    assert_eq!(wsgi_cost(sync_hello), 1);
    assert_eq!(wsgi_cost(Arc::new(sync_hello) as WsgiApp), 1);
}

#[test]
fn pass_through_layers_cost_nothing() {
    for layers in [1, 5, 10] {
        let plain = asgi_cost(hello);
        assert_eq!(asgi_cost(nested(layers, |app| Arc::new(Counter::new(app)))), plain, "{layers} counters");
        let guarded = nested(layers, |app| Arc::new(PathGuard::deny(app).prefix("/admin").exact("/secret")));
        assert_eq!(asgi_cost(guarded), plain, "{layers} deny lists");
        let guarded = nested(layers, |app| Arc::new(PathGuard::allow(app).exact("/no").prefix("/public")));
        assert_eq!(asgi_cost(guarded), plain, "{layers} allow lists");
    }
}

#[test]
fn synchronous_pass_through_layers_cost_nothing() {
    for layers in [1, 5, 10] {
        let plain = wsgi_cost(sync_hello);
        assert_eq!(
            wsgi_cost(sync_nested(layers, |app| Arc::new(Counter::new(app)))),
            plain,
            "{layers} counters"
        );
        let guarded =
            sync_nested(layers, |app| Arc::new(PathGuard::deny(app).prefix("/admin").exact("/secret")));
        assert_eq!(wsgi_cost(guarded), plain, "{layers} deny lists");
    }
}

#[test]
fn mounts_cost_nothing_and_one_for_what_was_stored() {
    let hosts = |app: AsgiApp| -> AsgiApp {
        let mount =
            Mount::new().host("h", app).and_then(|mount| mount.host("*.h", hello)).expect("valid hosts");
        Arc::new(mount.fallback(hello))
    };
    let prefixes = |app: AsgiApp| -> AsgiApp {
        let mount = Mount::new().at("/pub", hello).and_then(|mount| mount.at("/public", app));
        Arc::new(mount.and_then(|mount| mount.at("/public/x", hello)).expect("valid prefixes"))
    };
    for app in [hosts(Arc::new(hello)), prefixes(Arc::new(hello)), prefixes(hosts(Arc::new(hello)))] {
        assert_eq!(asgi_cost(app), asgi_cost(hello));
    }
    let sync = Mount::wsgi().at("/public", sync_hello).expect("a valid prefix");
    assert_eq!(wsgi_cost(sync), wsgi_cost(sync_hello));
    let stores =
        prefixes(Arc::new(|scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send| async move {
            match scope {
                asgi::Scope::Lifespan(lifespan) => {
                    lifespan.state().insert("stored");
                    lifespan.run(receive, send, async { Ok(()) }, async { Ok(()) }).await
                }
                scope => {
                    let request = scope.into_http()?;
                    assert!(request.head().state().is_some_and(|state| state.get::<&str>().is_some()));
                    Ok(send.respond(Response::new("hello")).await?)
                }
            }
        }));
    let mut lifespan = asgi::LifespanExchange::new(&stores);
    let state = block_on(lifespan.startup()).expect("a start");
    let connection = Connection::new().with_state(state);
    let request = || Request::get("/public");
    assert_eq!(asgi_cost_of(Arc::clone(&stores), &connection, request) - asgi_cost(hello), 1);
}

#[test]
fn users_of_a_table_cost_nothing_and_those_of_a_function_two() {
    let request = || Request::get("/").header("authorization", "Basic YWRhOmxvdmVsYWNl");
    let plain = asgi_cost_of(hello, &Connection::new(), request);
    let users = Users::new().with("ada", "lovelace").with("alan", "turing");
    let table = BasicAuth::new(hello, users.clone());
    assert_eq!(asgi_cost_of(table, &Connection::new(), request) - plain, 0);
    let function =
        BasicAuth::new(hello, |user: &str, password: &str| user == "ada" && password == "lovelace");
    assert_eq!(asgi_cost_of(function, &Connection::new(), request) - plain, 2);
    let waits = |user: String, password: String| async move { (&*user, &*password) == ("ada", "lovelace") };
    let cost = asgi_cost_of(BasicAuth::with_async(hello, waits), &Connection::new(), request);
    assert_eq!(cost - plain, 5);
    let plain = wsgi_cost_of(sync_hello, &Connection::new(), request);
    let table = BasicAuth::new(sync_hello, users);
    assert_eq!(wsgi_cost_of(table, &Connection::new(), request) - plain, 0);
}

#[test]
fn cookies_cost_nothing_in_one_field_and_one_in_several() {
    let one = || Request::get("/").header("cookie", "a=1; b=2");
    let two = || one().header("cookie", "c=3");
    let connection = Connection::new();
    for (request, cost) in [(&one as &dyn Fn() -> http::request::Builder, 0), (&two, 1)] {
        let plain = asgi_cost_of(hello, &connection, request);
        assert_eq!(asgi_cost_of(Cookies::new(hello), &connection, request) - plain, cost);
        let plain = wsgi_cost_of(sync_hello, &connection, request);
        assert_eq!(wsgi_cost_of(Cookies::new(sync_hello), &connection, request) - plain, cost);
    }
    let head = RequestHead::new(two().body(()).expect("a valid request").into_parts().0);
    let read = || assert_eq!(black_box(CookieJar::of(&head)).get("c"), Some("3"));
    assert_eq!(measure(read).count_total, 0);
}

#[test]
fn proxy_headers_cost_one_where_they_change_the_client_and_nothing_else() {
    let peer = |addr: &str| Connection::new().with_client(addr.parse().expect("an address"));
    let (trusted, stranger) = (peer("10.0.0.1:1"), peer("192.0.2.1:1"));
    let plain = asgi_cost(hello);
    let proxies = |fields| {
        let proxies = ProxyHeaders::new(hello).trust("10.0.0.0/8").expect("a network");
        proxies.with_fields(fields)
    };
    let none = || Request::get("/");
    for connection in [&trusted, &stranger] {
        let cost = asgi_cost_of(proxies(ForwardingFields::XForwarded), connection, none);
        assert_eq!(cost - plain, 0);
    }
    let some = || none().header("x-forwarded-for", "192.0.2.7").header("x-forwarded-proto", "https");
    let plain = asgi_cost_of(hello, &trusted, some);
    let cost = |connection| asgi_cost_of(proxies(ForwardingFields::XForwarded), connection, some);
    assert_eq!((cost(&stranger) - plain, cost(&trusted) - plain), (0, 1));
    let standard = || none().header("forwarded", "for=192.0.2.7;proto=https");
    let plain = asgi_cost_of(hello, &trusted, standard);
    assert_eq!(asgi_cost_of(proxies(ForwardingFields::Forwarded), &trusted, standard) - plain, 1);
}

#[test]
fn wrapping_layers_cost_two_at_most() {
    let plain = asgi_cost(with_fields);
    for layers in [1, 5, 10] {
        let mut app: AsgiApp = Arc::new(with_fields);
        for _ in 0..layers {
            app = Arc::new(Stamp(app));
        }
        let cost = asgi_cost(app) - plain;
        assert_eq!(cost, layers, "{layers} layers");
    }
}

#[test]
fn synchronous_wrapping_layers_cost_two_at_most() {
    let plain = wsgi_cost(sync_with_fields);
    for layers in [1, 5, 10] {
        let mut app: WsgiApp = Arc::new(sync_with_fields);
        for _ in 0..layers {
            app = Arc::new(SyncStamp(app));
        }
        assert_eq!(wsgi_cost(app) - plain, 0, "{layers} layers");
    }
}

#[test]
fn one_event_through_send_costs_nothing() {
    let client = AsgiClient::new(|_: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| async move {
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        loop {
            send.block("block").await?;
        }
    });
    let mut exchange = client.begin(head());
    let mut event = || {
        assert!(exchange.poll_once().is_pending());
        assert!(exchange.take_event().is_some());
    };
    event();
    event();
    assert_eq!(measure(event).count_total, 0);
}

#[test]
fn one_event_through_receive_costs_nothing() {
    let client = AsgiClient::new(|_: asgi::Scope, mut receive: asgi::Receive, _: asgi::Send| async move {
        while receive.block().await?.is_some() {}
        Ok(())
    });
    let mut exchange = client.begin(head());
    let mut event = || {
        exchange.feed("block", true);
        assert!(exchange.poll_once().is_pending());
    };
    event();
    assert_eq!(measure(event).count_total, 0);
}

#[test]
fn five_look_ups_in_the_environ_cost_nothing() {
    let request = Request::get("/a/b?q=1").header("accept", "text/html").header("content-type", "text/plain");
    let environ = Environ::from_request(request.body("").unwrap());
    let look_up = || {
        for key in ["HTTP_ACCEPT", "REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE"] {
            assert!(black_box(environ.get(black_box(key))).is_some(), "{key}");
        }
    };
    assert_eq!(measure(look_up).count_total, 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(black_box(Box::new(1)))).count_total, 1);
}

async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.respond(Response::new("hello")).await?;
    Ok(())
}

async fn with_fields(_: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    send.start(StatusCode::OK, HeaderMap::with_capacity(4)).await?;
    send.last("hello").await?;
    Ok(())
}

fn sync_hello(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    start_response.start(StatusCode::OK, HeaderMap::new())?;
    Ok(Body::from("hello"))
}

fn sync_with_fields(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    start_response.start(StatusCode::OK, HeaderMap::with_capacity(4))?;
    Ok(Body::from("hello"))
}

/// Edits the head, as the documentation of `PollSend` shows it; a name of its own would cost the map one more.
struct Stamp<A>(A);

impl<A: asgi::Application> asgi::Application for Stamp<A> {
    fn call<'a, 'b>(
        &'a self,
        scope: asgi::Scope,
        receive: asgi::Receive,
        send: asgi::Send,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.0.call(scope, receive, asgi::Send::new(Stamping { inner: send }))
    }
}

struct Stamping {
    inner: asgi::Send,
}

impl PollSend for Stamping {
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut Option<SendEvent>,
    ) -> Poll<Result<(), SendError>> {
        if let Some(SendEvent::ResponseStart(start)) = slot {
            start.headers.insert(header::SERVER, HeaderValue::from_static("1"));
        }
        self.inner.poll_send(cx, slot)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.inner.poll_flush(cx)
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

struct SyncStamp<A>(A);

impl<A: wsgi::Application> wsgi::Application for SyncStamp<A> {
    fn call(&self, environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        self.0.call(environ, &mut SyncStamping { inner: start_response })
    }
}

struct SyncStamping<'a> {
    inner: &'a mut dyn StartResponse,
}

impl StartResponse for SyncStamping<'_> {
    fn start(&mut self, status: StatusCode, mut headers: HeaderMap) -> Result<(), Error> {
        headers.insert(header::SERVER, HeaderValue::from_static("1"));
        self.inner.start(status, headers)
    }

    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        self.inner.restart(status, headers, cause)
    }

    fn write(&mut self, data: &[u8]) -> std::io::Result<()> {
        self.inner.write(data)
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

fn nested(layers: u64, wrap: impl Fn(AsgiApp) -> AsgiApp) -> AsgiApp {
    (0..layers).fold(Arc::new(hello), |app, _| wrap(app))
}

fn sync_nested(layers: u64, wrap: impl Fn(WsgiApp) -> WsgiApp) -> WsgiApp {
    (0..layers).fold(Arc::new(sync_hello), |app, _| wrap(app))
}

fn asgi_cost<A: asgi::Application>(app: A) -> u64 {
    asgi_cost_of(app, &Connection::new(), || Request::get("/public"))
}

fn wsgi_cost<A: wsgi::Application>(app: A) -> u64 {
    wsgi_cost_of(app, &Connection::new(), || Request::get("/public"))
}

fn head() -> Box<RequestHead> {
    Box::new(RequestHead::new(Request::get("/").body(()).expect("a valid request").into_parts().0))
}
