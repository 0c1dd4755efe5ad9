//! The server's certificates, and which one a client gets.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use webpki::EndEntityCert;

use super::config::{about, read_pem};
use super::scope::to_pem;

/// The server's certificates, with their keys; the first one is for clients that name no host, or one that
/// none is for.
#[derive(Debug)]
pub(super) struct Certificates {
    certificates: Vec<Certificate>,
}

#[derive(Debug)]
struct Certificate {
    key: Arc<CertifiedKey>,
    /// The server's own, as the scope tells it.
    pem: Option<String>,
}

impl Certificates {
    pub(super) fn load(files: &[(PathBuf, PathBuf)], provider: &CryptoProvider) -> io::Result<Self> {
        let mut certificates = Vec::with_capacity(files.len());
        for (chain_path, key_path) in files {
            let chain = read_pem::<CertificateDer<'_>>(chain_path)?;
            let key = PrivateKeyDer::from_pem_file(key_path).map_err(|error| match error {
                pem::Error::NoItemsFound => about(key_path, &"no private key in it"),
                error => about(key_path, &error),
            })?;
            let key = CertifiedKey::from_der(chain, key, provider)
                .map_err(|error| about(key_path, &format_args!("{error}, with {}", chain_path.display())))?;
            let own = key.end_entity_cert().map_err(|error| about(chain_path, &error))?;
            EndEntityCert::try_from(own).map_err(|error| about(chain_path, &error))?;
            let pem = to_pem(own);
            certificates.push(Certificate { key: Arc::new(key), pem });
        }
        Ok(Self { certificates })
    }

    /// The certificate that a client gets that asks for this host, PEM.
    pub(super) fn pem_for(&self, host: Option<&str>) -> Option<String> {
        self.choose(host)?.pem.clone()
    }

    fn choose(&self, host: Option<&str>) -> Option<&Certificate> {
        let named = host.and_then(|host| ServerName::try_from(host).ok());
        let is_for = |certificate: &&Certificate| {
            named.as_ref().is_some_and(|name| {
                certificate.key.end_entity_cert().is_ok_and(|own| {
                    EndEntityCert::try_from(own)
                        .is_ok_and(|own| own.verify_is_valid_for_subject_name(name).is_ok())
                })
            })
        };
        self.certificates.iter().find(is_for).or_else(|| self.certificates.first())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(client.server_name()).map(|certificate| Arc::clone(&certificate.key))
    }
}
