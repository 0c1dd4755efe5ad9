//! Several certificates, and new ones.

use gateway_hyper::TlsConfig;
use gateway_iface::{Error, asgi};

use crate::support::{Authority, Client, Server, on_both_runtimes};

async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    Ok(send.text(200, "Hello, World!").await?)
}

/// The client checks that the certificate is for the host that it asked for.
#[test]
fn client_gets_the_certificate_of_the_host_it_names() {
    on_both_runtimes(async || {
        let authority = Authority::new("root");
        let (chain, key) = authority.sign("first", &["localhost"], &[]);
        let (other_chain, other_key) = authority.sign("other", &["example.org", "*.example.net"], &[]);
        let tls = TlsConfig::new(chain, key).certificate(other_chain, other_key);
        let server = Server::start(tls, hello).await;
        let client = Client::trusting(&authority.root());
        for (host, known) in [
            ("localhost", true),
            ("example.org", true),
            ("www.example.net", true),
            ("a.b.example.net", false),
            ("example.com", false),
        ] {
            assert_eq!(client.get(server.addr, host).await.is_ok(), known, "{host}");
        }
        server.stop().await;
    });
}

#[test]
fn certificates_are_read_anew_while_connections_go_on() {
    on_both_runtimes(async || {
        let (old, new) = (Authority::new("old"), Authority::new("new"));
        let (chain, key) = old.sign("served", &["localhost"], &[]);
        let server = Server::start(TlsConfig::new(&chain, &key), hello).await;
        let trusts_old = Client::trusting(&old.root());
        let trusts_new = Client::trusting(&new.root());
        trusts_old.get(server.addr, "localhost").await.unwrap();
        let kept = trusts_old.connect(server.addr, "localhost").await.unwrap();

        // What cannot be used changes nothing.
        std::fs::write(&key, "no key").unwrap();
        server.handle.reload();
        trusts_old.get(server.addr, "localhost").await.unwrap();

        let (new_chain, new_key) = new.sign("served", &["localhost"], &[]);
        std::fs::copy(new_chain, &chain).unwrap();
        std::fs::copy(new_key, &key).unwrap();
        server.handle.reload();
        while trusts_new.get(server.addr, "localhost").await.is_err() {
            tokio::task::yield_now().await;
        }
        assert!(trusts_old.get(server.addr, "localhost").await.is_err());
        drop(kept);
        server.stop().await;
    });
}
