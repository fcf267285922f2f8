//! Requests that the official Alibaba Cloud client signed, and one that Alibaba Cloud publishes,
//! are accepted as they are; each change to one of them is refused.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::*;
use crate::wire::tests::request;
use crate::world::World;

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    key_id: String,
    secret: String,
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../tests/signatures.json")).unwrap()
}

fn vector(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name == name).unwrap()
}

fn check(vector: &Vector) -> Result<Signed, Failure> {
    let headers: Vec<_> =
        vector.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = request(&vector.method, &vector.target, &headers, &vector.body);
    let keys = [Key { id: &vector.key_id, secret: &vector.secret, token: None }];
    match request.header("authorization") {
        Some(authorization) => acs3(&request, authorization, &keys),
        None => rpc(&request, &keys),
    }
}

#[test]
fn rightly_signed_requests_are_accepted() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 25);
    for vector in vectors {
        let signed = check(&vector).unwrap_or_else(|failure| panic!("{}: {failure:?}", vector.name));
        assert_eq!(signed.nonce.len(), 32, "{}", vector.name);
    }
}

#[test]
fn changed_requests_are_refused() {
    type Change = fn(&mut Vector);
    let acs3 = "acs3 minimal stop_cause_error";
    let rpc = "rpc stop_cause_error";
    let cases: [(&str, Change, &str); 13] = [
        (acs3, |v| v.secret.push('x'), "SignatureDoesNotMatch"),
        (acs3, |v| v.key_id.push('x'), "InvalidAccessKeyId.NotFound"),
        (acs3, |v| v.body.push('x'), "SignatureDoesNotMatch"),
        (acs3, |v| v.target.push_str("?a=b"), "SignatureDoesNotMatch"),
        (acs3, |v| drop(v.headers.insert("host".into(), "127.0.0.1".into())), "SignatureDoesNotMatch"),
        (acs3, |v| drop(v.headers.insert("x-acs-extra".into(), "1".into())), "IncompleteSignature"),
        (acs3, |v| drop(v.headers.remove("x-acs-date")), "MissingRequiredHeader"),
        (acs3, |v| drop(v.headers.remove("x-acs-content-sha256")), "MissingRequiredHeader"),
        (
            acs3,
            |v| drop(v.headers.insert("authorization".into(), "AWS4-HMAC-SHA256 x".into())),
            "IncompleteSignature",
        ),
        (rpc, |v| v.secret.push('x'), "SignatureDoesNotMatch"),
        (rpc, |v| v.body = v.body.replace("test", "nothing"), "SignatureDoesNotMatch"),
        (rpc, |v| v.target = v.target.replace("&Format=json", ""), "MissingRequiredParams"),
        (
            rpc,
            |v| v.target = v.target.replace("HMAC-SHA1", "HMAC-SHA256"),
            "InvalidParameter.SignatureMethod",
        ),
    ];
    for (index, (name, change, expected)) in cases.into_iter().enumerate() {
        let mut vector = vector(name);
        change(&mut vector);
        let failure = check(&vector).expect_err(expected);
        assert_eq!(failure.code, expected, "case {index}: {}", failure.message);
    }
}

#[test]
fn a_mismatch_repeats_what_was_signed() {
    let mut vector = vector("rpc stop_minimal");
    vector.secret.push('x');
    let message = check(&vector).unwrap_err().message;
    assert!(message.contains("LTAI5tVectorGenExample01"), "{message}");
}

#[test]
fn old_and_malformed_times_are_refused() {
    let now = OffsetDateTime::parse("2026-01-02T03:04:05Z", &Rfc3339).unwrap();
    let cases = [
        ("2026-01-02T03:04:05Z", None),
        ("2026-01-02T02:49:05Z", None),
        ("2026-01-02T02:49:04Z", Some("InvalidTimeStamp.Expired")),
        ("2026-01-02T03:19:06Z", Some("InvalidTimeStamp.Expired")),
        ("2026-01-02T03:04:05.123Z", Some("InvalidTimeStamp.Format")),
        ("2026-01-02 03:04:05Z", Some("InvalidTimeStamp.Format")),
    ];
    for (timestamp, expected) in cases {
        let code = timely(timestamp, now).err().map(|failure| failure.code);
        assert_eq!(code.as_deref(), expected, "{timestamp}");
    }
}

#[test]
fn a_nonce_is_good_once() {
    let mut state = State::new(World::default());
    let now = OffsetDateTime::from(SystemTime::now() - Duration::from_secs(1)).replace_nanosecond(0).unwrap();
    let timestamp = now.format(&Rfc3339).unwrap();
    let body = "ExecutionName=exec&FlowName=flow";
    let hash = hex::encode(Sha256::digest(body));
    let names = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
    let headers = [
        ("host", "127.0.0.1:4100"),
        ("x-acs-action", "StopExecution"),
        ("x-acs-content-sha256", &hash),
        ("x-acs-date", &timestamp),
        ("x-acs-signature-nonce", "nonce-1"),
        ("x-acs-version", "2019-03-15"),
    ];
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let canonical = format!("POST\n/\n\n{lines}\n{names}\n{hash}");
    let mut mac = Hmac::<Sha256>::new_from_slice(ALIBABA_ACCESS_KEY_SECRET.as_bytes()).unwrap();
    mac.update(format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical))).as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let authorization = format!(
        "ACS3-HMAC-SHA256 Credential={ALIBABA_ACCESS_KEY_ID},SignedHeaders={names},Signature={signature}"
    );
    let mut all = headers.to_vec();
    all.push(("authorization", &authorization));
    let request = request("POST", "/", &all, body);
    verify(&request, &mut state).unwrap();
    assert_eq!(verify(&request, &mut state).unwrap_err().code, "SignatureNonceUsed");
}
