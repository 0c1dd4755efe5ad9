//! axum's routers, with all that they are used for, on our server as under `axum::serve`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Extension, Form, Json, Multipart, OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use futures_util::{StreamExt, stream};
use gateway_iface::middleware::Mount;
use gateway_iface::{Error, wsgi};
use tower_http::catch_panic::CatchPanicLayer;

use crate::support::{By, Protocol, Server, by_both, everywhere, from_router};

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
fn a_147_router_below_a_mount_sees_its_part_of_the_path_and_the_whole() {
    by_both(async |protocol| {
        let app = Mount::new().at("/outer", from_router(extractors())).unwrap();
        let server = Server::of(app).await;
        let mut client = server.connect(protocol).await;
        let answer = client.text(Request::get("/outer/nest/7?q"), "").await;
        assert_eq!(answer, (200, "/7?q of /outer/nest/7?q".to_owned()));
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
fn a_104_panic_of_a_handler_costs_its_own_request_only() {
    everywhere(async |by, protocol| {
        let panics = async || -> &str { panic!("on purpose") };
        let caught = Router::new().route("/caught", get(panics)).layer(CatchPanicLayer::new());
        let router =
            Router::new().route("/panics", get(panics)).route("/fine", get(async || "fine")).merge(caught);
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        let caught = client.text(Request::get("/caught"), "").await;
        assert_eq!(caught, (500, "Service panicked".to_owned()), "{by:?}, {protocol:?}");
        let answer = client.begin(Request::get("/panics").body(Body::empty()).unwrap()).await;
        match by {
            By::Us => assert_eq!(answer.unwrap().status(), 500),
            By::Axum => assert!(answer.is_err(), "its connection is gone"),
        }
        let mut client = server.connect(protocol).await;
        assert_eq!(client.get("/fine").await.body(), "fine", "{by:?}, {protocol:?}");
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
