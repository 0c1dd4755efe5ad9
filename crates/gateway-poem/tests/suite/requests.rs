//! What requests bring along: mount points, addresses, extensions, trailers.

use std::net::SocketAddr;

use bytes::Bytes;
use gateway_iface::asgi::event::{ResponseStart, ResponseTrailers};
use gateway_iface::asgi::{self, Capabilities, Capability};
use gateway_iface::http::{HeaderMap, Request, Response, StatusCode};
use gateway_iface::middleware::Mount;
use gateway_iface::testing::AsgiClient;
use gateway_iface::{Connection, Error, ServerAddr};
use gateway_poem::{FromPoem, ToPoem};
use http::uri::Scheme;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, EndpointExt, RequestParts, Route, handler};

/// Tells where it is, and who asks.
async fn tells(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let (head, connection) = (scope.head(), scope.head().connection());
    let at = format!("{} + {} ? {}", head.root_path(), head.path_info(), head.query_string());
    let server = match connection.server() {
        Some(ServerAddr::Ip(addr)) => addr.to_string(),
        other => format!("{other:?}"),
    };
    let from = format!("{:?} {server} {}", connection.client(), connection.is_secure());
    Ok(send.text(200, format!("{at}, {from}")).await?)
}

fn addr(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 80))
}

#[tokio::test]
async fn a_30_a_147_mounts_and_addresses_go_through_both_adapters() {
    let route = Route::new().nest("/b", ToPoem::new(tells)).at("/here", ToPoem::new(tells));
    let app = Mount::new().at("/a", FromPoem::new(route)).unwrap();
    let connection = Connection::new().with_client(addr(1)).with_server(addr(2)).with_secure(true);
    let client = AsgiClient::new(app).with_connection(connection);
    for (target, at) in [
        ("/a/b/c%2Fd/?q=1", "/a/b + /c%2Fd/ ? q=1"),
        ("/a/b?q", "/a/b +  ? q"),
        ("/a/b/", "/a/b + / ? "),
        ("/a/here", "/a + /here ? "),
    ] {
        let response = client.request(Request::get(target).body("").unwrap()).await.unwrap();
        assert_eq!(response.text(), format!("{at}, Some(10.0.0.1:80) 10.0.0.2:80 true"), "{target}");
    }
}

#[tokio::test]
async fn a_30_addresses_of_poems_own_requests_are_told() {
    let request = Request::get("/b/c").header("host", "test").body(()).unwrap();
    let (local, remote) = (LocalAddr(Addr::socket(addr(2))), RemoteAddr(Addr::socket(addr(1))));
    let parts = RequestParts::from((request.into_parts().0, local, remote, Scheme::HTTPS));
    let route = Route::new().nest("/b", ToPoem::new(tells));
    let response = route.call(poem::Request::from_parts(parts, poem::Body::empty())).await.unwrap();
    let text = response.into_body().into_string().await.unwrap();
    assert_eq!(text, "/b + /c ? , Some(10.0.0.1:80) 10.0.0.2:80 true");
}

#[derive(Clone)]
struct Given(&'static str);

#[handler]
fn data(given: poem::web::Data<&Given>) -> &'static str {
    given.0.0
}

#[tokio::test]
async fn a_142_extensions_are_data_and_data_are_extensions() {
    let app = FromPoem::new(data);
    let mut request = Request::get("/").body("").unwrap();
    request.extensions_mut().insert(Given("by a server"));
    assert_eq!(AsgiClient::new(app).request(request).await.unwrap().text(), "by a server");

    let app = |scope: asgi::Scope, _, mut send: asgi::Send| async move {
        let scope = scope.into_http()?;
        let given = scope.head().extensions().get::<Given>().map_or("nothing", |given| given.0);
        Ok::<(), Error>(send.text(200, given).await?)
    };
    let endpoint = ToPoem::new(app).data(Given("by poem"));
    let response = endpoint.call(poem::Request::default()).await.unwrap();
    assert_eq!(response.into_body().into_string().await.unwrap(), "by poem");
}

#[tokio::test]
async fn a_134_trailers_go_through_both_adapters() {
    let app = |scope: asgi::Scope, _, mut send: asgi::Send| async move {
        scope.into_http()?;
        let headers = HeaderMap::from_iter([("trailer".parse().unwrap(), "x-sum".parse().unwrap())]);
        send.send(ResponseStart::new(StatusCode::OK, headers).with_trailers(true)).await?;
        send.last("body").await?;
        let fields = HeaderMap::from_iter([("x-sum".parse().unwrap(), "7".parse().unwrap())]);
        Ok::<(), Error>(send.send(ResponseTrailers::last(fields)).await?)
    };
    let response = ToPoem::new(app).call(poem::Request::default()).await.unwrap();
    let body: BoxBody<Bytes, _> = Response::<BoxBody<Bytes, _>>::from(response).into_body();
    let collected = body.collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "7");

    let client = AsgiClient::new(FromPoem::new(ToPoem::new(app)))
        .with_capabilities(Capabilities::none().with(Capability::Trailers));
    let response = client.request(Request::get("/").body("").unwrap()).await.unwrap();
    assert_eq!((response.text().as_ref(), &response.trailers()["x-sum"]), ("body", &"7".parse().unwrap()));
}
