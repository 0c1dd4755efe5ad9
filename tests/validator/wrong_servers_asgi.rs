//! Servers that break one rule of WebSockets, lifespans or scopes each.

use gateway_iface::asgi::event::{Accept, Close, Message, ReceiveEvent, SendEvent};
use gateway_iface::asgi::{self, Disconnect, Tls};
use gateway_iface::http::{HeaderValue, Request, Version};
use gateway_iface::{Connection, RequestHead, ServerAddr};

use crate::fixtures::{Application, Server, fields, head_on};
use crate::script::{
    Script, accept_socket, ask, call, closed, hello, lifespan, refuse, serve_lifespan, socket,
};

#[test]
fn a_77_server_that_connects_twice_or_never() {
    let connect = || Some(ReceiveEvent::WebSocketConnect);
    assert_eq!(call(socket(), Script::new([connect(), connect()]), accept_socket), [("A-77", Server)]);
    assert_eq!(
        call(socket(), Script::new([closed(1006), None]), |mut receive, _| async move {
            ask(&mut receive).await;
            Ok(())
        }),
        [("A-77", Server)]
    );
}

#[test]
fn a_92_server_that_gives_a_message_before_the_socket_is_open() {
    let message = Some(ReceiveEvent::WebSocketReceive(Message::from("early")));
    let events = [Some(ReceiveEvent::WebSocketConnect), message];
    let wrong = call(socket(), Script::new(events), |mut receive, mut send| async move {
        ask(&mut receive).await;
        ask(&mut receive).await;
        Ok(send.send(Close::default()).await?)
    });
    assert_eq!(wrong, [("A-92", Server)]);
}

#[test]
fn a_88_a_83_server_that_tells_another_close_or_none() {
    let connect = || Some(ReceiveEvent::WebSocketConnect);
    let events = [connect(), closed(1001), closed(1000)];
    assert_eq!(call(socket(), Script::new(events), accept_socket), [("A-88", Server), ("A-99", Server)]);
    let events = [connect(), closed(7), closed(7), closed(7)];
    assert_eq!(
        call(socket(), Script::new(events), |mut receive, mut send| async move {
            ask(&mut receive).await;
            send.send(Accept::new()).await?;
            ask(&mut receive).await;
            Ok(())
        }),
        [("A-83", Server)]
    );
}

#[test]
fn a_93_messages_that_came_before_the_close_are_received_after_the_wait_for_it() {
    let message = || Some(ReceiveEvent::WebSocketReceive(Message::from("before")));
    let events = [Some(ReceiveEvent::WebSocketConnect), message(), message(), closed(1001)];
    let server = Script { disconnect: Some(Disconnect::Client), ..Script::new(events) };
    let right = call(socket(), server, |mut receive, mut send| async move {
        ask(&mut receive).await;
        send.send(Accept::new()).await?;
        receive.disconnected().await;
        for _ in 0..3 {
            ask(&mut receive).await;
        }
        Ok(())
    });
    assert_eq!(right, []);
}

#[test]
fn a_79_server_that_accepts_a_subprotocol_nobody_offered() {
    let events = [Some(ReceiveEvent::WebSocketConnect)];
    let wrong = call(socket(), Script::new(events), |mut receive, mut send| async move {
        ask(&mut receive).await;
        Ok(send.send(Accept::new().with_subprotocol("chat")).await?)
    });
    assert_eq!(wrong, [("A-79", Application), ("A-79", Server)]);
}

#[test]
fn a_108_a_112_a_116_servers_with_a_lifespan_out_of_order() {
    let (startup, shutdown) = (ReceiveEvent::LifespanStartup, ReceiveEvent::LifespanShutdown);
    let twice = [Some(startup.clone()), Some(startup.clone()), Some(shutdown.clone())];
    assert_eq!(
        call(lifespan(), Script::new(twice), |mut receive, mut send| async move {
            ask(&mut receive).await;
            ask(&mut receive).await;
            send.send(SendEvent::StartupComplete).await?;
            ask(&mut receive).await;
            Ok(send.send(SendEvent::ShutdownComplete).await?)
        }),
        [("A-108", Server)]
    );
    let wrong = [Some(startup.clone()), Some(shutdown.clone()), Some(shutdown.clone())];
    assert_eq!(call(lifespan(), Script::new(wrong), serve_lifespan), [("A-112", Server)]);
    let early = [Some(startup.clone()), Some(shutdown)];
    assert_eq!(
        call(lifespan(), Script::new(early), |mut receive, mut send| async move {
            ask(&mut receive).await;
            ask(&mut receive).await;
            Ok(send.send(SendEvent::StartupComplete).await?)
        }),
        [("A-116", Server)]
    );
    let server = Script { answer: refuse, ..Script::new([Some(startup)]) };
    assert_eq!(call(lifespan(), server, serve_lifespan), [("A-116", Server)]);
}

/// each of the heads is reported by its rule.
#[test]
fn heads_that_break_a_rule() {
    let parts = |method: &str, target: &str, version: Version, pairs: &[(&'static str, &'static str)]| {
        let mut request = Request::builder().method(method).uri(target).version(version).body(()).unwrap();
        *request.headers_mut() = fields(pairs);
        request.into_parts().0
    };
    let plain = |pairs| RequestHead::new(parts("GET", "/", Version::HTTP_11, pairs));
    let tls = head_on(Connection::new().with_tls(Tls::default()), "/");
    let mut certificate = Tls::default();
    certificate.client_cert_chain.push("PEM".to_owned());
    let unnamed = head_on(Connection::new().with_secure(true).with_tls(certificate), "/");
    let mut hosts = plain(&[("host", "a")]);
    hosts.headers_mut().append("host", HeaderValue::from_static("b"));
    let mut lengths = plain(&[("content-length", "1")]);
    lengths.headers_mut().append("content-length", HeaderValue::from_static("1"));
    for (rule, head) in [
        ("H-13", RequestHead::new(parts("GET", "*", Version::HTTP_11, &[]))),
        ("A-19", RequestHead::new(parts("get", "/", Version::HTTP_11, &[]))),
        ("A-18", RequestHead::new(parts("GET", "/", Version::HTTP_09, &[]))),
        ("H-43", plain(&[("content-length", "1x")])),
        ("H-44", lengths),
        ("H-37", plain(&[("content-length", "1"), ("transfer-encoding", "chunked")])),
        ("H-109", RequestHead::new(parts("GET", "/", Version::HTTP_2, &[("connection", "close")]))),
        ("H-18", plain(&[("host", "a b")])),
        ("H-18", hosts),
        ("W-32", head_on(Connection::new().with_server(ServerAddr::Name("a b".into(), 80)), "/")),
        ("A-46", tls),
        ("A-49", unnamed),
    ] {
        let scope = asgi::HttpScope::new(head);
        assert_eq!(call(scope, Script::new([]), hello), [(rule, Server)], "{rule}");
    }
    for (method, target) in [("OPTIONS", "*"), ("CONNECT", "example.org:443"), ("GET", "http://example.org")]
    {
        let scope = asgi::HttpScope::new(RequestHead::new(parts(method, target, Version::HTTP_11, &[])));
        assert_eq!(call(scope, Script::new([]), hello), [], "{method} {target}");
    }
}
