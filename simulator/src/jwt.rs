//! The tokens that AWS's side signs and Alibaba Cloud's side believes: JSON Web Tokens in form. What would be a
//! signature by RSA is a code by a secret that both sides know; whoever takes a token for what it is cannot tell.

use base64_simd::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;

/// What a token claims, its times in seconds since the epoch.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) jti: String,
}

/// Why a token is not believed.
#[derive(Debug, PartialEq)]
pub(crate) enum Wrong {
    /// It is no token.
    Form,
    /// It is signed by somebody else, or in another way.
    Signature,
}

pub(crate) fn sign(claims: &Claims) -> String {
    let header = json!({"alg": "RS256", "kid": "simulator-1", "typ": "JWT"});
    let parts =
        [header.to_string(), json!(claims).to_string()].map(|part| URL_SAFE_NO_PAD.encode_to_string(part));
    let signed = parts.join(".");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode_to_string(code(&signed)))
}

pub(crate) fn read(token: &str) -> Result<Claims, Wrong> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Wrong::Form)?;
    let (_, claims) = signed.split_once('.').ok_or(Wrong::Form)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode_to_vec(part).map_err(|_| Wrong::Form);
    let claims = serde_json::from_slice(&decoded(claims)?).map_err(|_| Wrong::Form)?;
    if decoded(signature)? == code(signed) { Ok(claims) } else { Err(Wrong::Signature) }
}

/// As long as a signature by RSA.
fn code(signed: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"the issuer's own").expect("a key of any length will do");
    mac.update(signed.as_bytes());
    mac.finalize().into_bytes().repeat(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_a_changed_one_does_not() {
        let text = String::from;
        let claims =
            Claims { iss: text("i"), sub: text("s"), aud: text("a"), iat: 1, exp: 301, jti: text("j") };
        let token = sign(&claims);
        assert!(token.starts_with("eyJ"), "{token}");
        assert_eq!(read(&token), Ok(Claims { ..claims }));
        let [header, body, _] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
        for (token, wrong) in [
            ("", Wrong::Form),
            ("one.two", Wrong::Form),
            (&format!("{header}.{body}."), Wrong::Signature),
            (&format!("{header}.{body}.%"), Wrong::Form),
            (&format!("{token}AAAA"), Wrong::Signature),
            (&token.replacen("eyJ", "eyK", 1), Wrong::Signature),
        ] {
            assert_eq!(read(token), Err(wrong), "{token}");
        }
    }
}
