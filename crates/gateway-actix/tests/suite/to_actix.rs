//! Applications among the services of actix-web.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
use actix_web::{App, HttpMessage, HttpResponse, body, web};
use gateway_actix::{BlockingPool, ToActix, with_lifespan};
use gateway_iface::adapter::{Failed, Origin};
use gateway_iface::asgi::{self, State};
use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::http::{Extensions, HeaderMap};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{BoxError, Connection, Error, RemoteUser};

use crate::support::{actix, by_actix};

/// Tells where it is mounted, and what it was asked for.
async fn places(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let head = scope.head();
    let text = format!("{} | {} | {}", head.root_path(), head.path_info(), head.query_string());
    Ok(send.text(200, text).await?)
}

async fn get(
    app: &impl Service<actix_http::Request, Response = ServiceResponse, Error = actix_web::Error>,
    path: &str,
) -> String {
    let octets = call_and_read_body(app, TestRequest::with_uri(path).to_request()).await;
    String::from_utf8(octets.to_vec()).unwrap()
}

#[actix_web::test]
async fn a_147_application_is_mounted_where_the_router_left_off() {
    let service = ToActix::new(places);
    let app = init_service(
        App::new()
            .service(web::scope("/scope/{tenant}").default_service(service.clone()))
            .service(web::scope("/inner").service(web::scope("/deep").service(service.clone())))
            .route("/route/{tail:.*}", web::route().service(service.clone()))
            .default_service(service),
    )
    .await;
    for (target, seen) in [
        ("/", " | / | "),
        ("/a/b%2Fc?q=1", " | /a/b%2Fc | q=1"),
        ("/scope/%61cme/x/y?q", "/scope/%61cme | /x/y | q"),
        ("/scope/acme", "/scope/acme |  | "),
        ("/scope/acme/", "/scope/acme | / | "),
        ("/inner/deep/x", "/inner/deep | /x | "),
        ("/inner/deep", "/inner/deep |  | "),
        // A resource takes the whole path.
        ("/route/a/b", "/route/a/b |  | "),
        ("/route/", "/route | / | "),
    ] {
        assert_eq!(get(&app, target).await, seen, "{target}");
    }
}

#[actix_web::test]
async fn services_before_it_are_asked_first_with_their_state() {
    let app = init_service(
        App::new()
            .app_data(web::Data::new(7_u8))
            .route("/own", web::get().to(|number: web::Data<u8>| async move { number.to_string() }))
            .service(ToActix::new(places)),
    )
    .await;
    assert_eq!(get(&app, "/own").await, "7");
    assert_eq!(get(&app, "/other").await, " | /other | ");
}

