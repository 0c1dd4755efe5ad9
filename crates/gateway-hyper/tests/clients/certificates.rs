//! A certificate for a server, and the one to trust for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// Files in a folder of their own, which goes with this.
pub(crate) struct Certificates {
    folder: PathBuf,
    roots: String,
}

impl Certificates {
    /// Whom the certificate is for.
    pub(crate) const HOST: &str = "localhost";

    /// Makes a root and, by it, a certificate.
    pub(crate) fn make() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("clients-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir(&folder).unwrap();

        let mut root = CertificateParams::default();
        root.distinguished_name = named("the root of these tests");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();

        let mut server = CertificateParams::new([Self::HOST.to_owned()]).unwrap();
        server.distinguished_name = named(Self::HOST);
        // Python is strict: it asks for the key that a certificate was signed with.
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let server = server.signed_by(&key, &root).unwrap();

        let roots = folder.join("roots.pem");
        fs::write(&roots, root.pem()).unwrap();
        let certificates = Self { folder, roots: roots.into_os_string().into_string().unwrap() };
        fs::write(certificates.chain(), server.pem()).unwrap();
        fs::write(certificates.key(), key.serialize_pem()).unwrap();
        certificates
    }

    /// The file with the root.
    pub(crate) fn roots(&self) -> &str {
        &self.roots
    }

    /// The file with the certificate of the server.
    pub(crate) fn chain(&self) -> PathBuf {
        self.folder.join("chain.pem")
    }

    /// The file with its key.
    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
