//! The names of AWS resources, as far as we need them: where a queue, topic or bus is.
//!
//! Format: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>. Nothing here knows
//! what the name is used for.

/// The parts of an ARN that names something in a region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arn<'a> {
    partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    account: &'a str,
    pub name: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads an ARN in a partition that is known.
    pub fn parse(arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", partition, service, region, account, name] = parts[..] else { return None };
        domain(partition)?;
        Some(Self { partition, service, region, account, name })
    }

    /// Region, account and name are such as exist.
    pub fn is_complete(&self) -> bool {
        let named = |text: &str, marks: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte))
        };
        let account_given =
            self.account.len() == 12 && self.account.bytes().all(|byte| byte.is_ascii_digit());
        named(self.region, b"-") && account_given && named(self.name, b"-_./")
    }

    /// The URL by which SQS knows a queue.
    pub fn queue_url(&self) -> String {
        let domain = domain(self.partition).unwrap_or_default();
        format!("https://sqs.{}.{domain}/{}/{}", self.region, self.account, self.name)
    }
}

/// The domain of a partition's endpoints.
fn domain(partition: &str) -> Option<&'static str> {
    Some(match partition {
        "aws" | "aws-us-gov" => "amazonaws.com",
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        _ => return None,
    })
}
