//! The names of AWS resources, as far as we need them: where a queue, topic, bus or secret is.
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
        // The name may have colons of its own.
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, name] = parts[..] else { return None };
        domain(partition)?;
        Some(Self { partition, service, region, account, name })
    }

    /// Region, account and name are such as queues, topics and buses have.
    pub fn is_complete(&self) -> bool {
        self.is_placed() && is_name(self.name, b"-_./")
    }

    /// A secret of Secrets Manager, its name after `secret:`.
    pub fn is_secret(&self) -> bool {
        let name = self.name.strip_prefix("secret:");
        self.service == "secretsmanager"
            && self.is_placed()
            && name.is_some_and(|name| is_name(name, b"/_+=.@-"))
    }

    fn is_placed(&self) -> bool {
        let digits = self.account.bytes().all(|byte| byte.is_ascii_digit());
        is_name(self.region, b"-") && self.account.len() == 12 && digits
    }

    /// The URL by which SQS knows a queue.
    pub fn queue_url(&self) -> String {
        let domain = domain(self.partition).unwrap_or_default();
        format!("https://sqs.{}.{domain}/{}/{}", self.region, self.account, self.name)
    }
}

/// Letters, digits and these marks, at least one of them.
fn is_name(text: &str, marks: &[u8]) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte))
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
