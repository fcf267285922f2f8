//! Whom TLS trusts: the authorities that a deployment has chosen, else those of the machine.
//!
//! A hundred and more certificates are read before anything else can be done. Line by line that would be the
//! greater part of a cold start's CPU, so a bundle is read and decoded in one go. Whatever is not such a
//! bundle is left to `rustls-native-certs`. This module knows files and certificates, and no connection.

use lambda_runtime::tracing;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

/// The bundles of Amazon Linux and of Debian, which hold what their folders of certificates hold.
const USUAL: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// The authorities that the machine trusts; without any, no service can be called over TLS, which the log tells.
pub fn of_machine() -> RootCertStore {
    let bundle = USUAL.iter().find_map(|path| certificates(&std::fs::read_to_string(path).ok()?));
    let trusted = store(bundle.unwrap_or_else(|| found(load_native_certs())));
    if trusted.is_empty() {
        tracing::warn!("no certificate of a trusted authority was found: no service can be called over TLS");
    }
    trusted
}

/// The authorities of a file.
///
/// # Errors
/// What was expected of it.
pub fn of_file(path: &str) -> Result<RootCertStore, String> {
    let expected = |found: &str| format!("a file with certificates of authorities in PEM ({found})");
    let pem = std::fs::read(path).map_err(|error| expected(&error.to_string()))?;
    let bundle = std::str::from_utf8(&pem).ok().and_then(certificates);
    let trusted = store(bundle.unwrap_or_else(|| CertificateDer::pem_slice_iter(&pem).flatten().collect()));
    Some(trusted).filter(|trusted| !trusted.is_empty()).ok_or_else(|| expected("none was found"))
}

/// The authorities of folders, separated by colons.
///
/// # Errors
/// What was expected of them.
pub fn of_folders(paths: &str) -> Result<RootCertStore, String> {
    let folders = std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty());
    let trusted = store(folders.flat_map(|path| found(load_certs_from_paths(None, Some(&path)))));
    let expected = "folders with certificates of authorities in PEM (none was found)";
    Some(trusted).filter(|trusted| !trusted.is_empty()).ok_or_else(|| expected.into())
}

fn store(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> RootCertStore {
    let mut trusted = RootCertStore::empty();
    let (_, unusable) = trusted.add_parsable_certificates(certificates);
    if unusable > 0 {
        tracing::warn!("{unusable} certificates of trusted authorities cannot be used");
    }
    trusted
}

fn found(result: CertificateResult) -> Vec<CertificateDer<'static>> {
    for error in &result.errors {
        tracing::warn!("a certificate of a trusted authority cannot be read: {error}");
    }
    result.certs
}

/// The certificates of a bundle; none where it holds anything that is not a certificate. What stands between
/// them are comments, as RFC 7468 has it.
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

#[cfg(test)]
mod tests {
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
