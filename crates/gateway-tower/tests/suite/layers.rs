//! Layers of tower-http around our applications.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse;
use gateway_iface::{Error, asgi};
use gateway_tower::ToTower;
use tower::{Layer, Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::decompression::{DecompressionLayer, RequestDecompressionLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::services::ServeDir;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::support::{Server, everywhere, fed};

/// Answers with what it has been given, or does as its path says.
async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    match request.path_info() {
        "/long" => Ok(send.text(200, "long ".repeat(1000)).await?),
        "/echo" => {
            let body = receive.body(1024 * 1024).await?;
            Ok(send.text(200, body).await?)
        }
        "/blocks" => {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            for block in ["one", "two"] {
                send.block(block).await?;
                send.flush().await?;
            }
            Ok(send.last("").await?)
        }
        "/waits" => {
            let reason = receive.disconnected().await;
            if let Some(told) = request.head().extensions().get::<Told>() {
                told.lock().unwrap().push(format!("{reason:?}"));
            }
            Ok(())
        }
        "/fails" => Err(Error::new("it fails")),
        "/panics" => panic!("on purpose"),
        path => {
            let id = request.headers().get("x-request-id").map(|id| id.len());
            Ok(send.text(200, format!("{} {path} {id:?}", request.head().root_path())).await?)
        }
    }
}

/// What was told, in a request's extensions.
type Told = Arc<Mutex<Vec<String>>>;

/// What is served of our application, wrapped in a layer.
type Inner = ToTower<fn(asgi::Scope, asgi::Receive, asgi::Send) -> BoxedCall>;
type BoxedCall = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

fn inner() -> Inner {
    let app: fn(asgi::Scope, asgi::Receive, asgi::Send) -> BoxedCall =
        |scope, receive, send| Box::pin(app(scope, receive, send));
    ToTower::new(app).with_origin(gateway_tower::axum::origin)
}

/// A router that has nothing but our application behind that layer.
fn behind<L>(layer: L) -> Router
where
    L: Layer<Inner>,
    L::Service:
        Service<axum::extract::Request, Error = std::convert::Infallible> + Clone + Send + Sync + 'static,
    <L::Service as Service<axum::extract::Request>>::Response: IntoResponse,
    <L::Service as Service<axum::extract::Request>>::Future: Send + 'static,
{
    Router::new().fallback_service(layer.layer(inner()))
}

#[test]
fn compression_of_an_application_is_undone_by_decompression() {
    everywhere(async |by, protocol| {
        let both = ServiceBuilder::new().layer(DecompressionLayer::new()).layer(CompressionLayer::new());
        let router = Router::new()
            .nest_service("/gzip", CompressionLayer::new().layer(inner()))
            .nest_service("/both", both.service(inner()))
            .nest_service("/request", RequestDecompressionLayer::new().layer(inner()));
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        let plain = client.get("/gzip/long").await;
        assert_eq!(plain.headers()["content-length"], "5000");
        let packed = client.send(Request::get("/gzip/long").header("accept-encoding", "gzip"), "").await;
        assert_eq!(packed.headers()["content-encoding"], "gzip", "{by:?}, {protocol:?}");
        assert!(packed.body().len() < 500, "{by:?}, {protocol:?}");
        // Of a body that nobody sees the length is not told, least of all the one before compression.
        let unseen = client.send(Request::head("/gzip/long").header("accept-encoding", "gzip"), "").await;
        assert!(!unseen.headers().contains_key("content-length"), "H-78: {by:?}, {protocol:?}");
        let unpacked = client.get("/both/long").await;
        assert_eq!(unpacked.body(), plain.body());
        assert!(!unpacked.headers().contains_key("content-encoding"));
        // The other way.
        let request = Request::post("/request/echo").header("content-encoding", "gzip");
        assert_eq!(client.send(request, packed.into_body()).await.body(), plain.body());
        drop(client);
        server.stop().await;
    });
}

#[test]
fn limits_on_bodies_and_on_time_hold_for_an_application() {
    everywhere(async |by, protocol| {
        let name = format!("{by:?}, {protocol:?}");
        let told = Told::default();
        let short = Duration::from_millis(20);
        let timeout = ServiceBuilder::new()
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, short))
            .map_request({
                let told = told.clone();
                move |mut request: axum::extract::Request| {
                    request.extensions_mut().insert(told.clone());
                    request
                }
            });
        let timed = inner();
        let router = Router::new()
            .nest_service("/limit", RequestBodyLimitLayer::new(10).layer(inner()))
            .nest_service("/timeout", timeout.service(timed.clone()));
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        assert_eq!(client.text(Request::post("/limit/echo"), "0123456789").await.0, 200, "{name}");
        assert_eq!(client.text(Request::post("/limit/echo"), "0123456789a").await.0, 413, "{name}");
        assert_eq!(client.text(Request::get("/timeout/waits"), "").await.0, 408, "{name}");
        timed.finished().await;
        assert_eq!(*told.lock().unwrap(), ["Client"], "A-95: {name}");
        // A body without a length is cut where it is too large.
        let mut client = server.connect(protocol).await;
        let (feed, body) = fed();
        feed.send("0123456789".into()).await.unwrap();
        let answer = tokio::spawn(async move { client.text(Request::post("/limit/echo"), body).await.0 });
        // It may be answered before all of this is taken.
        drop(feed.send("more".into()).await);
        assert_eq!(answer.await.unwrap(), 413, "{name}");
        drop(feed);
        server.stop().await;
    });
}

