//! Attacks on TLS, and the certificate that they need.

use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::Target;
use super::http1::get;

/// The certificate of a server that is attacked, in a folder that goes with this.
#[derive(Debug)]
pub(crate) struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    /// Makes one for localhost, in a new folder.
    pub(crate) fn new(folder: PathBuf) -> Result<Self, Box<dyn std::error::Error>> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
        std::fs::create_dir_all(&folder)?;
        let certificate = Self { folder };
        std::fs::write(certificate.chain(), cert.pem())?;
        std::fs::write(certificate.key(), signing_key.serialize_pem())?;
        Ok(certificate)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn chain(&self) -> PathBuf {
        self.folder.join("chain.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // What is not there need not go.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Begins to shake hands, and stops.
pub(super) async fn stopped_handshake(target: Target) -> io::Result<()> {
    let mut stream = connect(&target).await?.0;
    // The head of a record with a hello of 512 octets, and the first of those.
    stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await?;
    target.engage();
    pending().await
}

/// Reads nothing of a response that has no end.
pub(super) async fn deaf(target: Target) -> io::Result<()> {
    let mut stream = shake_hands(&target).await?;
    stream.write_all(&get("/endless")).await?;
    stream.flush().await?;
    target.engage();
    pending().await
}

/// Shakes hands, and says nothing.
pub(super) async fn silent(target: Target) -> io::Result<()> {
    let _stream = shake_hands(&target).await?;
    target.engage();
    pending().await
}

async fn shake_hands(target: &Target) -> io::Result<TlsStream<TcpStream>> {
    let (stream, certificate) = connect(target).await?;
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(certificate.chain()).map_err(io::Error::other)?;
    roots.add(root).map_err(io::Error::other)?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn connect(target: &Target) -> io::Result<(TcpStream, &Certificate)> {
    let (addr, certificate) = target.tls.as_ref().ok_or_else(|| io::Error::other("there is no TLS"))?;
    Ok((target.connect_deaf(*addr).await?, certificate))
}
