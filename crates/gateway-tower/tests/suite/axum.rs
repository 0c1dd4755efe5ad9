//! axum's routers, with all that they are used for, on our server as under `axum::serve`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Extension, Form, Json, Multipart, OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use axum::{RequestExt, Router};
use futures_util::{StreamExt, stream};
use gateway_iface::middleware::Mount;
use gateway_iface::{Error, wsgi};
use http_body_util::BodyExt;

use crate::support::{By, Protocol, Server, block, by_both, everywhere, fed, from_router};

type Map = HashMap<String, String>;

#[derive(Clone)]
struct Shared(&'static str);

fn extractors() -> Router {
    let inner = Router::new().route(
        "/{id}",
        get(async |uri: Uri, OriginalUri(whole): OriginalUri| {
            format!("{} of {}", target(&uri), target(&whole))
        }),
    );
    Router::new()
        .route("/state", get(async |State(Shared(name)): State<Shared>| name))
        .route("/extension", get(async |Extension(name): Extension<&'static str>| name))
        .route("/path/{a}/{*rest}", get(async |Path((a, rest)): Path<(u8, String)>| format!("{a}, {rest}")))
        .route("/query", get(async |Query(query): Query<Map>| query["a"].clone()))
        .route("/json", post(async |Json(json): Json<HashMap<String, Vec<u8>>>| Json(json["a"].len())))
        .route("/form", post(async |Form(form): Form<Map>| form["a"].clone()))
        .route("/bytes", post(async |bytes: Bytes| bytes))
        .route("/multipart", post(parts))
        .route("/fields", get(async |fields: HeaderMap| fields["content-type"].to_str().unwrap().to_owned()))
        .route(
            "/client",
            get(async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.ip().is_loopback().to_string()),
        )
        .route("/method", any(async |method: Method| method.to_string()))
        .nest("/nest", inner)
        .layer(Extension("of a layer"))
        .with_state(Shared("of the router"))
}

/// By HTTP/2 there is a host before it.
fn target(uri: &Uri) -> &str {
    uri.path_and_query().unwrap().as_str()
}

async fn parts(mut parts: Multipart) -> String {
    let mut text = String::new();
    while let Some(part) = parts.next_field().await.unwrap() {
        text += &format!("{}={};", part.name().unwrap().to_owned(), part.text().await.unwrap());
    }
    text
}

#[test]
fn extractors_find_what_they_look_for() {
    const MULTIPART: &str = "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\none\r\n\
        --x\r\ncontent-disposition: form-data; name=\"b\"; filename=\"f\"\r\n\r\ntwo\r\n--x--\r\n";
    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";
    let cases = [
        ("GET", "/state", "", "", 200, "of the router"),
        ("GET", "/extension", "", "", 200, "of a layer"),
        ("GET", "/path/7/b%20c/d", "", "", 200, "7, b c/d"),
        ("GET", "/path/x/b", "", "", 400, "Invalid URL"),
        ("GET", "/query?a=%C3%A4&b", "", "", 200, "ä"),
        ("POST", "/json", JSON, r#"{"a":[1,2]}"#, 200, "2"),
        ("POST", "/json", JSON, "{", 400, "Failed to parse"),
        ("POST", "/json", "", "{}", 415, "Expected request with"),
        ("POST", "/form", FORM, "b=1&a=x+y", 200, "x y"),
        ("POST", "/bytes", "", "as they are", 200, "as they are"),
        ("POST", "/multipart", "multipart/form-data; boundary=x", MULTIPART, 200, "a=one;b=two;"),
        ("GET", "/fields", "text/x-here", "", 200, "text/x-here"),
        ("GET", "/client", "", "", 200, "true"),
        ("PATCH", "/method", "", "", 200, "PATCH"),
        ("GET", "/nest/7?q", "", "", 200, "/7?q of /nest/7?q"),
        ("GET", "/nothing", "", "", 404, ""),
        ("GET", "/bytes", "", "", 405, ""),
    ];
    everywhere(async |by, protocol| {
        let server = Server::start(by, extractors()).await;
        let mut client = server.connect(protocol).await;
        for (method, target, content_type, body, status, begin) in cases {
            let name = format!("{method} {target} by {by:?}, {protocol:?}");
            let request = Request::builder().method(method).uri(target).header("content-type", content_type);
            let (answered, text) = client.text(request, body).await;
            assert_eq!(answered, status, "{name}: {text}");
            assert!(text.starts_with(begin) && begin.is_empty() == text.is_empty(), "{name}: {text}");
        }
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_25_whole_target_is_there_below_a_nest_and_below_a_mount() {
    by_both(async |protocol| {
        let app = Mount::new().at("/outer", from_router(extractors())).unwrap();
        let server = Server::of(app).await;
        let mut client = server.connect(protocol).await;
        // axum sees its own part of the path: of the rest it knows nothing.
        let (_, text) = client.text(Request::get("/outer/nest/7?q"), "").await;
        assert_eq!(text, "/7?q of /nest/7?q");
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_11_bodies_stream_both_ways_at_the_same_time() {
    let echo = async |request: Request<Body>| Body::new(request.into_body());
    everywhere(async |by, protocol| {
        let server = Server::start(by, Router::new().route("/", post(echo))).await;
        let mut client = server.connect(protocol).await;
        let (feed, body) = fed();
        feed.send("first".into()).await.unwrap();
        let mut answer = client.begin(Request::post("/").body(body).unwrap()).await.unwrap().into_body();
        // Nothing waits for the end of anything.
        for text in ["first", "second", "third"] {
            if text != "first" {
                feed.send(text.into()).await.unwrap();
            }
            assert_eq!(block(&mut answer).await.unwrap(), text, "{by:?}, {protocol:?}");
        }
        drop(feed);
        assert_eq!(block(&mut answer).await, None);
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_69_server_sent_events_come_when_they_are_sent() {
    everywhere(async |by, protocol| {
        let (feed, events) = tokio::sync::mpsc::channel::<&str>(1);
        let events = Arc::new(tokio::sync::Mutex::new(Some(events)));
        let handler = async move || {
            let events = events.lock().await.take().unwrap();
            Sse::new(stream::unfold(events, async |mut events| {
                let event = Event::default().event("tick").data(events.recv().await?);
                Some((Ok::<_, Infallible>(event), events))
            }))
        };
        let server = Server::start(by, Router::new().route("/", get(handler))).await;
        let mut client = server.connect(protocol).await;
        // The head is there before there is an event.
        let answer = client.begin(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert!(!answer.headers().contains_key("content-length"));
        let mut answer = answer.into_body();
        for text in ["one", "two"] {
            feed.send(text).await.unwrap();
            let event = format!("event: tick\ndata: {text}\n\n");
            assert_eq!(block(&mut answer).await.unwrap(), event, "{by:?}, {protocol:?}");
        }
        drop(feed);
        assert_eq!(block(&mut answer).await, None);
        drop(client);
        server.stop().await;
    });
}

struct Refused;

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::CONFLICT, [("x-why", "taken")], "refused").into_response()
    }
}

#[test]
fn errors_redirects_and_fallbacks_are_answered_as_the_router_says() {
    everywhere(async |by, protocol| {
        let router = Router::new()
            .route("/error", get(async || Err::<(), _>(Refused)))
            .route("/old", get(async || Redirect::permanent("/new?a=b")))
            .route("/empty", get(async || StatusCode::NO_CONTENT))
            .route("/unchanged", get(async || (StatusCode::NOT_MODIFIED, [("etag", "\"1\"")])))
            .fallback(async |uri: Uri| (StatusCode::NOT_FOUND, format!("no {}", target(&uri))));
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        let cases = [
            ("/error", 409, Some(("x-why", "taken")), "refused"),
            ("/old", 308, Some(("location", "/new?a=b")), ""),
            ("/empty", 204, None, ""),
            ("/unchanged", 304, Some(("etag", "\"1\"")), ""),
        ];
        for (target, status, field, body) in cases {
            let answer = client.get(target).await;
            let name = format!("{target} by {by:?}, {protocol:?}");
            assert_eq!((answer.status().as_u16(), &answer.body()[..]), (status, body.as_bytes()), "{name}");
            if let Some((field, value)) = field {
                assert_eq!(answer.headers()[field], value, "{name}");
            }
            // By HTTP/2 axum's server has one.
            let has_length = answer.headers().contains_key("content-length");
            assert!(by == By::Axum || status != 204 || !has_length, "H-76: {name}");
        }
        let answer = client.text(Request::get("/else?x"), "").await;
        assert_eq!(answer, (404, "no /else?x".to_owned()));
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_75_head_has_the_fields_of_get_and_no_body() {
    everywhere(async |by, protocol| {
        let streamed = async || Body::from_stream(stream::iter(["a", "b"]).map(Ok::<_, Infallible>));
        let router = Router::new()
            .route("/known", get(async || "12345"))
            .route("/streamed", get(streamed))
            .route("/none", post(async || "posted"));
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        for (target, status, length) in
            [("/known", 200, Some("5")), ("/streamed", 200, None), ("/none", 405, None)]
        {
            let answer = client.send(Request::head(target), "").await;
            let name = format!("{target} by {by:?}, {protocol:?}");
            assert_eq!(answer.status(), status, "{name}");
            if status == 200 {
                let told = answer.headers().get("content-length").map(|length| length.to_str().unwrap());
                assert_eq!(told, length, "{name}");
            }
            assert!(answer.body().is_empty(), "{name}");
        }
        // The connection is good for what comes next.
        assert_eq!(client.get("/known").await.body(), "12345");
        drop(client);
        server.stop().await;
    });
}

const MIB: usize = 1024 * 1024;
const LARGE: usize = 100 * MIB;
/// What both ends of a socket may hold in the system, with the windows and buffers of HTTP.
const HELD: usize = 24 * MIB;

/// Makes a large body, and counts how far it is ahead of who consumes it.
fn large(ahead: &Arc<Ahead>) -> Body {
    let ahead = ahead.clone();
    let blocks = stream::iter(0..LARGE / BLOCK.len()).map(move |_| {
        ahead.made.fetch_add(BLOCK.len(), Ordering::SeqCst);
        let open = ahead.made.load(Ordering::SeqCst) - ahead.taken.load(Ordering::SeqCst);
        ahead.most.fetch_max(open, Ordering::SeqCst);
        Ok::<_, Infallible>(Bytes::from_static(BLOCK))
    });
    Body::from_stream(blocks)
}

const BLOCK: &[u8] = &[b'x'; 64 * 1024];

#[derive(Default)]
struct Ahead {
    made: AtomicUsize,
    taken: AtomicUsize,
    most: AtomicUsize,
}

impl Ahead {
    /// Consumes a body.
    async fn consume<B: http_body::Body<Data = Bytes> + Unpin>(&self, mut body: B) -> usize
    where
        B::Error: std::fmt::Debug,
    {
        let mut len = 0;
        while let Some(frame) = body.frame().await {
            let block = frame.unwrap().into_data().unwrap();
            len += block.len();
            self.taken.fetch_add(block.len(), Ordering::SeqCst);
        }
        len
    }
}

#[test]
fn a_11_hundred_mebibytes_up_and_down_are_never_kept() {
    everywhere(async |by, protocol| {
        let (up, down) = (Arc::new(Ahead::default()), Arc::new(Ahead::default()));
        let (received, sends) = (up.clone(), down.clone());
        let router = Router::new()
            .route("/up", post(async move |body: Body| received.consume(body).await.to_string()))
            .route("/down", get(async move || large(&sends)));
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        let (_, text) = client.text(Request::post("/up"), large(&up)).await;
        assert_eq!(text, LARGE.to_string(), "{by:?}, {protocol:?}");
        let answer = client.begin(Request::get("/down").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(down.consume(answer.into_body()).await, LARGE, "{by:?}, {protocol:?}");
        for (way, ahead) in [("up", up), ("down", down)] {
            let most = ahead.most.load(Ordering::SeqCst);
            assert!(most < HELD, "{way} by {by:?}, {protocol:?}: {most} octets were under way");
        }
        drop(client);
        server.stop().await;
    });
}

#[expect(clippy::needless_pass_by_value, reason = "applications take what the interface hands them")]
fn blocking(
    environ: wsgi::Environ,
    start_response: &mut dyn wsgi::StartResponse,
) -> Result<wsgi::Body, Error> {
    let part = |key| environ.get(key).map(|value| value.latin1().into_owned()).unwrap_or_default();
    start_response.text(200, format!("{} {}", part("SCRIPT_NAME"), part("PATH_INFO")).into())
}

#[test]
fn a_147_router_is_mounted_beside_a_synchronous_application() {
    by_both(async |protocol: Protocol| {
        let router = Router::new()
            .route("/", get(async || "root of the router"))
            .route("/{id}", get(async |Path(id): Path<String>| id));
        let app = Mount::new()
            .at("/api", from_router(router))
            .unwrap()
            .at("/", gateway_hyper::wsgi(blocking).unwrap())
            .unwrap();
        let server = Server::of(app).await;
        let mut client = server.connect(protocol).await;
        let cases = [
            ("/api/x%20y?q", "x y"),
            ("/api/", "root of the router"),
            ("/api", "root of the router"),
            ("/apis", " /apis"),
            ("/", " /"),
        ];
        for (target, expected) in cases {
            assert_eq!(client.text(Request::get(target), "").await, (200, expected.to_owned()), "{target}");
        }
        drop(client);
        server.stop().await;
    });
}

#[test]
fn extractors_may_read_the_body_of_a_request_by_hand() {
    everywhere(async |by, protocol| {
        let handler = async |request: Request<Body>| request.extract::<String, _>().await;
        let server = Server::start(by, Router::new().route("/", post(handler))).await;
        let mut client = server.connect(protocol).await;
        let too_large = vec![b'x'; 3 * MIB];
        assert_eq!(client.text(Request::post("/"), "by hand").await, (200, "by hand".to_owned()));
        // axum's own limit.
        let (status, _) = client.text(Request::post("/"), too_large).await;
        assert_eq!(status, 413, "{by:?}, {protocol:?}");
        drop(client);
        server.stop().await;
    });
}
