//! The check of Alibaba Cloud's two request signatures, as the gateway in front of CloudFlow makes
//! it: ACS3-HMAC-SHA256 in headers, and RPC signature 1.0 (HMAC-SHA1) in the query. It shares no
//! code with the function's signers, so that one mistake cannot hide in both.

use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::refusal::Failure;
use crate::wire::{Form, Request};
use crate::work::State;
use crate::{ALIBABA_ACCESS_KEY_ID, ALIBABA_ACCESS_KEY_SECRET};

/// RFC 3986: everything but the unreserved characters is escaped.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request may be so much older or younger than the gateway's clock.
const SKEW_SECONDS: i64 = 15 * 60;

/// The nonces seen: each may be used once.
#[derive(Debug, Default)]
pub(crate) struct Nonces(HashSet<String>);

/// Refuses a request that is not signed, or not rightly signed, with the simulator's key or one that was lent.
pub(crate) fn verify(request: &Request, state: &mut State) -> Result<(), Failure> {
    let own = Key { id: ALIBABA_ACCESS_KEY_ID, secret: ALIBABA_ACCESS_KEY_SECRET, token: None };
    let (now, expired) = (state.clock.now(), state.world.expired_lent_keys);
    let lent = state.lent.iter().enumerate().map(|(number, lent)| Key {
        id: &lent.id,
        secret: &lent.secret,
        token: Some((&lent.token, number >= expired && now < lent.end)),
    });
    let keys = std::iter::once(own).chain(lent).collect::<Vec<_>>();
    let signed = match request.header("authorization") {
        Some(authorization) => acs3(request, authorization, &keys)?,
        None => rpc(request, &keys)?,
    };
    timely(&signed.timestamp, SystemTime::now().into())?;
    if !state.nonces.0.insert(signed.nonce) {
        return Err(Failure::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."));
    }
    Ok(())
}

struct Key<'a> {
    id: &'a str,
    secret: &'a str,
    /// Of a temporary key, and whether it still counts.
    token: Option<(&'a str, bool)>,
}

/// What a rightly signed request says about itself.
#[derive(Debug)]
struct Signed {
    timestamp: String,
    nonce: String,
}

fn acs3(request: &Request, authorization: &str, keys: &[Key<'_>]) -> Result<Signed, Failure> {
    let incomplete = |message: String| Failure::new(400, "IncompleteSignature", message);
    let Some(parameters) = authorization.strip_prefix("ACS3-HMAC-SHA256 ") else {
        return Err(incomplete(format!("expected ACS3-HMAC-SHA256, got `{authorization}`")));
    };
    let parameter = |name: &str| {
        parameters
            .split(',')
            .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
            .ok_or_else(|| incomplete(format!("the Authorization header has no {name}")))
    };
    let key = known(parameter("Credential")?, request.header("x-acs-security-token"), keys)?;
    let signature = parameter("Signature")?;
    let names: Vec<_> = parameter("SignedHeaders")?.split(';').collect();
    if !names.is_sorted() || names.iter().any(|name| *name != name.to_lowercase()) {
        return Err(incomplete(format!("SignedHeaders: expected sorted names in lower case, got {names:?}")));
    }
    let header = |name: &str| {
        let missing = || {
            let message = format!("The HTTP header '{name}' must be specified.");
            Failure::new(400, "MissingRequiredHeader", message)
        };
        request.header(name).map(str::trim).ok_or_else(missing)
    };
    for required in ["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce"] {
        header(required)?;
    }
    let must_be_signed = |name: &str| name.starts_with("x-acs-") || name == "host" || name == "content-type";
    let unsigned =
        request.headers.keys().find(|name| must_be_signed(name.as_str()) && !names.contains(&name.as_str()));
    if let Some(name) = unsigned {
        return Err(incomplete(format!("the header {name} must be signed")));
    }
    let hash = hex::encode(Sha256::digest(&request.body));
    if header("x-acs-content-sha256")? != hash {
        let message = format!("x-acs-content-sha256 is not the hash of the body, expected {hash}");
        return Err(Failure::new(400, "SignatureDoesNotMatch", message));
    }
    let mut canonical_headers = String::new();
    for name in &names {
        canonical_headers += &format!("{name}:{}\n", header(name)?);
    }
    let canonical_request = format!(
        "{}\n{}\n{}\n{canonical_headers}\n{}\n{hash}",
        request.method,
        request.path,
        canonical(&Form::of_query(&request.query).0),
        names.join(";"),
    );
    let string_to_sign =
        format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical_request.as_bytes())));
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.as_bytes()).expect("a key of any length will do");
    mac.update(string_to_sign.as_bytes());
    if hex::encode(mac.finalize().into_bytes()) != signature {
        return Err(mismatch(&canonical_request));
    }
    Ok(Signed {
        timestamp: header("x-acs-date")?.to_owned(),
        nonce: header("x-acs-signature-nonce")?.to_owned(),
    })
}

