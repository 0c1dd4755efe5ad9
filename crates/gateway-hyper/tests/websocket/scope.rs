//! What an application learns of a socket (A-36 to A-43, S-08, S-10, S-64).

use gateway_iface::asgi::event::{Accept, ReceiveEvent};
use gateway_iface::asgi::{self, Scope};
use gateway_iface::{Error, ServerAddr};
use http::Version;
use tokio::sync::mpsc;

use crate::support::{Server, on_both_runtimes};
use crate::wire::Wire;

#[test]
fn a_36_a_37_a_38_a_39_a_40_a_41_a_42_a_77_scope_is_that_of_the_handshake() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                let scope = scope.into_websocket()?;
                assert!(matches!(receive.receive().await, ReceiveEvent::WebSocketConnect), "A-77");
                send.send(Accept::new()).await?;
                tell.send(scope)?;
                while receive.receive().await.disconnect().is_none() {}
                Ok::<(), Error>(())
            }
        };
        let server = Server::start(app).await;
        let fields = "origin: https://example.org\r\nx-name: one\r\nX-Name: two\r\n\
                      sec-websocket-protocol: a, b\r\nsec-websocket-protocol: c\r\n";
        let (wire, _) = Wire::open_with(&server, "/room/caf%C3%A9?q=1", fields).await;
        let client = wire.client.stream.local_addr().unwrap();
        let scope = told.recv().await.unwrap();
        let head = scope.head();
        assert_eq!(Scope::from(scope.clone()).protocol(), "websocket", "A-36");
        assert_eq!(head.version(), Version::HTTP_11, "A-37");
        assert!(!head.is_secure(), "A-38, S-64");
        assert_eq!(head.raw_path(), "/room/caf%C3%A9", "A-39");
        assert_eq!(head.path().unwrap(), "/room/café", "A-39");
        assert_eq!(head.root_path(), "", "A-39");
        assert_eq!(head.client(), Some(client), "A-39");
        assert_eq!(head.server(), Some(&ServerAddr::from(server.addr)), "A-39");
        assert_eq!(head.query_string(), "q=1", "A-40");
        assert_eq!(head.headers().get("origin").unwrap(), "https://example.org", "S-10");
        let names: Vec<_> = head.headers().get_all("x-name").iter().collect();
        assert_eq!(names, ["one", "two"], "A-41");
        assert_eq!(scope.subprotocols().collect::<Vec<_>>(), ["a", "b", "c"], "A-42");
        assert!(head.extensions().is_empty(), "what hyper needs is not the application's");
        wire.finish().await;
        server.stop().await;
    });
}

#[test]
fn observers_are_told_what_became_of_a_socket() {
    use std::sync::{Arc, Mutex};

    use gateway_iface::{Observe, Outcome};

    struct Keeps(Mutex<Vec<Outcome>>, mpsc::UnboundedSender<()>);

    impl Observe for Keeps {
        fn finished(&self, outcome: &Outcome) {
            self.0.lock().unwrap().push(outcome.clone());
            let _ = self.1.send(());
        }
    }

    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let keeps = Arc::new(Keeps(Mutex::default(), tell));
        let observer = Arc::clone(&keeps);
        let app = move |scope: Scope, receive: asgi::Receive, send: asgi::Send| {
            if scope.protocol() == "websocket" {
                send.observe(observer.clone());
            }
            crate::apps::echo(scope, receive, send)
        };
        let server = Server::start(app).await;
        let mut wire = Wire::open(&server, "/").await;
        wire.text("12345").await;
        assert_eq!(wire.next_text().await, "12345");
        wire.finish().await;
        told.recv().await.unwrap();
        let outcomes = std::mem::take(&mut *keeps.0.lock().unwrap());
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].status.map(|status| status.as_u16()), Some(101));
        assert_eq!(outcomes[0].bytes, 5);
        server.stop().await;
    });
}
