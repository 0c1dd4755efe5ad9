//! tower services as applications of [`gateway_iface`], and applications as tower services.
//!
//! By that, whatever speaks tower: axum, hyper (by `hyper_util::service::TowerToHyperService`), tonic, tower-http,
//! lambda_http.
//!
//! # A service as an application
//!
//! [`FromTower`] makes an application of a `Service<http::Request<RequestBody>>`, with any response body. It runs on every
//! server and gateway, is mounted beside others, and takes every middleware:
//!
//! ```
//! use gateway_iface::http::{Request, Response};
//! use gateway_iface::middleware::PathGuard;
//! use gateway_tower::{FromTower, RequestBody};
//! # use std::convert::Infallible;
//! # use gateway_iface::testing::{AsgiClient, block_on};
//!
//! let service = tower::service_fn(|request: Request<RequestBody>| async move {
//!     Ok::<_, Infallible>(Response::new(format!("served {}", request.uri().path())))
//! });
//! let app = PathGuard::deny(FromTower::new(service)).prefix("/admin");
//! # let response = block_on(AsgiClient::new(app).request(Request::get("/x").body("")?))?;
//! # assert_eq!(response.body(), "served /x");
//! # Ok::<(), gateway_iface::Error>(())
//! ```
//!
//! # An application as a service
//!
//! [`ToTower`] makes a service of an [`asgi::Application`](gateway_iface::asgi::Application). It is nested in an axum
//! router, served by `axum::serve` or hyper, and wrapped in the layers of tower-http:
//!
//! ```
//! use gateway_iface::{Error, asgi};
//! use gateway_tower::ToTower;
//! # use gateway_iface::http::Request;
//! # use tower::ServiceExt;
//!
//! async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
//!     let request = scope.into_http()?;
//!     Ok(send.text(200, format!("hello from {}", request.head().root_path())).await?)
//! }
//!
//! # gateway_iface::testing::block_on(async {
//! let router: axum::Router = axum::Router::new().nest_service("/greeter", ToTower::new(hello));
//! # let response = router.oneshot(Request::get("/greeter/x").body(axum::body::Body::empty())?).await?;
//! # assert_eq!(response.status(), 200);
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```
//!
//! A synchronous application is wrapped by [`bridge::WsgiToAsgi`](gateway_iface::bridge::WsgiToAsgi) first.
//!
//! # What passes
//!
//! | | [`FromTower`] | [`ToTower`] |
//! |---|---|---|
//! | bodies, both ways | block by block, with backpressure | block by block, with backpressure |
//! | trailers of the request | yes, where the server has them | yes, where `trailer` announces them |
//! | trailers of the response | yes, where the server can | yes |
//! | WebSockets | by hyper's `OnUpgrade`, which the service finds as under hyper | by hyper's `OnUpgrade`, over HTTP/1.1 and HTTP/2 |
//! | extensions, and who was verified | in the request's | in the head's |
//! | connection and mount point | as [`Origin`](gateway_iface::adapter::Origin) in the extensions | from there |
//! | loss of the client | drops the service's future, or its body | is told to the application |
//! | errors | end the call | 500 with [`Failed`](gateway_iface::adapter::Failed) in the extensions; later, an error of the body |
//! | early hints, files by path or descriptor | not in tower | not offered to the application |
//!
//! Neither way is anything buffered beyond what is told at [`Hosted`](gateway_iface::adapter::Hosted), and the 16 KiB
//! each way of a service's WebSocket; and there is no task and no channel for a request. Only what an
//! application does after its response is complete, or after the client left, goes on in a task of tokio's, and so does
//! an open WebSocket.

#[cfg(feature = "axum")]
pub mod axum;
mod from_tower;
mod loopback;
mod request_blocks;
mod request_body;
mod response_body;
mod sending;
mod tasks;
mod to_tower;
#[cfg(feature = "tonic")]
pub mod tonic;
mod upgrade;

pub use self::from_tower::FromTower;
pub use self::request_body::RequestBody;
pub use self::response_body::ResponseBody;
pub use self::to_tower::{Responding, ToTower};
pub use self::upgrade::Upgrade;

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
