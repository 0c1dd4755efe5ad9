//! The price of one call in memory: plain, erased, under five layers that look, under five that edit.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use criterion::Criterion;
use gateway_iface::asgi::event::SendEvent;
use gateway_iface::asgi::{self, PollSend, SendError};
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use gateway_iface::middleware::{Counter, PathGuard};
use gateway_iface::testing::{AsgiClient, WsgiClient};
use gateway_iface::wsgi::{self, Body, Environ, StartResponse};
use gateway_iface::{Error, Observe};

type AsgiApp = Arc<dyn asgi::Application>;
type WsgiApp = Arc<dyn wsgi::Application>;

const LAYERS: usize = 5;

fn asynchronous(c: &mut Criterion) {
    let mut group = c.benchmark_group("asgi");
    let erased = || Arc::new(hello) as AsgiApp;
    let under = |wrap: fn(AsgiApp) -> AsgiApp| (0..LAYERS).fold(erased(), |app, _| wrap(app));
    group.bench_function("plain", |b| b.iter_batched(request, asgi_call(hello), SMALL));
    group.bench_function("erased", |b| b.iter_batched(request, asgi_call(erased()), SMALL));
    let counters = under(|app| Arc::new(Counter::new(app)));
    group.bench_function("five counters", |b| b.iter_batched(request, asgi_call(counters.clone()), SMALL));
    let guards = under(|app| Arc::new(PathGuard::deny(app).prefix("/admin")));
    group.bench_function("five path guards", |b| b.iter_batched(request, asgi_call(guards.clone()), SMALL));
    let stamps = under(|app| Arc::new(Stamp(app)));
    group.bench_function("five wrapping layers", |b| {
        b.iter_batched(request, asgi_call(stamps.clone()), SMALL)
    });
    group.finish();
}

fn synchronous(c: &mut Criterion) {
    let mut group = c.benchmark_group("wsgi");
    let erased = || Arc::new(sync_hello) as WsgiApp;
    let under = |wrap: fn(WsgiApp) -> WsgiApp| (0..LAYERS).fold(erased(), |app, _| wrap(app));
    group.bench_function("plain", |b| b.iter_batched(request, wsgi_call(sync_hello), SMALL));
    group.bench_function("erased", |b| b.iter_batched(request, wsgi_call(erased()), SMALL));
    let counters = under(|app| Arc::new(Counter::new(app)));
    group.bench_function("five counters", |b| b.iter_batched(request, wsgi_call(counters.clone()), SMALL));
    let guards = under(|app| Arc::new(PathGuard::deny(app).prefix("/admin")));
    group.bench_function("five path guards", |b| b.iter_batched(request, wsgi_call(guards.clone()), SMALL));
    let stamps = under(|app| Arc::new(Stamp(app)));
    group.bench_function("five wrapping layers", |b| {
        b.iter_batched(request, wsgi_call(stamps.clone()), SMALL)
    });
    group.finish();
}

fn environ(c: &mut Criterion) {
    let request = Request::get("/a/b?q=1").header("accept", "text/html").header("content-type", "text/plain");
    let environ = Environ::from_request(request.body("").expect("a valid request"));
    c.bench_function("environ.get, five look-ups", |b| {
        b.iter(|| {
            for key in ["HTTP_ACCEPT", "REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE"] {
                black_box(black_box(&environ).get(black_box(key)));
            }
        });
    });
}

fn paths(c: &mut Criterion) {
    let mut group = c.benchmark_group("path guard");
    let guard = PathGuard::deny(()).prefix("/admin").exact("/secret");
    for (name, path) in [
        ("plain", "/public/css/site.css"),
        ("one escape", "/public/caf%C3%A9"),
        ("hostile", "/public/..%252f;a=b/%2e%2e\\ADMIN"),
    ] {
        group.bench_function(name, |b| b.iter(|| guard.permits(black_box(path))));
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    asynchronous(&mut criterion);
    synchronous(&mut criterion);
    environ(&mut criterion);
    paths(&mut criterion);
    criterion.final_summary();
}

const SMALL: criterion::BatchSize = criterion::BatchSize::SmallInput;

async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.respond(Response::new("hello")).await?;
    Ok(())
}

fn sync_hello(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    start_response.start(StatusCode::OK, HeaderMap::new())?;
    Ok(Body::from("hello"))
}

fn request() -> Request<Bytes> {
    Request::get("/public").body(Bytes::new()).expect("a valid request")
}

fn asgi_call<A: asgi::Application>(app: A) -> impl FnMut(Request<Bytes>) -> usize {
    let client = AsgiClient::new(app);
    move |request| {
        let mut response = pin!(client.request(request));
        match response.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(response) => response.map_or(0, |response| response.body().len()),
            Poll::Pending => 0,
        }
    }
}

fn wsgi_call<A: wsgi::Application>(app: A) -> impl FnMut(Request<Bytes>) -> usize {
    let client = WsgiClient::new(app);
    move |request| client.request(request).map_or(0, |response| response.body().len())
}

/// Edits the head of a response.
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

impl<A: wsgi::Application> wsgi::Application for Stamp<A> {
    fn call(&self, environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        self.0.call(environ, &mut Stamping { inner: start_response })
    }
}

struct Stamping<S> {
    inner: S,
}

impl PollSend for Stamping<asgi::Send> {
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

impl StartResponse for Stamping<&mut dyn StartResponse> {
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
