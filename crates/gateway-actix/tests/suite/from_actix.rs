//! Requests and responses of actix-web handlers.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::http::{StatusCode as ActixStatus, header};
use actix_web::{App, HttpMessage, HttpRequest, HttpResponse, Responder, error, web};
use gateway_actix::FromActix;
use gateway_iface::futures_core::Stream;
use gateway_iface::http::{Extensions, HeaderMap, Request, StatusCode};
use gateway_iface::{Connection, RemoteUser, RequestHead};

use crate::support::{client, lenient, run};

fn of(configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static) -> FromActix {
    FromActix::new(move || App::new().configure(configure.clone())).with_threads(2)
}

#[test]
fn handlers_have_their_state_and_extractors() {
    run(async || {
        async fn hello(
            greeting: web::Data<String>,
            name: web::Path<String>,
            query: web::Query<Vec<(String, String)>>,
            body: String,
        ) -> impl Responder {
            format!("{} {name} {:?} {body}", **greeting, query.0)
        }
        let greeting = web::Data::new("hello".to_owned());
        let app = FromActix::new(move || {
            App::new().app_data(greeting.clone()).route("/{name}", web::post().to(hello))
        });
        let response = client(app).request(Request::post("/ad%61?x=1").body("body").unwrap()).await.unwrap();
        assert_eq!(response.text(), r#"hello ada [("x", "1")] body"#);
    });
}

#[test]
fn a_26_a_27_fields_go_both_ways_with_repeated_ones_in_order() {
    run(async || {
        let app = of(|config| {
            config.default_service(web::to(|request: HttpRequest| async move {
                let mut response = HttpResponse::Ok();
                for value in request.headers().get_all("x-in") {
                    response.append_header(("x-out", value.clone()));
                }
                response
                    .append_header((header::SET_COOKIE, "a=1"))
                    .append_header((header::SET_COOKIE, "b=2"));
                response.finish()
            }));
        });
        let values: [&[u8]; 3] = [b"2", b"1", b"\xff"];
        let mut request = Request::get("/").body("").unwrap();
        for value in values {
            request.headers_mut().append("x-in", value.try_into().unwrap());
        }
        let response = client(app).request(request).await.unwrap();
        let all = |name| response.headers().get_all(name).iter().map(|value| value.as_bytes().to_vec());
        assert!(all("x-out").eq(values));
        assert!(all("set-cookie").eq([b"a=1", b"b=2"]));
    });
}

#[test]
fn length_of_a_body_is_what_actix_makes_it() {
    run(async || {
        let app = of(|config| {
            let stream = || async {
                let blocks = ["one", "two"].map(|block| Ok::<_, error::Error>(web::Bytes::from(block)));
                HttpResponse::Ok().streaming(Blocks(blocks.into_iter()))
            };
            config
                .route("/sized", web::to(|| async { "sized" }))
                .route("/stream", web::to(stream))
                .route("/none", web::to(|| async { HttpResponse::NoContent().finish() }))
                .route(
                    "/same",
                    web::to(|| async {
                        HttpResponse::NotModified().insert_header(("content-length", "7")).finish()
                    }),
                );
        });
        let client = lenient(app);
        for (method, path, length, body) in [
            ("GET", "/sized", Some("5"), "sized"),
            ("HEAD", "/sized", Some("5"), ""),
            ("GET", "/stream", None, "onetwo"),
            ("HEAD", "/stream", None, ""),
            ("GET", "/none", None, ""),
            ("GET", "/same", Some("7"), ""),
        ] {
            let request = Request::builder().method(method).uri(path).body("").unwrap();
            let response = client.request(request).await.unwrap();
            let seen = response.headers().get("content-length").map(|length| length.to_str().unwrap());
            assert_eq!((seen, &*response.text()), (length, body), "{method} {path}");
        }
    });
}

struct Blocks<I>(I);

impl<I: Iterator + Unpin> Stream for Blocks<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

#[test]
fn a_30_a_147_client_mount_user_and_extensions_reach_the_handler() {
    #[derive(Clone)]
    struct Mark(&'static str);

    async fn tell(request: HttpRequest) -> String {
        let scheme = request.connection_info().scheme().to_owned();
        let extensions = request.extensions();
        let mark = extensions.get::<Extensions>().and_then(|theirs| theirs.get::<Mark>());
        let user = extensions.get::<RemoteUser>();
        format!(
            "{:?} {:?} {:?} {} {} {scheme}",
            request.peer_addr().map(|addr| addr.to_string()),
            mark.map(|mark| mark.0),
            user.map(RemoteUser::name),
            request.path(),
            request.query_string(),
        )
    }
    run(async || {
        let app = of(|config| {
            config.route("/below", web::get().to(tell));
        });
        let client = client(app);
        let request = Request::get("/app/below?q").header("host", "example.org").extension(Mark("mark"));
        let mut head = RequestHead::new(request.body(()).unwrap().into_parts().0);
        head.mount("/app".len()).unwrap();
        head.set_user(Some(RemoteUser::new("ada", "Basic")));
        *head.connection_mut() = Connection::new().with_client(([192, 0, 2, 1], 5).into()).with_secure(true);
        let mut exchange = client.begin(head);
        exchange.feed("", false);
        let told = exchange.response().await.text().into_owned();
        assert_eq!(told, r#"Some("192.0.2.1:5") Some("mark") Some("ada") /below q https"#);
    });
}

#[test]
fn errors_of_handlers_and_of_the_router_are_their_responses() {
    run(async || {
        let client = client(of(|config| {
            let teapot =
                || async { Err::<&str, _>(error::InternalError::new("short", ActixStatus::IM_A_TEAPOT)) };
            config.route("/teapot", web::get().to(teapot));
        }));
        for (method, path, status, text) in
            [("GET", "/teapot", 418, "short"), ("POST", "/teapot", 404, ""), ("GET", "/none", 404, "")]
        {
            let request = Request::builder().method(method).uri(path).body("").unwrap();
            let response = client.request(request).await.unwrap();
            assert_eq!((response.status().as_u16(), &*response.text()), (status, text), "{method} {path}");
        }
    });
}

#[test]
fn a_104_panic_is_answered_with_500_and_costs_its_own_request_only() {
    run(async || {
        let app = of(|config| {
            let panics = async || -> &'static str { panic!("on purpose") };
            config.route("/panics", web::to(panics)).route("/", web::to(|| async { "well" }));
        });
        let client = client(app.with_threads(1));
        for _ in 0..3 {
            let response = client.request(Request::get("/panics").body("").unwrap()).await;
            let response = response.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert!(response.error().unwrap().to_string().contains("on purpose"));
            assert_eq!(client.request(Request::get("/").body("").unwrap()).await.unwrap().text(), "well");
        }
    });
}

#[test]
fn a_106_body_that_fails_is_an_error_of_the_call() {
    run(async || {
        let app = of(|config| {
            config.default_service(web::to(|| async {
                let blocks = [Ok(web::Bytes::from("one")), Err(error::ErrorBadGateway("broken"))];
                HttpResponse::Ok().streaming(Blocks(blocks.into_iter()))
            }));
        });
        let error = client(app).request(Request::get("/").body("").unwrap()).await.unwrap_err();
        assert_eq!(error.to_string(), "broken");
    });
}

#[test]
fn a_26_every_octet_that_a_value_may_have_goes_through() {
    run(async || {
        let client = client(of(|config| {
            config.default_service(web::to(|request: HttpRequest| async move {
                request.headers().iter().count().to_string()
            }));
        }));
        let mut headers = HeaderMap::new();
        for octet in (0x20..=0xff_u8).filter(|&octet| octet != 0x7f) {
            headers.append("x-any", [b'a', octet, b'z'].as_slice().try_into().unwrap());
        }
        let count = headers.len();
        let mut request = Request::get("/").body("").unwrap();
        *request.headers_mut() = headers;
        assert_eq!(client.request(request).await.unwrap().text(), count.to_string());
    });
}
