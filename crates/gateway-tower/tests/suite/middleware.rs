//! Our middleware around axum's routers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Extension};
use axum::http::{HeaderMap, HeaderValue, Request, Uri, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use gateway_iface::RemoteUser;
use gateway_iface::middleware::{
    AccessLog, BasicAuth, BodyLimit, CookieJar, Cookies, Counter, Mount, PathGuard, ProxyHeaders, Timeout,
    Users, Wrap,
};

use crate::support::{Server, by_both, from_router};

/// A router whose handlers tell what middleware left for them.
fn router() -> Router {
    let fields = async |fields: HeaderMap| {
        let jar = CookieJar::of_headers(&fields).get("a").unwrap_or_default().to_owned();
        ([(header::SET_COOKIE, "b=2")], jar)
    };
    Router::new()
        .route("/user", get(async |Extension(user): Extension<RemoteUser>| user.name().to_owned()))
        .route("/cookie", get(fields))
        .route("/client", get(async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.ip().to_string()))
        .route("/echo", post(async |body: Bytes| body))
        .route("/waits", get(std::future::pending::<()>))
        .route("/json", get(async || Json([1, 2])))
        .fallback(async |uri: Uri| uri.path().to_owned())
}

#[test]
fn our_middleware_works_around_a_router() {
    by_both(async |protocol| {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let told = lines.clone();
        let app = from_router(router())
            .wrap(Cookies::new)
            .wrap(|app| BasicAuth::new(app, Users::new().with("ada", "lovelace")))
            .wrap(|app| PathGuard::deny(app).prefix("/admin"))
            .wrap(|app| BodyLimit::new(app, 10))
            .wrap(|app| Timeout::new(app, Duration::from_millis(500), tokio::time::sleep))
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
