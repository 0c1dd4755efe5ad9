//! Our applications as handlers of `lambda_http`, called as its runtime does.

use axum::Json;
use axum::response::IntoResponse;
use gateway_hyper::Pool;
use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::{Error, asgi, wsgi};
use gateway_tower::ToTower;
use http_body_util::BodyExt;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent};
use tower::{Service, ServiceExt};

use crate::support::run;

const EVENT: &str = r#"{
    "version": "2.0", "routeKey": "$default", "rawPath": "/some/path", "rawQueryString": "a=b",
    "headers": {"host": "api.test", "content-type": "text/plain"},
    "requestContext": {
        "accountId": "1", "apiId": "api", "domainName": "api.test", "domainPrefix": "api",
        "http": {"method": "POST", "path": "/some/path", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "x"},
        "requestId": "id", "routeKey": "$default", "stage": "$default", "time": "", "timeEpoch": 1
    },
    "body": "aGVsbG8=", "isBase64Encoded": true
}"#;

/// What the runtime would send as the answer to the event.
async fn answer(app: impl asgi::Application + 'static) -> String {
    let service = ToTower::new(app);
    // The runtime takes it; what that does with it is done below, without the service that it asks for events.
    drop(lambda_http::run(service.clone()));
    let mut handler = Adapter::from(service.clone());
    let Json(event): Json<LambdaRequest> = Json::from_bytes(EVENT.as_bytes()).unwrap();
    let event = LambdaEvent::new(event, Context::default());
    let answer = handler.ready().await.unwrap().call(event).await.unwrap();
    // The process is frozen when the answer is out: what is left is waited for before.
    service.finished().await;
    let json = Json(answer).into_response().into_body().collect().await.unwrap();
    String::from_utf8(json.to_bytes().to_vec()).unwrap()
}

#[test]
fn asynchronous_application_is_a_handler() {
    async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        let request = scope.into_http()?;
        let stage = request.head().extensions().get::<lambda_http::request::RequestContext>().is_some();
        let body = receive.body(100).await?;
        let text = format!(
            "{} {} {:?} {} {stage}",
            request.method(),
            request.path_info(),
            request.query_string(),
            String::from_utf8_lossy(&body)
        );
        Ok(send.text(201, text).await?)
    }
    run(async {
        let answer = answer(app).await;
        assert!(answer.contains(r#""statusCode":201"#), "{answer}");
        assert!(answer.contains(r#"POST /some/path \"a=b\" hello true"#), "{answer}");
    });
}

#[test]
fn synchronous_application_is_a_handler() {
    fn app(
        mut environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        let body = environ.input().read_all(100)?;
        let method =
            environ.get("REQUEST_METHOD").map(|value| value.latin1().into_owned()).unwrap_or_default();
        start_response.text(200, format!("{method} {}", body.len()).into())
    }
    run(async {
        let answer = answer(WsgiToAsgi::new(app, Pool::new(1, 1).unwrap())).await;
        assert!(answer.contains("POST 5"), "{answer}");
    });
}

#[test]
fn a_106_application_that_fails_is_a_response_with_500() {
    async fn app(_: asgi::Scope, _: asgi::Receive, _: asgi::Send) -> Result<(), Error> {
        Err(Error::new("it fails"))
    }
    run(async {
        let answer = answer(app).await;
        assert!(answer.contains(r#""statusCode":500"#), "{answer}");
    });
}
