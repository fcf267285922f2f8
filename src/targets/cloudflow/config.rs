//! Where CloudFlow is called, and with which keys.
//!
//! Alibaba Cloud's own variables keep their names. Nothing here is required: without CloudFlow's part a
//! deployment serves the other services.

use super::{Endpoint, KeySource, Keys, Signature};
use crate::variables::{Variables, endpoint_url};

/// CloudFlow is optional: what it lacks is told to whoever asks for it, not at the start. The `placeholder` stands
/// in for the endpoint of the region.
pub fn endpoint(variables: &mut Variables, placeholder: Option<&str>) -> Result<Endpoint, String> {
    let region = variables.parsed("ALIBABA_CLOUD_REGION_ID", region);
    let url = variables.parsed("COUNTERMAND_CLOUDFLOW_ENDPOINT_URL", endpoint_url);
    let signatures = [("acs3", Signature::Acs3), ("rpc-v1", Signature::RpcV1)];
    let signature = variables.word("COUNTERMAND_CLOUDFLOW_SIGNATURE", &signatures);
    let kept = variables.parsed("COUNTERMAND_CLOUDFLOW_SECRET_ARN", KeySource::secret);
    let id = variables.key("ALIBABA_CLOUD_ACCESS_KEY_ID");
    let secret = variables.key("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    let token = variables.key("ALIBABA_CLOUD_SECURITY_TOKEN");
    let url = url.or_else(|| placeholder.map(Into::into));
    let url = url.or_else(|| Some(format!("https://{}.fnf.aliyuncs.com", region?)));
    let missing: Vec<_> = [
        (url.is_none(), "ALIBABA_CLOUD_REGION_ID"),
        (kept.is_none() && id.is_none(), "ALIBABA_CLOUD_ACCESS_KEY_ID"),
        (kept.is_none() && secret.is_none(), "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
    ]
    .into_iter()
    .filter_map(|(missing, name)| missing.then_some(name))
    .collect();
    // A secret says where the keys are now; what stands in the environment beside it may be left over.
    let keys = kept.or_else(|| Some(KeySource::Given(Keys { id: id?, secret: secret?, token })));
    match (url, keys) {
        (Some(url), Some(keys)) => {
            Ok(Endpoint { url, keys, signature: signature.unwrap_or(Signature::Acs3) })
        }
        _ => Err(format!("not set: {}", missing.join(", "))),
    }
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
