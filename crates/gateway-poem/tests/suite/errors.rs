//! Errors, both ways.

use std::io;
use std::sync::{Arc, Mutex};

use gateway_iface::asgi::{self, Application, LifespanError, LifespanExchange};
use gateway_iface::http::{self, HeaderMap, StatusCode};
use gateway_iface::testing::AsgiClient;
use gateway_iface::{Error, async_trait};
use gateway_poem::{ApplicationError, EndpointError, FromPoem, ToPoem};
use poem::endpoint::make;
use poem::error::{InternalServerError, NotFoundError};
use poem::{Endpoint, EndpointExt, Request};

/// What the inner application's call came to.
struct Ended<A> {
    inner: A,
    result: Arc<Mutex<Option<Result<(), Error>>>>,
}

#[async_trait]
impl<A: Application> Application for Ended<A> {
    async fn call(&self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
        *self.result.lock().unwrap() = Some(self.inner.call(scope, receive, send).await);
        Ok(())
    }
}

/// The answer of an application to a GET, of status 0 where it was broken off, and what its call came to.
async fn get(inner: impl Application) -> (u16, String, Result<(), Error>) {
    let result = Arc::default();
    let client = AsgiClient::new(Ended { inner, result: Arc::clone(&result) });
    let response = client.request(http::Request::get("/").body("").unwrap()).await;
    let result = result.lock().unwrap().take().unwrap();
    let (status, text) = response.map_or_else(
        |broken_off| (0, broken_off.to_string()),
        |response| (response.status().as_u16(), response.text().into_owned()),
    );
    (status, text, result)
}

#[derive(Debug, thiserror::Error)]
#[error("a secret of the inside")]
struct Secret;

async fn failing(scope: asgi::Scope, _: asgi::Receive, _: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    Err(Error::new(Secret).with_status(StatusCode::SERVICE_UNAVAILABLE))
}

async fn breaking_off(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    send.block("part").await?;
    Err(Error::new(Secret))
}

#[tokio::test]
async fn a_106_w_138_w_139_application_that_fails_is_answered_with_its_status_and_nothing_of_the_inside() {
    let response = ToPoem::new(failing).get_response(Request::default()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.into_body().into_string().await.unwrap(), "Service Unavailable");
}

#[tokio::test]
async fn poem_sees_the_error_of_an_application() {
    let error = ToPoem::new(failing).call(Request::default()).await.unwrap_err();
    let failed = error.downcast_ref::<ApplicationError>().unwrap().failed();
    assert!(failed.error().find::<Secret>().is_some());
}

#[tokio::test]
async fn a_104_panic_of_an_application_is_an_error_of_its_endpoint() {
    let app = |_, _, _| async { panic!("at once") };
    let endpoint = ToPoem::new(app);
    let error = endpoint.call(Request::default()).await.unwrap_err();
    assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(error.to_string(), "the application panicked: at once");
}

#[tokio::test]
async fn h_87_body_of_an_application_that_breaks_off_fails_with_its_error() {
    let response = ToPoem::new(breaking_off).call(Request::default()).await.unwrap();
    let error = response.into_body().into_bytes().await.unwrap_err();
    assert!(error.to_string().contains("a secret of the inside"), "{error}");
}

#[tokio::test]
async fn a_106_error_of_an_application_goes_through_poem_and_ends_the_call_outside() {
    let endpoint =
        ToPoem::new(failing).around(|endpoint, request| async move { endpoint.call(request).await });
    for (status, text, result) in
        [get(FromPoem::new(endpoint)).await, get(FromPoem::new(ToPoem::new(failing).map_to_response())).await]
    {
        assert_eq!((status, text.as_str()), (503, "Service Unavailable"));
        assert!(result.unwrap_err().find::<Secret>().is_some());
    }
    let (status, _, result) = get(FromPoem::new(ToPoem::new(breaking_off))).await;
    assert_eq!(status, 0);
    assert!(result.unwrap_err().find::<Secret>().is_some());
}

#[tokio::test]
async fn a_106_error_of_an_endpoint_is_answered_by_poem_and_ends_the_call() {
    let endpoint = make(|_| async {
        let cause = io::Error::new(io::ErrorKind::InvalidData, Secret);
        Err::<(), _>(InternalServerError(cause))
    });
    let (status, text, result) = get(FromPoem::new(endpoint)).await;
    assert_eq!((status, text.as_str()), (500, "a secret of the inside"), "poem's own answer tells it");
    assert_eq!(result.unwrap_err().find::<EndpointError>().unwrap().to_string(), "a secret of the inside");
}

#[tokio::test]
async fn error_of_an_endpoint_that_is_an_answer_ends_no_call() {
    let endpoint = make(|_| async { Err::<(), poem::Error>(NotFoundError.into()) });
    let (status, text, result) = get(FromPoem::new(endpoint)).await;
    assert_eq!((status, text.as_str()), (404, "not found"));
    result.unwrap();
}

#[tokio::test]
async fn a_05_lifespan_is_refused() {
    let app = FromPoem::new(make(|_| async { "x" }));
    let mut lifespan = LifespanExchange::of_shared(Arc::new(app));
    assert!(matches!(lifespan.startup().await, Err(LifespanError::Unsupported)));
}
