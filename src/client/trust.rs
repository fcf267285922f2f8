//! Whom TLS trusts: the authorities of the machine, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
//!
//! A hundred and more certificates are read before anything else can be done. Line by line that would be the
//! greater part of a cold start's CPU, so a bundle is read and decoded in one go. Whatever is not such a
//! bundle is left to `rustls-native-certs`. This module knows files and certificates, and no connection.

use std::path::Path;

use lambda_runtime::tracing;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::config;

/// The authorities to trust; without any, no service can be called over TLS, which the log tells.
pub fn authorities() -> RootCertStore {
    let mut trusted = RootCertStore::empty();
    let bundle = config::authorities().and_then(|path| bundle(&path));
    let (added, _) = trusted.add_parsable_certificates(bundle.unwrap_or_else(others));
    if added == 0 {
        tracing::warn!("no certificate of a trusted authority was found: no service can be called over TLS");
    }
    trusted
}

/// The certificates of a bundle; none where it cannot be read or holds anything that is not a certificate.
fn bundle(path: &Path) -> Option<Vec<CertificateDer<'static>>> {
    certificates(&std::fs::read_to_string(path).ok()?)
}

/// PEM, as RFC 7468 has it: what stands between the certificates are comments.
fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let parts = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let certificates: Option<Vec<_>> = parts
        .map(|part| {
            let (certificate, _) = part.split_once("-----END CERTIFICATE-----")?;
            let certificate = base64_simd::forgiving_decode_to_vec(certificate.as_bytes()).ok()?;
            Some(CertificateDer::from(certificate))
        })
        .collect();
    certificates.filter(|certificates| !certificates.is_empty())
}

/// What the machine has in other places and forms.
fn others() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!("a certificate of a trusted authority cannot be read: {error}");
    }
    found.certs
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;

    use super::*;

    const TWO: &str = "# one\n-----BEGIN CERTIFICATE-----\nAQID\nBAUG\n-----END CERTIFICATE-----\r\n\r\n# two é\n\
                       -----BEGIN CERTIFICATE-----\r\nBwgJCg==\r\n-----END CERTIFICATE-----\n";

    #[test]
    fn a_bundle_is_read_as_rustls_reads_it() {
        let expected: Vec<_> =
            CertificateDer::pem_slice_iter(TWO.as_bytes()).collect::<Result<_, _>>().expect("it is PEM");
        assert_eq!(expected.len(), 2);
        assert_eq!(certificates(TWO), Some(expected));
    }

    #[test]
    fn what_is_no_bundle_is_left_to_others() {
        for text in [
            "",
            "no certificate",
            "-----BEGIN CERTIFICATE-----\nAQID",
            "-----BEGIN CERTIFICATE-----\nAQ*D\n-----END CERTIFICATE-----",
            &TWO.replace("AQID", "AQ*D"),
        ] {
            assert_eq!(certificates(text), None, "{text}");
        }
    }
}
