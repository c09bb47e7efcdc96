//! Whom to believe over TLS: certificates that are signed by an authority, that are pinned, or any.
//!
//! EMR's own recipe for in-transit encryption makes a self-signed certificate that calls itself an authority and has no
//! name but a CN. No list of roots makes it a server's certificate for rustls (`CaUsedAsEndEntity`), so it is pinned:
//! compared whole, by its SHA-256. Name and dates do not matter then. Whatever is believed, the handshake must be signed
//! with the certificate's key.

use std::error::Error;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

/// Which servers are believed to be who they say.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Those whom the node's own roots vouch for.
    Platform,
    /// Those whom these roots vouch for, and no others.
    Roots(Roots),
    /// Those that have one of these certificates.
    Pinned(Vec<Fingerprint>),
    /// All.
    Anyone,
}

/// Certificates of authorities.
#[derive(Debug, Clone)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// Reads certificates in PEM form.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn parse(pem: &[u8]) -> Result<Roots, String> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("is no PEM: {error}"))?;
            store.add(certificate).map_err(|error| format!("has a certificate that is no root: {error}"))?;
        }
        if store.is_empty() {
            return Err("has no certificate in PEM form (-----BEGIN CERTIFICATE-----)".to_owned());
        }
        Ok(Roots(Arc::new(store)))
    }
}

/// The SHA-256 of a certificate's DER form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(certificate: &CertificateDer<'_>) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hex digits with or without colons, or the whole line that `openssl x509 -noout -fingerprint -sha256` prints.
impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Fingerprint, NoFingerprint> {
        let text = text.trim();
        let hex = match text.split_once('=') {
            Some((before, after)) if before.eq_ignore_ascii_case("sha256 fingerprint") => after,
            _ => text,
        };
        let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b':').collect();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(NoFingerprint);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit =
                |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(0).zip(digit(1)).map(|(high, low)| high << 4 | low).ok_or(NoFingerprint)?;
        }
        Ok(Fingerprint(bytes))
    }
}

/// A text is no SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoFingerprint;

impl fmt::Display for NoFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no SHA-256: 64 hex digits with or without colons, as openssl x509 -noout -fingerprint -sha256 prints it",
        )
    }
}

impl Error for NoFingerprint {}

/// What the HTTP client is to use; `None`: its own way, with the node's roots.
pub(super) fn config(trust: &Trust) -> Result<Option<ClientConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let mut config = match trust {
        Trust::Platform => return Ok(None),
        Trust::Roots(roots) => builder.with_root_certificates(Arc::clone(&roots.0)).with_no_client_auth(),
        Trust::Pinned(pins) => builder
            .dangerous()
            .with_custom_certificate_verifier(Verifier::new(Some(pins.clone()), &provider))
            .with_no_client_auth(),
        Trust::Anyone => builder
            .dangerous()
            .with_custom_certificate_verifier(Verifier::new(None, &provider))
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session shows no certificate; each new connection is to show one.
    config.resumption = Resumption::disabled();
    Ok(Some(config))
}

/// Believes a certificate for what it is and not for who signed it.
#[derive(Debug)]
struct Verifier {
    /// `None`: any.
    pins: Option<Vec<Fingerprint>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(pins: Option<Vec<Fingerprint>>, provider: &CryptoProvider) -> Arc<Verifier> {
        Arc::new(Verifier { pins, algorithms: provider.signature_verification_algorithms })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(end_entity);
        if self.pins.as_ref().is_none_or(|pins| pins.contains(&shown)) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::Other(OtherError(Arc::new(NotPinned(shown)))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms).map_err(not_signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms).map_err(not_signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Which certificate was shown instead of a pinned one.
#[derive(Debug)]
struct NotPinned(Fingerprint);

impl fmt::Display for NotPinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not pinned: {}", self.0)
    }
}

impl Error for NotPinned {}

/// A handshake was not signed with the certificate's key, or cannot be seen to be.
#[derive(Debug)]
struct NotSigned(rustls::Error);

impl fmt::Display for NotSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not signed: {}", self.0)
    }
}

impl Error for NotSigned {}

fn not_signed(error: rustls::Error) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(NotSigned(error)))).into()
}

/// What TLS has against a server, and the fix in `[table]`; `None` where an error is none of TLS.
pub(super) fn objection(error: &(dyn Error + 'static), table: &str) -> Option<String> {
    let error = innermost(error)?;
    // Of TLS's errors these two have a fix of their own.
    if let rustls::Error::InvalidCertificate(reason) = error {
        return Some(against_certificate(reason, table));
    }
    if let rustls::Error::InvalidMessage(_) = error {
        return Some(format!("it does not speak TLS: is url in [{table}] right?"));
    }
    Some(format!("TLS with it fails ({error})"))
}

fn against_certificate(reason: &CertificateError, table: &str) -> String {
    if let CertificateError::Other(OtherError(other)) = reason {
        if let Some(NotPinned(shown)) = other.downcast_ref() {
            return format!(
                "its certificate is not a pinned one (got {shown}): see pinned_sha256 in [{table}]"
            );
        }
        if let Some(NotSigned(why)) = other.downcast_ref() {
            return format!(
                "the handshake is not signed with its certificate's key ({why}); an RSA key needs 2048 bits"
            );
        }
        if format!("{other:?}") == "CaUsedAsEndEntity" {
            return format!(
                "its certificate is an authority's own, which is never trusted as a server's: \
                 set pinned_sha256 in [{table}]"
            );
        }
    }
    format!("its certificate is not trusted ({reason}): set ca_file or pinned_sha256 in [{table}]")
}

/// TLS's own error in a chain. I/O errors hide what they wrap: their source is that of what they wrap.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "00ff0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab";

    #[test]
    fn a_fingerprint_is_read_as_openssl_prints_it_and_without_colons() {
        let plain: Fingerprint = PLAIN.parse().unwrap();
        let shown = plain.to_string();
        assert!(shown.starts_with("00:FF:01:23:45:67:89:AB:CD:EF:") && shown.len() == 95, "{shown}");
        for same in [
            shown.clone(),
            shown.to_lowercase(),
            format!(" sha256 Fingerprint={shown}\n"),
            format!("SHA256 Fingerprint={shown}"),
        ] {
            assert_eq!(same.parse(), Ok(plain), "{same}");
        }
        for wrong in
            ["", "00", &PLAIN[1..], &PLAIN.replace('f', "g"), &format!("{PLAIN}00"), &format!("md5={PLAIN}")]
        {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NoFingerprint), "{wrong}");
        }
    }

    #[test]
    fn only_certificates_make_roots() {
        for (pem, expected) in [
            (&b""[..], "has no certificate"),
            (b"hello", "has no certificate"),
            (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "has no certificate"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no root"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "is no PEM"),
        ] {
            let said = Roots::parse(pem).unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn what_tls_says_is_found_inside_of_io_errors() {
        let tls = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let nested = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls()));
        let said = objection(&nested, "livy").unwrap();
        assert!(
            said.contains("UnknownIssuer") && said.ends_with("set ca_file or pinned_sha256 in [livy]"),
            "{said}"
        );
        assert_eq!(objection(&io::Error::from(io::ErrorKind::ConnectionRefused), "livy"), None);
    }
}
