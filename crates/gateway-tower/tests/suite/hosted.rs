//! Our applications in axum's routers, under `axum::serve` as behind our adapters: what they are told, and by whom they
//! are held.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use futures_util::FutureExt;
use gateway_hyper::Pool;
use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::{Error, asgi, wsgi};
use gateway_tower::ToTower;
use http_body_util::BodyExt;
use tokio::sync::{Notify, mpsc};

use crate::support::{By, Server, block, everywhere, fed};

/// Tells where it is, and who asks.
async fn whereabouts(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let head = request.head();
    let client = head.client().map(|client| client.ip().is_loopback());
    let text = format!("{:?} {:?} {client:?}", head.root_path(), request.path_info());
    Ok(send.text(200, text).await?)
}

/// The same, for a thread that may block, with the body of the request.
fn blocking(
    mut environ: wsgi::Environ,
    start_response: &mut dyn wsgi::StartResponse,
) -> Result<wsgi::Body, Error> {
    let body = environ.input().read_all(1024)?;
    let part = |key| environ.get(key).map(|value| value.latin1().into_owned()).unwrap_or_default();
    let text = format!("{:?} {:?} {}", part("SCRIPT_NAME"), part("PATH_INFO"), body.len());
    start_response.text(200, text.into())
}

#[test]
fn a_25_a_30_applications_in_a_router_know_where_they_are_and_who_asks() {
    everywhere(async |by, protocol| {
        let ours = ToTower::new(whereabouts).with_origin(gateway_tower::axum::origin);
        let blocking = WsgiToAsgi::new(blocking, Pool::new(2, 8).unwrap());
        let blocking = ToTower::new(blocking).with_origin(gateway_tower::axum::origin);
        let inner = Router::new().nest_service("/deeper", ours.clone());
        let router = Router::new()
            .route("/own", get(async || "the router's own"))
            .route_service("/route/{id}", ours.clone())
            .nest_service("/asgi", ours.clone())
            .nest_service("/wsgi", blocking)
            .nest("/nest", inner)
            .fallback_service(ours);
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        let cases = [
            ("GET", "/own", "", "the router's own"),
            ("GET", "/route/a%20b", "", r#""" "/route/a%20b" Some(true)"#),
            ("GET", "/asgi", "", r#""/asgi" "" Some(true)"#),
            ("GET", "/asgi/x%20y?q", "", r#""/asgi" "/x%20y" Some(true)"#),
            ("GET", "/nest/deeper/x", "", r#""/nest/deeper" "/x" Some(true)"#),
            ("POST", "/wsgi/x%20y", "four", r#""/wsgi" "/x y" 4"#),
            ("GET", "/else", "", r#""" "/else" Some(true)"#),
        ];
        for (method, target, body, text) in cases {
            let request = Request::builder().method(method).uri(target);
            let answer = client.text(request, body).await;
            assert_eq!(answer, (200, text.to_owned()), "{target} by {by:?}, {protocol:?}");
        }
        drop(client);
        server.stop().await;
    });
}

type Told = mpsc::UnboundedReceiver<String>;

/// An application that does as its path says, and tells of it.
fn telling(go: &Arc<Notify>) -> (ToTower<impl asgi::Application + use<>>, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    let go = go.clone();
    let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
        let (tell, go) = (tell.clone(), go.clone());
        async move {
            match scope.into_http()?.path_info() {
                "/waits" => {}
                "/streams" => {
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    send.block("first").await?;
                }
                "/reads" => {
                    while let Ok(Some(_)) = receive.block().await {
                        tell.send("begun".to_owned())?;
                    }
                }
                "/fills" => {
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    // Not without end: where nothing holds it, it would never let others run.
                    for _ in 0..2 * HELD {
                        if send.block(vec![b'x'; BLOCK]).await.is_err() {
                            break;
                        }
                        tell.send("block".to_owned())?;
                    }
                }
                "/late" => {
                    tell.send("begun".to_owned())?;
                    go.notified().await;
                    return Ok(send.text(200, "late").await?);
                }
                path => {
                    send.text(200, path.to_owned()).await?;
                    go.notified().await;
                    tell.send("went on".to_owned())?;
                    return Ok(());
                }
            }
            tell.send("begun".to_owned())?;
            tell.send(format!("{:?}", receive.disconnected().await))?;
            tell.send(format!("{}", send.block("late").await.is_err()))?;
            Ok::<(), Error>(())
        }
    };
    (ToTower::new(app), told)
}

#[test]
fn a_95_application_in_a_router_learns_that_its_client_left() {
    everywhere(async |by, protocol| {
        for target in ["/waits", "/streams", "/reads"] {
            let name = format!("{target} by {by:?}, {protocol:?}");
            let (service, mut told) = telling(&Arc::default());
            let server = Server::start(by, Router::new().fallback_service(service.clone())).await;
            let mut client = server.connect(protocol).await;
            let (feed, body) = fed();
            feed.send("some".into()).await.unwrap();
            let body = if target == "/reads" { body } else { Body::empty() };
            let asking = tokio::spawn(async move {
                let request = Request::post(target).body(body).unwrap();
                let mut answer = client.begin(request).await.unwrap().into_body();
                drop(answer.frame().await);
                std::future::pending::<()>().await;
            });
            assert_eq!(told.recv().await.unwrap(), "begun", "{name}");
            asking.abort();
            let mut next = told.recv().await.unwrap();
            while next == "begun" {
                next = told.recv().await.unwrap();
            }
            assert_eq!(next, "Client", "{name}");
            assert_eq!(told.recv().await.unwrap(), "true", "A-95, its send fails: {name}");
            service.finished().await;
            drop(feed);
            server.stop().await;
        }
    });
}

const BLOCK: usize = 16 * 1024;
/// What both ends of a socket may hold in the system, with the windows and buffers of HTTP.
const HELD: usize = 24 * 1024 * 1024 / BLOCK;

#[test]
fn a_11_application_in_a_router_waits_for_a_client_that_does_not_read() {
    everywhere(async |by, protocol| {
        let name = format!("{by:?}, {protocol:?}");
        let (service, mut told) = telling(&Arc::default());
        let server = Server::start(by, Router::new().fallback_service(service.clone())).await;
        let mut client = server.connect(protocol).await;
        let request = Request::get("/fills").body(Body::empty()).unwrap();
        let mut answer = client.begin(request).await.unwrap().into_body();
        let mut count = 0;
        let pause = std::time::Duration::from_millis(100);
        while let Ok(Some(_)) = tokio::time::timeout(pause, told.recv()).await {
            count += 1;
            assert!(count < HELD, "{name}: nothing holds it");
        }
        // It goes on when the client reads on, until that leaves.
        for _ in 0..count + 10 {
            block(&mut answer).await.unwrap();
        }
        assert_eq!(told.recv().await.unwrap(), "block", "{name}");
        drop((answer, client));
        while told.recv().await.unwrap() != "begun" {}
        assert_eq!(told.recv().await.unwrap(), "Client", "{name}");
        service.finished().await;
        server.stop().await;
    });
}

#[test]
fn a_06_application_in_a_router_goes_on_after_its_response_and_is_waited_for() {
    everywhere(async |by, protocol| {
        let go = Arc::new(Notify::new());
        let (service, mut told) = telling(&go);
        let server = Server::start(by, Router::new().fallback_service(service.clone())).await;
        let mut client = server.connect(protocol).await;
        assert_eq!(client.text(Request::get("/done"), "").await, (200, "/done".to_owned()));
        drop(client);
        if by == By::Axum {
            server.stop().await;
        } else {
            // Our server would wait for it, too.
            drop(server.shut_down());
        }
        let finished = service.finished();
        tokio::pin!(finished);
        assert!(finished.as_mut().now_or_never().is_none(), "{by:?}, {protocol:?}");
        assert!(told.is_empty());
        go.notify_one();
        finished.await;
        assert_eq!(told.recv().await.unwrap(), "went on", "{by:?}, {protocol:?}");
    });
}

#[test]
fn application_in_a_router_that_is_under_way_when_the_server_stops_finishes() {
    everywhere(async |by, protocol| {
        let go = Arc::new(Notify::new());
        let (service, mut told) = telling(&go);
        let server = Server::start(by, Router::new().fallback_service(service)).await;
        let mut client = server.connect(protocol).await;
        let asking = tokio::spawn(async move { client.text(Request::get("/late"), "").await });
        assert_eq!(told.recv().await.unwrap(), "begun");
        let stopped = server.stop_accepting().await;
        assert!(!stopped.is_finished());
        go.notify_one();
        assert_eq!(asking.await.unwrap(), (200, "late".to_owned()), "{by:?}, {protocol:?}");
        stopped.await.unwrap().unwrap();
    });
}
