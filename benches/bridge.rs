//! The price of a bridge: hello through each of them, in memory.

use std::hint::black_box;
use std::sync::{Mutex, mpsc};
use std::thread;

use criterion::Criterion;
use gateway_iface::bridge::{AsgiToWsgi, Busy, Inline, Job, WsgiToAsgi};
use gateway_iface::http::{HeaderMap, Request, StatusCode};
use gateway_iface::testing::{AsgiClient, WsgiClient, block_on};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};

fn wsgi_hello(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    start_response.start(StatusCode::OK, HeaderMap::new())?;
    Ok(Body::from("Hello, World!"))
}

async fn asgi_hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    send.last("Hello, World!").await?;
    Ok(())
}

/// One thread, which is enough for one request at a time.
fn pool() -> impl Fn(Job) -> Result<(), Busy> + Send + Sync {
    let (queue, jobs) = mpsc::channel::<Job>();
    thread::spawn(move || jobs.into_iter().for_each(Job::run));
    let queue = Mutex::new(queue);
    move |job| queue.lock().map_err(|_| Busy)?.send(job).map_err(|_| Busy)
}

fn get() -> Request<&'static str> {
    Request::new("")
}

fn hello(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hello");
    let client = AsgiClient::new(asgi_hello);
    group
        .bench_function("asgi, no bridge", |bench| bench.iter(|| block_on(client.request(black_box(get())))));
    let client = AsgiClient::new(Inline::new(wsgi_hello));
    group.bench_function("wsgi inline on asgi", |bench| {
        bench.iter(|| block_on(client.request(black_box(get()))))
    });
    let client = AsgiClient::new(WsgiToAsgi::new(wsgi_hello, pool()));
    group.bench_function("wsgi on a pool on asgi", |bench| {
        bench.iter(|| block_on(client.request(black_box(get()))))
    });
    let client = WsgiClient::new(wsgi_hello);
    group.bench_function("wsgi, no bridge", |bench| bench.iter(|| client.request(black_box(get()))));
    let client = WsgiClient::new(AsgiToWsgi::new(asgi_hello));
    group.bench_function("asgi on wsgi", |bench| bench.iter(|| client.request(black_box(get()))));
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    hello(&mut criterion);
    criterion.final_summary();
}
