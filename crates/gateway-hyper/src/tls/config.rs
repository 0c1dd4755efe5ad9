//! How TLS is set up.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::certificates::Certificates;

/// How TLS is set up: which files, and what is asked of clients.
///
/// The files are read by [`Listener::with_tls`](crate::Listener::with_tls), and again on SIGHUP and
/// [`Handle::reload`](crate::Handle::reload): connections that begin afterwards use what is there then. Files
/// that cannot be used then are logged and change nothing.
///
/// TLS 1.2 and 1.3 are spoken; HTTP/2 and HTTP/1.1 are offered by ALPN.
///
/// # Examples
///
/// ```no_run
/// use gateway_hyper::{Listener, Server, TlsConfig};
/// # async fn app(scope: gateway_iface::asgi::Scope, _: gateway_iface::asgi::Receive, _: gateway_iface::asgi::Send) -> Result<(), gateway_iface::Error> { Err(scope.unsupported().into()) }
/// # async fn run() -> Result<(), gateway_hyper::ServeError> {
/// let tls = TlsConfig::new("example.org.pem", "example.org.key").certificate("example.net.pem", "example.net.key");
/// let listener = Listener::bind("[::]:443").await?.with_tls(tls)?;
/// Server::builder().listen(listener)?.serve(app).await
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until a listener has it"]
pub struct TlsConfig {
    /// Chains and their keys; the first one is for clients that name no host, or one that none is for.
    certificates: Vec<(PathBuf, PathBuf)>,
    client_certs: Option<ClientCerts>,
    revoked: Option<PathBuf>,
}

/// What is asked of clients.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientCerts {
    /// A client may show a certificate, which is verified by the roots in this PEM file; one that shows a wrong one is
    /// refused.
    Optional(PathBuf),
    /// A client must show a certificate, which is verified by the roots in this PEM file.
    Required(PathBuf),
}

impl TlsConfig {
    /// With a certificate chain and its private key, both PEM files; the chain begins with the server's own.
    pub fn new(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { certificates: vec![(chain.into(), key.into())], client_certs: None, revoked: None }
    }

    /// With a further certificate, for the hosts that it names: a client says which one it wants (SNI).
    pub fn certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificates.push((chain.into(), key.into()));
        self
    }

    /// With certificates of clients; by default none is asked for.
    pub fn client_certs(mut self, client_certs: ClientCerts) -> Self {
        self.client_certs = Some(client_certs);
        self
    }

    /// With a PEM file of lists of clients' certificates that were revoked.
    pub fn revoked(mut self, lists: impl Into<PathBuf>) -> Self {
        self.revoked = Some(lists.into());
        self
    }

    /// Reads the files.
    ///
    /// # Errors
    ///
    /// A file cannot be read, is not what it should be, or does not go with the others; its path is named.
    pub(super) fn load(&self) -> io::Result<(ServerConfig, Arc<Certificates>)> {
        let provider = Arc::new(ring::default_provider());
        let certificates = Arc::new(Certificates::load(&self.certificates, &provider)?);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match &self.client_certs {
            None => builder.with_no_client_auth(),
            Some(client_certs) => builder.with_client_cert_verifier(self.verifier(client_certs, provider)?),
        };
        let mut config = builder.with_cert_resolver(Arc::clone(&certificates) as _);
        config.alpn_protocols = [b"h2".as_slice(), b"http/1.1", b"http/1.0"].map(<[u8]>::to_vec).to_vec();
        Ok((config, certificates))
    }

    fn verifier(
        &self,
        client_certs: &ClientCerts,
        provider: Arc<CryptoProvider>,
    ) -> io::Result<Arc<dyn tokio_rustls::rustls::server::danger::ClientCertVerifier>> {
        let (ClientCerts::Optional(path) | ClientCerts::Required(path)) = client_certs;
        let mut roots = RootCertStore::empty();
        for root in read_pem::<CertificateDer<'_>>(path)? {
            roots.add(root).map_err(|error| about(path, &error))?;
        }
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        if let Some(path) = &self.revoked {
            builder = builder.with_crls(read_pem::<CertificateRevocationListDer<'_>>(path)?);
        }
        if matches!(client_certs, ClientCerts::Optional(_)) {
            builder = builder.allow_unauthenticated();
        }
        builder.build().map_err(|error| about(path, &error))
    }
}

/// The objects of one kind in a PEM file, one at least.
pub(super) fn read_pem<T>(path: &Path) -> io::Result<Vec<T>>
where
    T: tokio_rustls::rustls::pki_types::pem::PemObject,
{
    let objects = T::pem_file_iter(path).map_err(|error| about(path, &error))?;
    let objects = objects.collect::<Result<Vec<_>, _>>().map_err(|error| about(path, &error))?;
    if objects.is_empty() {
        return Err(about(path, &"nothing of use in it"));
    }
    Ok(objects)
}

/// An error that names the file.
pub(super) fn about(path: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
}