#[actix_web::test]
async fn a_30_a_117_w_42_origin_state_user_and_extensions_reach_the_application() {
    #[derive(Clone)]
    struct Mark(&'static str);

    let seen = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let scope = scope.into_http()?;
        let head = scope.head();
        let text = format!(
            "{:?} {} {} {:?} {:?} {:?} {}",
            head.client().map(|client| client.to_string()),
            head.is_secure(),
            head.root_path(),
            head.user().map(RemoteUser::name),
            head.state().and_then(|state| state.get::<&str>()),
            head.extensions().get::<Mark>().map(|mark| mark.0),
            head.capabilities().iter().count(),
        );
        Ok::<(), Error>(send.text(200, text).await?)
    };
    let mut state = State::new();
    state.insert("pool");
    let app = App::new().default_service(ToActix::new(seen).with_state(state));
    let app = init_service(app).await;
    let request = || TestRequest::with_uri("/x").peer_addr(([192, 0, 2, 1], 5).into()).to_request();

    let plain = call_and_read_body(&app, request()).await;
    assert_eq!(plain, r#"Some("192.0.2.1:5") false  None Some("pool") None 0"#);

    let with = request();
    let connection = Connection::new().with_client(([192, 0, 2, 2], 6).into()).with_secure(true);
    let mut extensions = Extensions::new();
    extensions.insert(Origin::new(connection).with_target("/app/x".parse().unwrap()));
    extensions.insert(Mark("mark"));
    with.extensions_mut().insert(extensions);
    with.extensions_mut().insert(RemoteUser::new("ada", "Basic"));
    let told = call_and_read_body(&app, with).await;
    assert_eq!(told, r#"Some("192.0.2.2:6") true /app Some("ada") Some("pool") Some("mark") 0"#);
}

#[actix_web::test]
async fn a_106_w_139_failed_call_is_answered_with_its_status_and_nothing_of_the_inside() {
    let fails = async |_: asgi::Scope, _: asgi::Receive, _: asgi::Send| {
        Err::<(), _>(Error::new("the inside").with_status(status(502)))
    };
    let app = init_service(App::new().default_service(ToActix::new(fails))).await;
    let response = call_service(&app, TestRequest::default().to_request()).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(response.response().extensions().get::<Failed>().unwrap().to_string(), "the inside");
    assert!(body::to_bytes(response.into_body()).await.unwrap().is_empty());
}

fn status(status: u16) -> http::StatusCode {
    http::StatusCode::from_u16(status).unwrap()
}

#[actix_web::test]
async fn a_149_synchronous_application_runs_on_threads_of_actix() {
    fn app(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        let mut text = String::new();
        Read::read_to_string(environ.input(), &mut text).map_err(Error::new)?;
        let name = std::thread::current().name().map(str::to_owned);
        start_response.start(status(200), HeaderMap::new())?;
        Ok(Body::from(format!("{text} on {name:?}")))
    }
    let service = ToActix::new(WsgiToAsgi::new(app, BlockingPool::new()));
    let app = init_service(App::new().default_service(service)).await;
    let request = TestRequest::post().set_payload("read").to_request();
    let told = call_and_read_body(&app, request).await;
    let own = std::thread::current().name().map(str::to_owned);
    assert!(told.starts_with(b"read on "), "{told:?}");
    assert!(!told.ends_with(format!("{own:?}").as_bytes()), "{told:?}");
}

#[actix_web::test]
async fn more_fields_than_a_map_holds_are_refused_and_many_values_are_not() {
    let app = init_service(App::new().default_service(ToActix::new(places))).await;
    let mut values = TestRequest::default().to_request();
    let mut names = TestRequest::default().to_request();
    for number in 0..25_000 {
        let value = HeaderValue::from_static("v");
        values.headers_mut().append(HeaderName::from_static("x-same"), value.clone());
        names.headers_mut().append(format!("x-{number}").parse().unwrap(), value);
    }
    assert_eq!(call_service(&app, values).await.status(), StatusCode::OK);
    assert_eq!(call_service(&app, names).await.status(), StatusCode::BAD_REQUEST);
}

#[test]
fn a_06_call_goes_on_when_the_server_has_ended_with_timers_of_its_own() {
    let (tell, told) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let (tell, begun) = (tell.clone(), begun.clone());
        async move {
            scope.into_http()?;
            send.text(200, "sent").await?;
            let mut sleep = Box::pin(tokio::time::sleep(Duration::from_millis(1)));
            (&mut sleep).await;
            sleep.as_mut().reset(tokio::time::Instant::now() + Duration::from_millis(300));
            begun.send(()).unwrap();
            sleep.await;
            tell.send("cleaned up").unwrap();
            Ok::<(), Error>(())
        }
    };
    let (addr, stop) = by_actix(app).unwrap();
    let mut client = TcpStream::connect(addr).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("sent"), "{answer}");
    begins.recv_timeout(Duration::from_secs(30)).unwrap();
    stop().unwrap();
    assert_eq!(told.try_recv(), Ok("cleaned up"));
}

#[test]
fn s_59_open_sockets_are_closed_when_they_are_told_that_the_server_stops() {
    let waits = async |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
        scope.into_websocket()?;
        send.send(asgi::event::Accept::new()).await?;
        receive.disconnected().await;
        Ok::<(), Error>(())
    };
    let (tell, told) = mpsc::channel();
    let (addr, stop) = actix(waits, move |config, service| {
        let _ = tell.send(service.clone());
        config.default_service(service);
    })
    .unwrap();
    let mut client = TcpStream::connect(addr).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n").unwrap();
    client
        .write_all(b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        .unwrap();
    let mut octets = Vec::new();
    while !octets.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        client.read_exact(&mut octet).unwrap();
        octets.extend(octet);
    }
    assert!(octets.starts_with(b"HTTP/1.1 101"));
    told.recv().unwrap().shut_down();
    let mut close = [0; 4];
    client.read_exact(&mut close).unwrap();
    assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, 1001));
    drop(client);
    stop().unwrap();
}

