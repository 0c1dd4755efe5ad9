//! Two bridges, one after the other.

use gateway_iface::asgi::{self, Disconnect};
use gateway_iface::bridge::{AsgiToWsgi, WsgiToAsgi};
use gateway_iface::http::{HeaderMap, Method, Request, StatusCode};
use gateway_iface::testing::{AsgiClient, WsgiClient, block_on};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, RequestHead};

use crate::{Closes, Shared, head, start, threads, told};

async fn asgi_app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    match scope.path_info() {
        "/echo" => {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            while let Some(block) = receive.block().await? {
                send.block(block).await?;
            }
            send.last("").await?;
        }
        "/broken" => return Err(Error::new("broken").with_status(StatusCode::BAD_GATEWAY)),
        "/late" => {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.block("x").await?;
            return Err(Error::new("broken"));
        }
        _ => send.text(200, "hello").await?,
    }
    Ok(())
}

fn wsgi_app(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    match environ.path_info() {
        "/echo" => {
            let body = environ.input().read_all(usize::MAX)?;
            start(start_response)?;
            Ok(Body::from(body))
        }
        "/broken" => Err(Error::new("broken").with_status(StatusCode::BAD_GATEWAY)),
        "/late" => {
            start(start_response)?;
            Ok(Body::try_blocks([Ok("x"), Err(Error::new("broken"))]))
        }
        _ => crate::hello(environ, start_response),
    }
}

fn post(path: &str, body: &'static str) -> Request<&'static str> {
    Request::post(path).body(body).expect("a valid path")
}

#[test]
fn asynchronous_through_synchronous_and_back() {
    let client = AsgiClient::new(WsgiToAsgi::new(AsgiToWsgi::new(asgi_app), threads));
    assert_eq!(block_on(client.request(post("/", ""))).unwrap().blocks(), ["hello"]);
    assert_eq!(block_on(client.request(post("/echo", "echo"))).unwrap().body(), "echo");
    assert_eq!(block_on(client.request(post("/broken", ""))).unwrap().status(), 502);
    assert_eq!(block_on(client.request(post("/late", ""))).unwrap_err().to_string(), "broken");
}

#[test]
fn synchronous_through_asynchronous_and_back() {
    let client = WsgiClient::new(AsgiToWsgi::new(WsgiToAsgi::new(wsgi_app, threads)));
    assert_eq!(client.request(post("/", "")).unwrap().blocks(), ["hello"]);
    assert_eq!(client.request(post("/echo", "echo")).unwrap().body(), "echo");
    assert_eq!(client.request(post("/broken", "")).unwrap().status(), 502);
    assert_eq!(client.request(post("/late", "")).unwrap_err().to_string(), "broken");
}

#[test]
fn loss_of_the_client_goes_through_both() {
    let ended = Shared::<bool>::default();
    let seen = ended.clone();
    let app = move |_: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let seen = seen.clone();
        async move {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            while send.block("x").await.is_ok() {}
            seen.with(|ended| *ended = true);
            Ok(())
        }
    };
    let client = AsgiClient::new(WsgiToAsgi::new(AsgiToWsgi::new(app), threads));
    let mut exchange = client.begin(head(Method::GET, "/"));
    assert_eq!(told(block_on(exchange.next_event())), "start 200");
    exchange.disconnect(Disconnect::Client);
    assert!(block_on(exchange.finish()).unwrap_err().is_disconnected());
    ended.wait(|&ended| ended);
}

#[test]
fn early_close_goes_through_both() {
    let closes = Closes::default();
    let counted = closes.clone();
    let app = move |_: Environ, start_response: &mut dyn StartResponse| {
        start(start_response)?;
        Ok(counted.count(Body::blocks(std::iter::repeat("x"))))
    };
    let client = WsgiClient::new(AsgiToWsgi::new(WsgiToAsgi::new(app, threads)));
    let head: RequestHead = head(Method::GET, "/");
    let response = client.begin(head).lose_after(3).run();
    assert_eq!((response.text().as_ref(), response.is_complete()), ("xxx", false));
    assert_eq!((closes.get(), response.closes()), (1, 1));
}
