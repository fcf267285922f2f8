//! RPC signature version 1.0 (HMAC-SHA1), which Alibaba Cloud's own client for CloudFlow still sends.
//!
//! Its common parameters travel in the query; query and body parameters are signed together. It signs
//! what it is given and knows no service, clock or HTTP client.
//! Method: <https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism>

use hmac::Hmac;
use sha1::Sha1;

use super::Keys;
use super::acs3::{encode, form, mac};

/// What a call adds to its own parameters.
pub struct Common<'a> {
    pub action: &'a str,
    pub version: &'a str,
    /// UTC in whole seconds, RFC 3339.
    pub timestamp: &'a str,
    pub nonce: &'a str,
}

/// The query of a signed request: the common parameters and `query` ones, with the signature last.
pub fn signed_query(
    keys: &Keys,
    method: &str,
    common: &Common,
    query: &[(&str, &str)],
    body: &[(&str, &str)],
) -> String {
    let mut sent = vec![
        ("Action", common.action),
        ("Format", "json"),
        ("Version", common.version),
        ("Timestamp", common.timestamp),
        ("SignatureNonce", common.nonce),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("AccessKeyId", keys.id.as_str()),
    ];
    if let Some(token) = &keys.token {
        sent.push(("SecurityToken", token));
    }
    sent.extend(query);
    let mut signed = [sent.as_slice(), body].concat();
    signed.sort_unstable();
    let to_sign = format!("{method}&%2F&{}", encode(&form(&signed)));
    let signature = mac::<Hmac<Sha1>>(format!("{}&", keys.secret).as_bytes(), to_sign.as_bytes());
    let signature = base64_simd::STANDARD.encode_to_string(signature);
    sent.push(("Signature", &signature));
    form(&sent)
}
