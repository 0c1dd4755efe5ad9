//! The client of `websockets`, for Python: messages, subprotocols, compression, and every kind of end.

use std::sync::{Arc, Mutex};

use gateway_iface::asgi::Handshake;
use gateway_iface::asgi::event::{Accept, Close};
use gateway_iface::{Error, asgi, async_trait};
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use crate::support::{over_tcp, over_tls, python};

/// An application, and the ends that it was told.
#[derive(Clone, Default)]
struct App {
    closed: Arc<Mutex<Vec<(u16, String)>>>,
}

#[async_trait]
impl asgi::Application for App {
    async fn call(&self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
        let scope = scope.into_websocket()?;
        let handshake = Handshake::begin(receive, send).await?;
        let mut accept = Accept::new();
        match scope.head().path_info() {
            "/refused" => return Ok(handshake.close().await?),
            "/denied" => {
                let response = Response::builder().status(401).header(header::CONTENT_TYPE, "text/plain");
                let response = response.header(header::WWW_AUTHENTICATE, "Basic");
                return Ok(handshake.deny(response.body("who are you")?).await?);
            }
            "/chat" => {
                let name = HeaderName::from_static("x-served-by");
                accept = accept
                    .with_headers(HeaderMap::from_iter([(name, HeaderValue::from_static("these tests"))]));
                if let Some(chosen) = scope.subprotocols().find(|&name| name == "chat.v2") {
                    accept = accept.with_subprotocol(chosen);
                }
            }
            _ => {}
        }
        let mut socket = handshake.accept(accept).await?;
        loop {
            let message = match socket.next().await {
                Ok(message) => message,
                Err(closed) => {
                    self.closed.lock().unwrap().push((closed.code(), closed.reason().to_owned()));
                    return Ok(());
                }
            };
            match scope.head().path_info() {
                "/closes" => {
                    return Ok(socket.close(Close::new(4001).with_reason("that is enough €")).await?);
                }
                "/ends" => return Ok(()),
                "/fails" => return Err(Error::new("it fails")),
                _ => socket.send(message).await?,
            }
        }
    }
}

/// Runs that case of the script, with TLS and without: what the application was told of each end.
fn check(case: &str) -> Vec<(u16, String)> {
    let app = App::default();
    over_tcp(app.clone(), async |site| {
        python("ws_client.py", &[&site.url_by("ws", ""), case]).await;
    });
    over_tls(app.clone(), async |site| {
        let (url, roots) = (site.url_by("ws", ""), site.roots().unwrap());
        python("ws_client.py", &[&url, case, "--ca", roots]).await;
    });
    app.closed.lock().unwrap().drain(..).collect()
}

#[test]
fn s_37_texts_come_back() {
    check("text");
}

#[test]
fn s_37_octets_come_back() {
    check("binary");
}

#[test]
fn s_36_message_in_fragments_comes_back_as_one() {
    check("fragments");
}

#[test]
fn s_61_client_that_offers_no_compression_gets_none() {
    check("plain");
}

#[test]
fn s_62_client_that_offers_compression_gets_it() {
    check("deflate");
}

#[test]
fn s_62_context_is_not_kept_where_the_client_asks_for_that() {
    check("deflate_without_context");
}

#[test]
fn s_35_s_43_pings_are_answered_also_between_fragments() {
    check("ping");
}

#[test]
fn s_18_subprotocol_is_the_one_that_the_application_chose() {
    check("subprotocol");
}

#[test]
fn s_18_no_subprotocol_is_named_where_none_is_chosen() {
    check("no_subprotocol");
}

#[test]
fn s_20_fields_of_the_application_are_in_the_answer() {
    check("accept_fields");
}

#[test]
fn s_55_client_is_told_code_and_reason_of_the_application() {
    check("server_closes");
}

#[test]
fn s_56_application_is_told_code_and_reason_of_the_client() {
    assert_eq!(check("client_closes"), vec![(4002, "bye".to_owned()); 2]);
}

#[test]
fn s_59_application_that_returns_closes_with_1000() {
    check("application_returns");
}

#[test]
fn s_59_application_that_fails_closes_with_1011() {
    check("application_fails");
}

#[test]
fn s_21_refused_client_gets_403() {
    check("refused");
}

#[test]
fn s_22_denied_client_gets_the_response() {
    check("denied");
}

#[test]
fn s_67_fifty_sockets_at_once_have_their_own_messages_in_order() {
    check("at_once");
}