#[test]
fn cors_ids_and_paths_are_done_by_layers_around_an_application() {
    everywhere(async |by, protocol| {
        let name = format!("{by:?}, {protocol:?}");
        let ids = ServiceBuilder::new()
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(PropagateRequestIdLayer::x_request_id());
        let router = Router::new()
            .nest_service("/cors", CorsLayer::permissive().layer(inner()))
            .nest_service("/ids", ids.service(inner()))
            .fallback_service(NormalizePathLayer::trim_trailing_slash().layer(inner()));
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        let asked = Request::options("/cors/x")
            .header("origin", "http://a.test")
            .header("access-control-request-method", "PUT");
        let answer = client.send(asked, "").await;
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{name}");
        assert!(answer.body().is_empty(), "the layer answers: {name}");
        let answer = client.get("/cors/x").await;
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{name}");
        assert_eq!(answer.body(), "/cors /x None", "{name}");
        let answer = client.get("/ids/x").await;
        assert_eq!(answer.headers()["x-request-id"].len(), 36, "{name}");
        assert_eq!(answer.body(), "/ids /x Some(36)", "{name}");
        assert_eq!(client.get("/other/").await.body(), " /other None", "{name}");
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_104_a_106_failures_of_an_application_are_seen_by_layers_and_answered_once() {
    everywhere(async |by, protocol| {
        let name = format!("{by:?}, {protocol:?}");
        let told = Told::default();
        let (failures, blocks) = (told.clone(), told.clone());
        let trace = TraceLayer::new_for_http()
            .on_body_chunk(move |block: &axum::body::Bytes, _: Duration, _: &tracing::Span| {
                blocks.lock().unwrap().push(String::from_utf8(block.to_vec()).unwrap());
            })
            .on_failure(
                move |failure: tower_http::classify::ServerErrorsFailureClass,
                      _: Duration,
                      _: &tracing::Span| {
                    failures.lock().unwrap().push(failure.to_string());
                },
            );
        let server =
            Server::start(by, behind(ServiceBuilder::new().layer(trace).layer(CatchPanicLayer::new()))).await;
        let mut client = server.connect(protocol).await;
        let failed = "Status code: 500 Internal Server Error";
        let cases = [
            ("/blocks", 200, "onetwo", &["one", "two"][..]),
            ("/fails", 500, "Internal Server Error", &[failed, "Internal Server Error"]),
            ("/panics", 500, "Internal Server Error", &[failed, "Internal Server Error"]),
        ];
        for (target, status, text, seen) in cases {
            assert_eq!(
                client.text(Request::get(target), "").await,
                (status, text.to_owned()),
                "{target} {name}"
            );
            assert_eq!(told.lock().unwrap().drain(..).collect::<Vec<_>>(), seen, "{target} {name}");
        }
        drop(client);
        server.stop().await;
    });
}

#[test]
fn files_are_served_beside_an_application() {
    everywhere(async |by, protocol| {
        let files = ServeDir::new(env!("CARGO_MANIFEST_DIR"));
        let server =
            Server::start(by, behind(tower::layer::util::Identity::new()).nest_service("/files", files))
                .await;
        let mut client = server.connect(protocol).await;
        let file = client.get("/files/Cargo.toml").await;
        assert_eq!(file.body(), include_str!("../../Cargo.toml"), "{by:?}, {protocol:?}");
        let range = Request::get("/files/Cargo.toml").header("range", "bytes=0-8");
        assert_eq!(client.text(range, "").await, (206, "[package]".to_owned()));
        assert_eq!(client.get("/files/none").await.status(), 404);
        assert_eq!(client.get("/else").await.body(), " /else None");
        drop(client);
        server.stop().await;
    });
}
