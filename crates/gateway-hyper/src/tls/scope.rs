//! What an application is told of TLS.

use gateway_iface::asgi::Tls;
use pem_rfc7468::LineEnding;
use tokio_rustls::rustls::ServerConnection;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::certificates::Certificates;

/// What is known of a connection whose handshake is done.
pub(super) fn tls(connection: &ServerConnection, certificates: &Certificates) -> Tls {
    let chain = connection.peer_certificates().unwrap_or_default();
    let mut tls = Tls::default();
    tls.server_cert = certificates.pem_for(connection.server_name());
    tls.client_cert_chain = chain.iter().filter_map(|certificate| to_pem(certificate)).collect();
    tls.client_cert_name = chain.first().map(|own| {
        // One that was verified can be read; were it not so, its name would be the empty one.
        Certificate::from_der(own)
            .map_or_else(|_| String::new(), |own| own.tbs_certificate.subject.to_string())
    });
    tls.tls_version = connection.protocol_version().map(u16::from);
    tls.cipher_suite = connection.negotiated_cipher_suite().map(|suite| u16::from(suite.suite()));
    tls
}

/// A certificate as text.
pub(super) fn to_pem(certificate: &[u8]) -> Option<String> {
    pem_rfc7468::encode_string("CERTIFICATE", LineEnding::LF, certificate).ok()
}
