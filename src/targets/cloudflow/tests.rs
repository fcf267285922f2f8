use serde_json::Value;

use super::acs3::Request;
use super::*;

fn vectors(text: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(text).expect("a vector file is JSON");
    document["vectors"].as_array().expect("a vector file has vectors").clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn keys(inputs: &Value) -> Keys {
    Keys {
        id: text(&inputs["access_key_id"]).into(),
        secret: text(&inputs["access_key_secret"]).into(),
        token: inputs["security_token"].as_str().map(String::from),
    }
}

/// Name and value pairs, names in lower case, sorted as the signature wants them.
fn sorted(pairs: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort();
    pairs
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The query as it is signed: blanks as `%20`, sorted.
fn canonical_query(target: &str) -> String {
    target.split_once('?').map_or(String::new(), |(_, query)| query.replace('+', "%20"))
}

#[test]
fn acs3_signs_as_the_official_client_does_in_both_header_forms() {
    let vectors = vectors(include_str!("../../../tests/facts/acs3_vectors.json"));
    assert_eq!(vectors.len(), 12);
    for vector in vectors {
        let sent = &vector["sdk"]["request"];
        let query = canonical_query(text(&sent["target"]));
        let body_hash = acs3::hash(text(&sent["body"]).as_bytes());
        let signed: Vec<&str> = text(&vector["sdk"]["signed_headers"]).split(';').collect();
        let all = sorted(sent["headers"].as_array().expect("headers").iter().filter_map(|header| {
            let name = text(&header[0]).to_lowercase();
            signed.contains(&name.as_str()).then(|| (name, text(&header[1]).to_owned()))
        }));
        let minimal = vector["minimal"]["headers"].as_object().expect("headers");
        let minimal = sorted(minimal.iter().map(|(name, value)| (name.clone(), text(value).to_owned())));
        for (form, headers) in [("sdk", all), ("minimal", minimal)] {
            let request = Request {
                method: text(&sent["method"]),
                query: &query,
                headers: &borrowed(&headers),
                body_hash: &body_hash,
            };
            assert_eq!(
                acs3::authorization(&keys(&vector["inputs"]), &request),
                text(&vector[form]["authorization"]),
                "{} {form}",
                vector["name"]
            );
        }
    }
}

#[test]
fn acs3_signs_the_published_example() {
    let document: Value =
        serde_json::from_str(include_str!("../../../tests/facts/acs3_vectors.json")).expect("JSON");
    let vector = &document["published_document_vector"];
    let pairs = |value: &Value| {
        let object = value.as_object().expect("an object");
        sorted(object.iter().map(|(name, value)| (name.clone(), text(value).to_owned())))
    };
    let headers = pairs(&vector["headers"]);
    let request = Request {
        method: "POST",
        query: &acs3::form(&pairs(&vector["query"])),
        headers: &borrowed(&headers),
        body_hash: &acs3::hash(b""),
    };
    assert_eq!(acs3::authorization(&keys(vector), &request), text(&vector["authorization"]));
}

#[test]
fn rpc_v1_signs_as_the_official_client_does() {
    let vectors = vectors(include_str!("../../../tests/facts/rpc_v1_vectors.json"));
    assert_eq!(vectors.len(), 12);
    for vector in vectors {
        let inputs = &vector["inputs"];
        let sent = &vector["sdk"]["request"];
        let parameters = inputs["params"].as_object().expect("parameters").iter().map(|(name, value)| {
            (name.clone(), value.as_str().map_or_else(|| value.to_string(), String::from))
        });
        let parameters: Vec<(String, String)> = parameters.collect();
        let parameters = borrowed(&parameters);
        let common = rpc_v1::Common {
            action: text(&inputs["action"]),
            version: text(&inputs["version"]),
            timestamp: text(&inputs["date"]),
            nonce: text(&inputs["nonce"]),
        };
        let method = text(&sent["method"]);
        let none = Vec::new();
        let (query, body) = if method == "GET" { (&parameters, &none) } else { (&none, &parameters) };
        let signed = rpc_v1::signed_query(&keys(inputs), method, &common, query, body);
        let mine: Vec<&str> = signed.split('&').collect();
        let theirs = canonical_query(text(&sent["target"]));
        let mut theirs: Vec<&str> = theirs.split('&').collect();
        let mut sorted = mine.clone();
        sorted.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(sorted, theirs, "{}", vector["name"]);
    }
}

#[test]
fn a_call_carries_what_is_given_sorted_and_nothing_empty() {
    let cancellation = Cancellation {
        flow_name: "flow".into(),
        execution_name: ["exec".into()],
        cause: Some("a b+c".into()),
        error: None,
        request_id: Default::default(),
    };
    assert_eq!(acs3::form(&cancellation.parameters()), "Cause=a%20b%2Bc&ExecutionName=exec&FlowName=flow");
}

#[test]
fn keys_never_show_in_debug_output() {
    let keys = Keys { id: "an-id".into(), secret: "a-secret".into(), token: Some("a-token".into()) };
    assert_eq!(format!("{keys:?}"), "Keys(withheld)");
}

#[test]
fn every_known_code_of_cloudflow_has_its_class() {
    crate::targets::tests::check_codes("cloudflow", classify);
    assert_eq!(classify("Throttling.Something"), Some(Class::Throttle));
    assert_eq!(classify("Forbidden.RAM"), Some(Class::Config));
    assert_eq!(classify("InvalidSecurityToken.Malformed"), Some(Class::Config));
    assert_eq!(classify("Surprise"), None);
}
