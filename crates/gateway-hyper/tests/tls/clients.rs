//! Certificates of clients.

use gateway_hyper::ClientCerts;
use gateway_iface::{Error, asgi};
use rcgen::DnType;
use tokio_rustls::rustls::version;

use crate::support::{Authority, Client, Server, on_both_runtimes};

/// Tells who the client is.
async fn who(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let tls = request.head().tls().cloned().unwrap_or_default();
    let chain = tls.client_cert_chain.len();
    let text = format!("{} {chain}", tls.client_cert_name.as_deref().unwrap_or("nobody"));
    Ok(send.text(200, text).await?)
}

/// by the name of RFC 4514, the last part of it first.
#[test]
fn a_49_client_is_told_by_its_certificate() {
    on_both_runtimes(async || {
        let (authority, clients, strangers) =
            (Authority::new("root"), Authority::new("clients"), Authority::new("strangers"));
        let subject = [
            (DnType::CountryName, "NL"),
            (DnType::OrganizationName, "Me, Inc."),
            (DnType::CommonName, "Ada"),
        ];
        let ada = clients.sign("ada", &[], &subject);
        let stranger = strangers.sign("eve", &[], &subject);
        for required in [false, true] {
            let asked = if required { ClientCerts::Required } else { ClientCerts::Optional };
            let server = Server::start(authority.localhost().client_certs(asked(clients.root())), who).await;
            for version in [&version::TLS12, &version::TLS13] {
                let client = || Client::trusting(&authority.root()).version(version);
                let answer = client().own(ada.clone()).get(server.addr, "localhost").await.unwrap();
                assert!(answer.ends_with("\r\n\r\nCN=Ada,O=Me\\, Inc.,C=NL 1"), "{answer}");
                let anonymous = client().get(server.addr, "localhost").await;
                assert_eq!(anonymous.is_ok(), !required);
                assert!(anonymous.map_or(true, |answer| answer.ends_with("nobody 0")));
                assert!(client().own(stranger.clone()).get(server.addr, "localhost").await.is_err());
            }
            server.stop().await;
        }
    });
}
