//! What axum's routers and extractors look for in a request, and leave there.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, OriginalUri};
use gateway_iface::adapter::Origin;
use http::request::Parts;

/// Where a request to an axum router came from: its [`ConnectInfo`] has the client (A-30), its [`OriginalUri`] what a
/// [`nest_service`](axum::Router::nest_service) took off (A-25).
///
/// ```
/// # use gateway_iface::{Error, asgi};
/// # use gateway_tower::ToTower;
/// # async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
/// #     let request = scope.into_http()?;
/// #     Ok(send.text(200, request.head().root_path().to_owned()).await?)
/// # }
/// let service = ToTower::new(app).with_origin(gateway_tower::axum::origin);
/// let router: axum::Router = axum::Router::new().nest_service("/api", service);
/// # gateway_iface::testing::block_on(async {
/// # use tower::ServiceExt;
/// # let request = axum::extract::Request::get("/api/x").body(axum::body::Body::empty()).unwrap();
/// # let body = router.oneshot(request).await.unwrap().into_body();
/// # assert_eq!(axum::body::to_bytes(body, 9).await.unwrap(), "/api");
/// # });
/// ```
#[must_use]
pub fn origin(parts: &mut Parts) -> Origin {
    let mut origin = Origin::default();
    if let Some(ConnectInfo(client)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() {
        origin = origin.with_client(*client);
    }
    match parts.extensions.get::<OriginalUri>() {
        Some(OriginalUri(target)) => origin.with_target(target.clone()),
        None => origin,
    }
}

/// Adds what axum's extractors look for among the extensions: the [`ConnectInfo`] of [`connect_info`], and the whole
/// target as [`OriginalUri`], also where the router is mounted (A-147).
///
/// ```
/// use axum::extract::OriginalUri;
/// use gateway_iface::middleware::Mount;
/// use gateway_tower::FromTower;
///
/// let router = axum::Router::new().route(
///     "/{id}",
///     axum::routing::get(|OriginalUri(target): OriginalUri| async move { target.to_string() }),
/// );
/// let app = FromTower::new(router).with_request(gateway_tower::axum::extensions);
/// let app = Mount::new().at("/api", app)?;
/// # use gateway_iface::http::Request;
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # let response = block_on(AsgiClient::new(app).request(Request::get("/api/7?q").body("")?))?;
/// # assert_eq!(response.body(), "/api/7?q");
/// # Ok::<(), gateway_iface::Error>(())
/// ```
pub fn extensions(parts: &mut Parts) {
    connect_info(parts);
    // Where nothing is mounted, axum's routers add it themselves.
    if let Some(target) = parts.extensions.get::<Origin>().and_then(Origin::target)
        && *target != parts.uri
    {
        let target = OriginalUri(target.clone());
        parts.extensions.insert(target);
    }
}

/// Adds the [`ConnectInfo`] that axum's extractor of the client's address looks for, where the address is known.
///
/// ```
/// use axum::extract::ConnectInfo;
/// use gateway_tower::FromTower;
/// # use std::net::SocketAddr;
///
/// let router = axum::Router::new().route(
///     "/",
///     axum::routing::get(|ConnectInfo(client): ConnectInfo<SocketAddr>| async move { client.to_string() }),
/// );
/// let app = FromTower::new(router).with_request(gateway_tower::axum::connect_info);
/// # use gateway_iface::Connection;
/// # use gateway_iface::http::Request;
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # let client = AsgiClient::new(app).with_connection(Connection::new().with_client(([127, 0, 0, 1], 7).into()));
/// # let response = block_on(client.request(Request::get("/").body("").unwrap())).unwrap();
/// # assert_eq!(response.body(), "127.0.0.1:7");
/// ```
pub fn connect_info(parts: &mut Parts) {
    if let Some(client) = parts.extensions.get::<Origin>().and_then(|origin| origin.connection().client()) {
        parts.extensions.insert(ConnectInfo(client));
    }
}
