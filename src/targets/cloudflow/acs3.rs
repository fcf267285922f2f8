//! The signature ACS3-HMAC-SHA256, version 3 of Alibaba Cloud's request signatures.
//!
//! It is written here because no maintained crate makes it. It signs what it is given and knows no
//! service, clock or HTTP client.
//! Method: <https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature>

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::Keys;

/// RFC 3986's unreserved characters stay as they are, everything else is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes a name or a value.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `name=value` pairs, encoded and joined, in the order given.
pub fn form<N: AsRef<str>, V: AsRef<str>>(parameters: &[(N, V)]) -> String {
    parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name.as_ref()), encode(value.as_ref())))
        .collect::<Vec<_>>()
        .join("&")
}

/// The value of `x-acs-content-sha256` for a body.
pub fn hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// What is signed: every header here counts, in lower case and sorted by name.
pub struct Request<'a> {
    pub method: &'a str,
    /// Encoded and sorted, empty where there is none.
    pub query: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body_hash: &'a str,
}

/// The value of the `Authorization` header.
pub fn authorization(keys: &Keys, request: &Request) -> String {
    let headers: String =
        request.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let signed = request.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let canonical =
        format!("{}\n/\n{}\n{headers}\n{signed}\n{}", request.method, request.query, request.body_hash);
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", hash(canonical.as_bytes()));
    format!(
        "ACS3-HMAC-SHA256 Credential={},SignedHeaders={signed},Signature={}",
        keys.id,
        hex::encode(mac::<Hmac<Sha256>>(keys.secret.as_bytes(), to_sign.as_bytes()))
    )
}

/// The code of a message by one of the methods of HMAC.
pub fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length; the type's error is for algorithms that do not.
    <M as KeyInit>::new_from_slice(key)
        .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}
