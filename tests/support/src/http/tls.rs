//! Certificates, and who has them: an authority's servers, and those that follow EMR's own recipe.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256,
    RsaKeySize, SanType,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// A certificate with its key: what a server shows.
#[derive(Clone)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    pub(super) acceptor: TlsAcceptor,
}

impl Identity {
    /// What `openssl req -x509 -newkey rsa:2048 -nodes -subj '/CN=*.ec2.internal'` makes: self-signed, an authority by its
    /// own word, and without a name that clients look at.
    pub fn recipe() -> Self {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key can be made");
        let mut wishes = CertificateParams::default();
        wishes.distinguished_name.push(DnType::CommonName, "*.ec2.internal");
        wishes.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = wishes.self_signed(&key).expect("a certificate can be signed");
        Self::of(&certificate, &key)
    }

    /// The certificate in its binary form.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate as a file has it.
    pub fn pem(&self) -> String {
        pem(&self.certificate)
    }

    /// With somebody else's key: whoever has copied a certificate can show it, and sign nothing with it.
    #[must_use]
    pub fn stolen(&self) -> Self {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key can be made");
        Self::with(self.certificate.clone(), &key)
    }

    fn of(certificate: &Certificate, key: &KeyPair) -> Self {
        Self::with(certificate.der().clone(), key)
    }

    fn with(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let signing = provider.key_provider.load_private_key(key).expect("a key that was made here");
        // Without a look at whether they belong together.
        let shown = tokio_rustls::rustls::sign::CertifiedKey::new(vec![certificate.clone()], signing);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the usual versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(tokio_rustls::rustls::sign::SingleCertAndKey::from(shown)));
        Self { certificate, acceptor: Arc::new(config).into() }
    }
}

/// An authority of one's own.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Default for Authority {
    fn default() -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut wishes = CertificateParams::default();
        wishes.distinguished_name.push(DnType::CommonName, "an authority");
        wishes.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = wishes.self_signed(&key).expect("a certificate can be signed");
        Self { certificate, issuer: Issuer::new(wishes, key) }
    }
}

impl Authority {
    /// Its certificate as a file has it.
    pub fn pem(&self) -> String {
        pem(self.certificate.der())
    }

    /// A server on loopback.
    pub fn server(&self) -> Identity {
        self.sign(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)))
    }

    /// A server of another name.
    pub fn other_server(&self) -> Identity {
        self.sign(SanType::DnsName("other.example".try_into().expect("a name")))
    }

    fn sign(&self, name: SanType) -> Identity {
        let key = KeyPair::generate().expect("a key can be made");
        let mut wishes = CertificateParams::default();
        wishes.subject_alt_names.push(name);
        let certificate = wishes.signed_by(&key, &self.issuer).expect("a certificate can be signed");
        Identity::of(&certificate, &key)
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
