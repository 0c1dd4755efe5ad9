//! Layers of tower-http around our applications, and our middleware around axum's routers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{ConnectInfo, Extension};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use gateway_iface::middleware::Timeout;
use gateway_iface::middleware::{
    AccessLog, BasicAuth, BodyLimit, CookieJar, Cookies, Counter, Mount, PathGuard, ProxyHeaders, Users, Wrap,
};
use gateway_iface::{Error, RemoteUser, asgi};
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

use crate::support::{Server, by_both, everywhere, fed, from_router};

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

/// A router whose handlers tell what middleware left for them.
fn router() -> Router {
    let fields = async |fields: HeaderMap| {
        let jar = CookieJar::of_headers(&fields).get("a").unwrap_or_default().to_owned();
        ([(header::SET_COOKIE, "b=2")], jar)
    };
    Router::new()
        .route("/user", get(async |Extension(user): Extension<RemoteUser>| user.name().to_owned()))
        .route("/cookie", get(fields))
        .route(
            "/client",
            get(async |ConnectInfo(client): ConnectInfo<std::net::SocketAddr>| client.ip().to_string()),
        )
        .route("/echo", post(async |body: axum::body::Bytes| body))
        .route("/waits", get(std::future::pending::<()>))
        .route("/json", get(async || Json([1, 2])))
        .fallback(async |uri: Uri| uri.path().to_owned())
}

#[test]
fn our_middleware_works_around_a_router() {
    by_both(async |protocol| {
        let lines = Told::default();
        let told = lines.clone();
        let app = from_router(router())
            .wrap(Cookies::new)
            .wrap(|app| BasicAuth::new(app, Users::new().with("ada", "lovelace")))
            .wrap(|app| PathGuard::deny(app).prefix("/admin"))
            .wrap(|app| BodyLimit::new(app, 10))
            .wrap(|app| Timeout::new(app, Duration::from_millis(50), tokio::time::sleep))
            .wrap(Counter::new);
        let counts = app.counts();
        let app = AccessLog::new(app, move |entry| {
            let line = entry.to_string();
            // Without the time.
            let (begin, end) = (line.find('[').unwrap(), line.find(']').unwrap());
            told.lock().unwrap().push(format!("{}{}", &line[..begin], &line[end + 2..]));
        });
        let app = ProxyHeaders::new(app).trust("127.0.0.1").unwrap();
        let app = Mount::new().at("/app", app).unwrap();
        let server = Server::of(app).await;
        let mut client = server.connect(protocol).await;
        let ada = HeaderValue::from_static("Basic YWRhOmxvdmVsYWNl");
        let cases = [
            ("GET", "/app/user", "", true, 200, "ada"),
            ("GET", "/app/user", "", false, 401, ""),
            ("GET", "/app/client", "", true, 200, "192.0.2.7"),
            ("GET", "/app/cookie", "", true, 200, "1"),
            ("GET", "/app/%61dmin/x", "", true, 404, ""),
            ("POST", "/app/echo", "0123456789", true, 200, "0123456789"),
            ("POST", "/app/echo", "0123456789a", true, 413, ""),
            ("GET", "/app/waits", "", true, 503, ""),
            ("GET", "/app/json", "", true, 200, "[1,2]"),
            ("GET", "/app/x%20y", "", true, 200, "/x%20y"),
        ];
        for (method, target, body, known, status, text) in cases {
            let request = Request::builder()
                .method(method)
                .uri(target)
                .header("cookie", "a=1")
                .header("x-forwarded-for", "192.0.2.7");
            let request = if known { request.header("authorization", &ada) } else { request };
            let (answered, answer) = client.text(request, body).await;
            assert_eq!(answered, status, "{target} {protocol:?}: {answer}");
            assert!(text.is_empty() || answer == text, "{target} {protocol:?}: {answer}");
        }
        drop(client);
        server.stop().await;
        let counted = counts.snapshot();
        assert_eq!((counted.requests, counted.success, counted.client_error), (10, 6, 3));
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 10, "{lines:?}");
        assert!(lines[0].starts_with("192.0.2.7 - ada \"GET /app/user HTTP/"), "{}", lines[0]);
        assert!(lines[0].contains(" 200 3 "), "{}", lines[0]);
        assert!(lines[1].starts_with("192.0.2.7 - - \"GET /app/user HTTP/"), "{}", lines[1]);
    });
}