#[test]
fn body_beside_an_upgrade_is_as_long_as_it_says() {
    let reads = async |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
        scope.into_http()?;
        let body = receive.body(100).await?;
        Ok::<(), Error>(send.text(200, format!("read {}", String::from_utf8_lossy(&body))).await?)
    };
    let (addr, stop) = by_actix(reads).unwrap();
    for (length, read) in [("", "read "), ("content-length: 4\r\n", "read body")] {
        let mut client = TcpStream::connect(addr).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = "POST / HTTP/1.0\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n";
        client.write_all(format!("{head}{length}\r\nbody and more").as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with(read), "{answer}");
    }
    stop().unwrap();
}

#[actix_web::test]
async fn h_19_a_19_head_that_http_does_not_allow_is_refused_with_400() {
    let app = init_service(App::new().default_service(ToActix::new(places))).await;
    let lower = TestRequest::default().method("get".parse().unwrap()).insert_header(("host", "a"));
    let list = TestRequest::default().insert_header(("host", "a, b"));
    for request in [lower, list] {
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(response.response().head().connection_type() == actix_http::ConnectionType::Close);
    }
}

#[actix_web::test]
async fn a_108_a_112_lifespan_is_around_serving() {
    let steps = Arc::<AtomicUsize>::default();
    let counted = steps.clone();
    let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
        let steps = counted.clone();
        async move {
            let lifespan = scope.into_lifespan()?;
            let state = lifespan.state().clone();
            let begin = steps.clone();
            let startup = async move {
                begin.store(1, Ordering::SeqCst);
                state.insert("pool");
                Ok(())
            };
            let shutdown = async move {
                assert_eq!(steps.swap(3, Ordering::SeqCst), 2);
                Ok(())
            };
            lifespan.run(receive, send, startup, shutdown).await
        }
    };
    let serving = steps.clone();
    let served = with_lifespan(app, async |_| {
        assert_eq!(serving.swap(2, Ordering::SeqCst), 1);
        Ok::<_, BoxError>("served")
    });
    assert_eq!(served.await.unwrap(), "served");
    assert_eq!(steps.load(Ordering::SeqCst), 3);
}

#[actix_web::test]
async fn a_110_a_111_startup_that_failed_is_not_served_and_one_that_is_not_known_is() {
    let fails = async |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
        let fails = async { Err(Error::new("no database")) };
        scope.into_lifespan()?.run(receive, send, fails, async { Ok(()) }).await
    };
    let error =
        with_lifespan(fails, async |_| -> Result<(), BoxError> { panic!("served") }).await.unwrap_err();
    assert_eq!(error.to_string(), "the application failed: no database");
    with_lifespan(places, async |_| Ok::<_, BoxError>(())).await.unwrap();
}

#[actix_web::test]
async fn h_86_empty_blocks_do_not_end_a_body() {
    let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        scope.into_http()?;
        send.start(status(200), HeaderMap::new()).await?;
        for block in ["", "one", "", "two"] {
            send.block(block).await?;
        }
        Ok::<(), Error>(send.last("").await?)
    };
    let app = init_service(App::new().default_service(ToActix::new(app))).await;
    let response = call_service(&app, TestRequest::default().to_request()).await;
    let mut blocks = Vec::new();
    let mut body = std::pin::pin!(response.into_body());
    while let Some(block) = std::future::poll_fn(|cx| body::MessageBody::poll_next(body.as_mut(), cx)).await {
        blocks.push(block.unwrap());
    }
    assert_eq!(blocks, ["one", "two"]);
}

#[actix_web::test]
async fn other_services_go_on_when_the_application_waits() {
    let waits = async |scope: asgi::Scope, mut receive: asgi::Receive, _: asgi::Send| {
        scope.into_http()?;
        receive.disconnected().await;
        Ok::<(), Error>(())
    };
    let app = init_service(
        App::new().route("/own", web::get().to(HttpResponse::Ok)).default_service(ToActix::new(waits)),
    )
    .await;
    let waiting = call_service(&app, TestRequest::with_uri("/waits").to_request());
    let own = call_service(&app, TestRequest::with_uri("/own").to_request());
    tokio::select! {
        biased;
        _ = waiting => panic!("it does not wait"),
        own = own => assert_eq!(own.status(), StatusCode::OK),
    }
}
