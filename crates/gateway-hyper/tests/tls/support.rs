//! Certificates, a server that has them, and a client that knows whom it trusts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gateway_hyper::{Builder, Handle, Listener, ServeError, TlsConfig};
use gateway_iface::asgi;
use gateway_iface::validate::{OnViolation, Validator, Violations};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

/// Runs the test on a runtime with one thread, and again on one with two.
pub(crate) fn on_both_runtimes(test: impl AsyncFn()) {
    for mut builder in [runtime::Builder::new_current_thread(), runtime::Builder::new_multi_thread()] {
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let done = runtime.block_on(async { tokio::time::timeout(DEADLINE, test()).await });
        runtime.shutdown_background();
        done.expect("the test does not come to an end");
    }
}

/// A folder of certificates, gone when this is dropped, and who signs them.
pub(crate) struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or_default().replace("::", "-");
        let folder = std::env::temp_dir().join(format!("gateway-tls-{}-{test}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join("root.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    /// The PEM file of the root.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root.pem")
    }

    /// Signs a certificate for these hosts, with this subject: its chain and its key.
    pub(crate) fn sign(&self, file: &str, hosts: &[&str], subject: &[(DnType, &str)]) -> (PathBuf, PathBuf) {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let paths = (self.folder.join(format!("{file}.pem")), self.folder.join(format!("{file}.key")));
        std::fs::write(&paths.0, certificate.pem()).unwrap();
        std::fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    /// A certificate for localhost.
    pub(crate) fn localhost(&self) -> TlsConfig {
        let (chain, key) = self.sign("localhost", &["localhost"], &[]);
        TlsConfig::new(chain, key)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A server that serves over TLS, with a validator between it and its application.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
    violations: Violations,
}

impl Server {
    pub(crate) async fn start(tls: TlsConfig, app: impl asgi::Application + 'static) -> Self {
        Self::with(builder(), tls, app).await
    }

    pub(crate) async fn with(
        builder: Builder,
        tls: TlsConfig,
        app: impl asgi::Application + 'static,
    ) -> Self {
        let app = Validator::new(app).on_violation(OnViolation::Collect).except("H-73");
        let violations = app.violations();
        let listener = Listener::bind("127.0.0.1:0").await.unwrap().with_tls(tls).unwrap();
        let server = builder.listen(listener).unwrap();
        let (addr, handle) = (server.local_addr().tcp().unwrap(), server.handle());
        Self { addr, handle, task: tokio::spawn(server.serve(app)), violations }
    }

    /// Stops it: everything must come to its end, and no rule must have been broken.
    pub(crate) async fn stop(self) {
        self.handle.shutdown();
        self.task.await.unwrap().unwrap();
        self.violations.assert_none();
    }
}

/// Whom a client trusts, who it is, and what it speaks.
pub(crate) struct Client {
    roots: RootCertStore,
    versions: Vec<&'static SupportedProtocolVersion>,
    own: Option<(PathBuf, PathBuf)>,
    alpn: &'static [&'static str],
}

impl Client {
    pub(crate) fn trusting(root: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(root).unwrap()).unwrap();
        Self { roots, versions: vec![&version::TLS12, &version::TLS13], own: None, alpn: &[] }
    }

    /// One that speaks this version only.
    pub(crate) fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    pub(crate) const fn alpn(mut self, alpn: &'static [&'static str]) -> Self {
        self.alpn = alpn;
        self
    }

    pub(crate) fn own(mut self, own: (PathBuf, PathBuf)) -> Self {
        self.own = Some(own);
        self
    }

    pub(crate) async fn connect(
        &self,
        addr: SocketAddr,
        host: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.over(TcpStream::connect(addr).await?, host).await
    }

    /// Shakes hands over whatever leads to the server.
    pub(crate) async fn over<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        host: &str,
    ) -> std::io::Result<TlsStream<S>> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let mut config = match &self.own {
            Some((chain, key)) => builder
                .with_client_auth_cert(
                    CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect(),
                    PrivateKeyDer::from_pem_file(key).unwrap(),
                )
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let host = ServerName::try_from(host.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(host, stream).await
    }

    /// The whole answer to a GET over HTTP/1.1, on a connection that is closed after it.
    pub(crate) async fn get(&self, addr: SocketAddr, host: &str) -> std::io::Result<String> {
        let mut stream = self.connect(addr, host).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        // rustls takes an end without a closure alert for an error: H-102.
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

/// Settings for tests: signals stay with the test runner, and what is not told to end never does.
pub(crate) fn builder() -> Builder {
    gateway_hyper::Server::builder().signals(false).grace_period(10 * DEADLINE)
}

const DEADLINE: Duration = Duration::from_secs(60);
