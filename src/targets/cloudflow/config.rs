//! Where CloudFlow is called, and with which keys.
//!
//! Alibaba Cloud's own variables keep their names. Nothing here is required: without CloudFlow's part a
//! deployment serves the other services. There are three ways to a key, of which a deployment goes one: of two,
//! nobody could tell which counts.

use super::{Endpoint, KeySource, Keys, Role, Signature};
use crate::variables::{Variables, can_be_in_a_header, endpoint_url};

const REGION: &str = "ALIBABA_CLOUD_REGION_ID";
const KEY: [&str; 3] =
    ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"];
const SECRET: &str = "COUNTERMAND_CLOUDFLOW_SECRET_ARN";
const ROLE: &str = "COUNTERMAND_CLOUDFLOW_ROLE_ARN";
const PROVIDER: &str = "COUNTERMAND_CLOUDFLOW_OIDC_PROVIDER_ARN";

/// Whom a token is for, where nobody else is named.
const AUDIENCE: &str = "sts.aliyuncs.com";

/// CloudFlow is optional: what it lacks is told to whoever asks for it, not at the start. The `placeholder` stands
/// in for the endpoints of the region.
pub fn endpoint(variables: &mut Variables, placeholder: Option<&str>) -> Result<Endpoint, String> {
    let region = variables.parsed(REGION, region);
    let mut url_of = |name, of_region: fn(&str) -> String| {
        let url = variables.parsed(name, endpoint_url).or_else(|| placeholder.map(Into::into));
        url.or_else(|| Some(of_region(region.as_deref()?)))
    };
    let url =
        url_of("COUNTERMAND_CLOUDFLOW_ENDPOINT_URL", |region| format!("https://{region}.fnf.aliyuncs.com"));
    let sts = url_of("COUNTERMAND_CLOUDFLOW_STS_ENDPOINT_URL", |region| {
        format!("https://sts.{region}.aliyuncs.com")
    });
    let signatures = [("acs3", Signature::Acs3), ("rpc-v1", Signature::RpcV1)];
    let signature = variables.word("COUNTERMAND_CLOUDFLOW_SIGNATURE", &signatures);
    let kept = variables.parsed(SECRET, KeySource::secret);
    let [id, secret, token] = KEY.map(|name| variables.key(name));
    let role = role(variables);
    refuse_two_ways(variables);
    let is_given = kept.is_none() && role.is_none();
    let missing = [
        (url.is_none() || role.is_some() && sts.is_none(), REGION),
        (is_given && id.is_none(), KEY[0]),
        (is_given && secret.is_none(), KEY[1]),
    ];
    let missing: Vec<_> = missing.into_iter().filter_map(|(missing, name)| missing.then_some(name)).collect();
    let lent = role.and_then(|[arn, provider, audience]| Some(Role { arn, provider, audience, url: sts? }));
    let lent = lent.map(KeySource::Role);
    let keys = kept.or(lent).or_else(|| Some(KeySource::Given(Keys { id: id?, secret: secret?, token })));
    match (url, keys) {
        (Some(url), Some(keys)) if missing.is_empty() => {
            Ok(Endpoint { url, keys, signature: signature.unwrap_or(Signature::Acs3) })
        }
        _ => Err(format!("not set: {}", missing.join(", "))),
    }
}

/// The role, its provider, and whom the token is for; the first two are set together, or not at all.
fn role(variables: &mut Variables) -> Option<[String; 3]> {
    let [arn, provider] = [(ROLE, "role"), (PROVIDER, "oidc-provider")]
        .map(|(name, kind)| variables.parsed(name, |arn| of_ram(arn, kind)));
    let audience = variables.parsed("COUNTERMAND_CLOUDFLOW_OIDC_AUDIENCE", |text| {
        let usable = text.len() <= 1_000 && !text.is_empty() && can_be_in_a_header(text);
        let expected = "1 to 1,000 printable ASCII characters without blanks";
        if usable { Ok(String::from(text)) } else { Err(expected.into()) }
    });
    for (set, needed) in [(ROLE, PROVIDER), (PROVIDER, ROLE)] {
        if variables.text(set).is_some() && variables.text(needed).is_none() {
            variables.problems.push(format!("{needed}: expected an ARN beside {set}, got none"));
        }
    }
    Some([arn?, provider?, audience.unwrap_or_else(|| AUDIENCE.into())])
}

/// What stands in a variable may be left over, and keys that nobody means are none to call with.
fn refuse_two_ways(variables: &mut Variables) {
    let ways = [&KEY[..], &[SECRET], &[ROLE, PROVIDER]];
    let mut set =
        ways.map(|names| names.iter().find(|name| variables.text(name).is_some())).into_iter().flatten();
    if let (Some(first), Some(second)) = (set.next(), set.next_back()) {
        variables
            .problems
            .push(format!("{second}: expected one way to CloudFlow's key, got another in {first}"));
    }
}

/// The ARN of what Alibaba Cloud's RAM has of a kind.
fn of_ram(arn: &str, kind: &str) -> Result<String, String> {
    let rest = arn.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(':'));
    let named = rest.and_then(|(account, rest)| Some((account, rest.strip_prefix(kind)?.strip_prefix('/')?)));
    let is_one = named.is_some_and(|(account, name)| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let digits = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit());
        digits && (1..=128).contains(&name.len()) && name.bytes().all(allowed)
    });
    if is_one { Ok(arn.into()) } else { Err(format!("acs:ram::<account>:{kind}/<name>")) }
}

fn region(name: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match !name.is_empty() && name.bytes().all(allowed) {
        true => Ok(name.into()),
        false => Err("a region id such as cn-hangzhou".into()),
    }
}

#[cfg(test)]
mod tests;
