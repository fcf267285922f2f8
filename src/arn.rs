//! The names of AWS resources, as far as we need them: where a queue, topic, bus or secret is.
//!
//! Format: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>. Nothing here knows
//! what the name is used for.

/// The parts of an ARN that names something in a region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arn<'a> {
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub name: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads an ARN of any partition.
    pub fn parse(arn: &'a str) -> Option<Self> {
        // The name may have colons of its own.
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, name] = parts[..] else { return None };
        // AWS adds partitions, and each is `aws` with something behind it.
        let is_partition =
            partition == "aws" || partition.starts_with("aws-") && is_name(&partition[4..], b"-");
        is_partition.then_some(Self { service, region, account, name })
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

    /// Region and account are such as resources have.
    pub fn is_placed(&self) -> bool {
        let digits = self.account.bytes().all(|byte| byte.is_ascii_digit());
        is_name(self.region, b"-") && self.account.len() == 12 && digits
    }
}

/// Letters, digits and these marks, at least one of them.
fn is_name(text: &str, marks: &[u8]) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte))
}