fn rpc(request: &Request, keys: &[Key<'_>]) -> Result<Signed, Failure> {
    let mut parameters = Form::of_query(&request.query).0;
    let signature = parameters.remove("Signature");
    let missing = |name: &str| {
        let message = format!("The HTTP query '{name}' must be specified.");
        Failure::new(400, "MissingRequiredParams", message)
    };
    let parameter = |name: &str| parameters.get(name).cloned().ok_or_else(|| missing(name));
    let token = parameters.get("SecurityToken").map(String::as_str);
    let key = known(&parameter("AccessKeyId")?, token, keys)?;
    let timestamp = parameter("Timestamp")?;
    let nonce = parameter("SignatureNonce")?;
    let expected = [
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        // Without it the gateway answers in XML.
        ("Format", "json"),
    ];
    for (name, expected) in expected {
        let value = parameter(name)?;
        if !value.eq_ignore_ascii_case(expected) {
            let message = format!("{name}: expected {expected}, got `{value}`");
            return Err(Failure::new(400, format!("InvalidParameter.{name}"), message));
        }
    }
    let signature = signature.ok_or_else(|| missing("Signature"))?;
    let body =
        Form::of_body(&request.body).map_err(|message| Failure::new(400, "InvalidArgument", message))?;
    parameters.extend(body.0);
    let string_to_sign = format!("{}&%2F&{}", request.method, escape(&canonical(&parameters)));
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{}&", key.secret).as_bytes())
        .expect("a key of any length will do");
    mac.update(string_to_sign.as_bytes());
    if base64_simd::STANDARD.encode_to_string(mac.finalize().into_bytes()) != signature {
        return Err(mismatch(&string_to_sign));
    }
    Ok(Signed { timestamp, nonce })
}

/// The key of that name, which is temporary together with its token alone.
fn known<'a, 'k>(id: &str, token: Option<&str>, keys: &'a [Key<'k>]) -> Result<&'a Key<'k>, Failure> {
    let Some(key) = keys.iter().find(|key| key.id == id) else {
        return Err(Failure::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."));
    };
    let refused = |code: &str| Err(Failure::new(403, code, "Specified SecurityToken is not valid."));
    match (key.token, token) {
        (None, _) => Ok(key),
        (Some(_), None) => refused("MissingSecurityToken"),
        (Some((own, _)), Some(token)) if own != token => {
            refused("InvalidSecurityToken.MismatchWithAccessKey")
        }
        (Some((_, true)), _) => Ok(key),
        (Some((_, false)), _) => refused("InvalidSecurityToken.Expired"),
    }
}

/// The gateway repeats what it signed, parameters and key id included.
fn mismatch(signed: &str) -> Failure {
    Failure::new(
        400,
        "SignatureDoesNotMatch",
        format!("Specified signature is not matched with our calculation. server string to sign is:{signed}"),
    )
}

fn timely(timestamp: &str, now: OffsetDateTime) -> Result<(), Failure> {
    let malformed = || {
        let message = format!("expected a time as 2026-01-02T03:04:05Z, got `{timestamp}`");
        Failure::new(400, "InvalidTimeStamp.Format", message)
    };
    // Whole seconds, in UTC, with a T: RFC 3339 would allow more.
    let fine = timestamp.len() == "2026-01-02T03:04:05Z".len()
        && timestamp.contains('T')
        && timestamp.ends_with('Z');
    if !fine {
        return Err(malformed());
    }
    let time = OffsetDateTime::parse(timestamp, &Rfc3339).map_err(|_| malformed())?;
    if (now - time).whole_seconds().abs() > SKEW_SECONDS {
        return Err(Failure::new(
            400,
            "InvalidTimeStamp.Expired",
            "Specified time stamp or date value is expired.",
        ));
    }
    Ok(())
}

fn escape(text: &str) -> String {
    percent_encode(text.as_bytes(), ESCAPED).to_string()
}

/// Names and values escaped, sorted by name.
fn canonical(parameters: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> =
        parameters.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests;
