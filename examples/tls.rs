//! An application behind TLS, with HTTP/2 where the client can: it tells what it knows of the connection.
//!
//! ```text
//! openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
//!     -addext subjectAltName=DNS:localhost -keyout /tmp/key.pem -out /tmp/cert.pem
//! cargo run --release --example tls -- /tmp/cert.pem /tmp/key.pem
//! curl --cacert /tmp/cert.pem https://localhost:8443/
//! curl --cacert /tmp/cert.pem --http1.1 https://localhost:8443/
//! ```
//!
//! SIGHUP has it read the files anew. With a third argument, the PEM file of a root, clients may show
//! certificates: `curl --cert client.pem --key client.key ..`.

use gateway_hyper::{ClientCerts, Listener, Server, TlsConfig};
use gateway_iface::{BoxError, Error, asgi};

async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let head = request.head();
    let client =
        head.tls().and_then(|tls| tls.client_cert_name.as_deref()).unwrap_or("nobody that showed who");
    let version = head.tls().and_then(|tls| tls.tls_version).unwrap_or_default();
    send.text(200, format!("{:?} over TLS {version:#06x}, for {client}\n", head.version())).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    let (Some(chain), Some(key)) = (args.next(), args.next()) else {
        return Err("which certificate chain, and which key?".into());
    };
    let mut tls = TlsConfig::new(chain, key);
    if let Some(roots) = args.next() {
        tls = tls.client_certs(ClientCerts::Optional(roots.into()));
    }
    let listener = Listener::bind("127.0.0.1:8443").await?.with_tls(tls)?;
    Ok(Server::builder().listen(listener)?.serve(app).await?)
}
