//! Whom TLS trusts: the authorities that a deployment has chosen, else those of the machine.
//!
//! `rustls-native-certs` reads them. Ours is only which it reads of the machine: the bundle alone, and not the
//! folder beside it too, which holds each certificate once more: on Debian
//! the folder would cost 4.9 ms of CPU, and the whole cold start takes 7.4. Decoding the bundle ourselves buys
//! 2 % of that at most, and nothing of the zip.
//! This module knows files and certificates, and no connection.

use std::path::Path;

use lambda_runtime::tracing;
use rustls::RootCertStore;
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use super::error::innermost;

/// The bundles of Amazon Linux and of Debian.
const USUAL: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// The authorities that the machine trusts; without any, no service can be called over TLS, which the log tells.
pub fn of_machine() -> RootCertStore {
    let mut bundles = USUAL.iter().map(|path| load_certs_from_paths(Some(Path::new(path)), None));
    let bundle = bundles.find(|found| !found.certs.is_empty());
    let trusted = store(bundle.unwrap_or_else(load_native_certs));
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
    some("a file", load_certs_from_paths(Some(Path::new(path)), None))
}

/// The authorities of folders, separated by colons.
///
/// # Errors
/// What was expected of them.
pub fn of_folders(paths: &str) -> Result<RootCertStore, String> {
    let mut found = CertificateResult::default();
    for path in std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()) {
        let CertificateResult { certs, errors, .. } = load_certs_from_paths(None, Some(&path));
        found.certs.extend(certs);
        found.errors.extend(errors);
    }
    some("folders", found)
}

fn some(place: &str, found: CertificateResult) -> Result<RootCertStore, String> {
    let wrong = found.errors.first().map(|error| innermost(error).to_string());
    let trusted = store(found);
    if trusted.is_empty() {
        let wrong = wrong.unwrap_or_else(|| "none was found".into());
        return Err(format!("{place} with certificates of authorities in PEM ({wrong})"));
    }
    Ok(trusted)
}

fn store(found: CertificateResult) -> RootCertStore {
    for error in &found.errors {
        tracing::warn!("a certificate of a trusted authority cannot be read: {error}");
    }
    let mut trusted = RootCertStore::empty();
    let (_, unusable) = trusted.add_parsable_certificates(found.certs);
    if unusable > 0 {
        tracing::warn!("{unusable} certificates of trusted authorities cannot be used");
    }
    trusted
}
