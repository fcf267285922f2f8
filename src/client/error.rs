//! How an error of the SDK becomes a [`CallError`].
//!
//! Errors are classed by their code, wherever a reply tells it, since services answer with codes that
//! their models do not list (SWF models no throttling at all). The HTTP status counts only where no
//! code can be read, or nobody knows it. Nothing here knows an operation.
//! Common codes: <https://docs.aws.amazon.com/appflow/1.0/APIReference/CommonErrors.html>

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::date_time::{DateTime, Format};
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_types::error::operation::BuildError;

use super::connections::Unreached;
use super::told::Told;
use crate::call_error::{Answer, CallError, Class, cut};
use crate::timestamp::Timestamp;

/// Turns what the SDK reports into our own error. `classify` knows the codes of the service itself,
/// which win over the common ones.
pub fn call_error<E>(error: SdkError<E, HttpResponse>, classify: fn(&str) -> Option<Class>) -> CallError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let aws = |raw: &HttpResponse, metadata: Option<&ErrorMetadata>| {
        let mut told = Told::by(raw.headers(), raw.body().bytes().unwrap_or_default());
        // The SDK reads XML too.
        if let (None, Some(metadata)) = (&told.code, metadata) {
            told.code = metadata.code().map(String::from);
            told.message = told.message.or(metadata.message().map(String::from));
        }
        let known = |code: &str| classify(code).or_else(|| common(code));
        refusal(raw.status().as_u16(), raw.headers(), told, known, Class::Expired)
    };
    match error {
        SdkError::ServiceError(context) => aws(context.raw(), Some(context.err().meta())),
        SdkError::ResponseError(context) => aws(context.raw(), None),
        SdkError::TimeoutError(_) => connection_failed("the call timed out", Answer::Missing),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) => connector_error(error),
            None => connection_failed("the call could not be sent", Answer::Missing),
        },
        // The request never left: in a deployed function that means credentials or region.
        error => CallError::not_configured(format!("the call could not be made: {}", innermost(&error))),
    }
}

/// A call that lacks a part was never made.
impl From<BuildError> for CallError {
    fn from(error: BuildError) -> Self {
        Self::not_configured(error.to_string())
    }
}

/// What a reply means that is no success, or is one that cannot be read. `known` has the class of every code
/// that somebody knows; a code of which nobody knows more than that it is about keys is `about_keys`.
pub fn refusal(
    status: u16,
    headers: &Headers,
    told: Told,
    known: impl Fn(&str) -> Option<Class>,
    about_keys: Class,
) -> CallError {
    let Told { code, message, request_id } = told;
    let message = message.unwrap_or_default();
    let mut error = match code {
        Some(code) => {
            let class = (status == 429).then_some(Class::Throttle).or_else(|| signature_time(&message));
            let class = class.or_else(|| known(&code)).or(is_about_keys(&code).then_some(about_keys));
            let class = class.unwrap_or(unclassified(status));
            let message = match class {
                // The first line of such a message holds nothing but times.
                Class::RetryOnce => message.lines().next().unwrap_or_default(),
                _ if repeats_request(&code, known(&code).is_some()) => WITHHELD,
                _ => &message,
            };
            let repeated = message.to_ascii_lowercase().contains("x-amz-security-token");
            CallError::service(class, &code, if repeated { WITHHELD } else { message })
        }
        None if (200..300).contains(&status) => CallError::unreadable("the service's JSON"),
        None => by_status(status, &message),
    };
    error.request_id = request_id.or_else(|| request_id_of(headers)).map(|id| cut(&id, 128));
    error.retry_after = retry_after(headers);
    error
}

const WITHHELD: &str = "the service's message is withheld, since it repeats the signed request";

/// A refusal of the key, or of what was made with it.
pub fn is_about_keys(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    ["signature", "accesskey", "securitytoken"].iter().any(|word| code.contains(word))
}

/// A refused key or signature is explained by repeating what was signed, session token included. The code can
/// come from elsewhere than the message.
fn repeats_request(code: &str, known: bool) -> bool {
    // These are known to say no more than that they do not know the key.
    let harmless =
        known && ["InvalidAccessKeyI", "InvalidSecurityToken"].iter().any(|it| code.starts_with(it));
    is_about_keys(code) && !harmless
}

/// The class of a message that refuses the time of a signature. Most services have no code for that and answer
/// as for a wrong signature: "Signature expired: …", "Signature not yet current: …". Only the beginning tells,
/// as what was signed may be repeated behind it.
fn signature_time(message: &str) -> Option<Class> {
    let told = message.split([':', '\n']).next().unwrap_or_default().to_ascii_lowercase();
    let late = told.contains("expired") || told.contains("not yet current");
    (late && told.contains("signature")).then_some(Class::RetryOnce)
}

/// An error that only its HTTP status tells something of.
fn by_status(status: u16, message: &str) -> CallError {
    let class = match status {
        429 => Class::Throttle,
        401 | 403 => Class::Config,
        _ => unclassified(status),
    };
    let message = match message {
        "" => "the service's error cannot be read",
        message => message,
    };
    CallError::service(class, &format!("HTTP{status}"), message)
}

/// The class of a code that nobody knows.
fn unclassified(status: u16) -> Class {
    if status >= 500 { Class::Retry } else { Class::Unknown }
}

/// The id under which a service knows the call, as the reply's headers have it.
fn request_id_of(headers: &Headers) -> Option<String> {
    let names = ["x-amzn-requestid", "x-amz-request-id", "x-acs-request-id"];
    names.iter().find_map(|name| headers.get(name)).map(String::from)
}

/// The longest of the waits that a reply asks for: AWS and Alibaba Cloud say it in milliseconds,
/// HTTP in seconds, or as a date, which counts from that of the reply: no two clocks agree.
pub fn retry_after(headers: &Headers) -> Option<Duration> {
    let number = |name| {
        let text = headers.get(name)?.trim();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number too large to hold is a wait too long to end.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let date = |name| DateTime::from_str(headers.get(name)?.trim(), Format::HttpDate).ok();
    let seconds =
        date("retry-after").zip(date("date")).map(|(then, now)| then.secs().saturating_sub(now.secs()));
    let until_date = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    [
        number("x-amz-retry-after").map(Duration::from_millis),
        number("x-acs-retry-after").map(Duration::from_millis),
        number("retry-after").map(Duration::from_secs),
        until_date,
    ]
    .into_iter()
    .flatten()
    .max()
}

/// A call that ended without a reply. Where no connection was made, or the call was never sent,
/// nothing was asked.
pub fn connector_error(error: &ConnectorError) -> CallError {
    if let Some(error) = find::<CredentialsError>(error) {
        return no_credentials(error);
    }
    let unreached = find::<Unreached>(error);
    if unreached.is_none() && !error.is_io() && !error.is_timeout() {
        return CallError::not_configured(format!("the call could not be made: {}", innermost(error)));
    }
    let before_the_call = unreached.is_some_and(Unreached::before_the_call);
    connection_failed(&reason(error), if before_the_call { Answer::NotReached } else { Answer::Missing })
}

/// Credentials that are not there need a person; those that could not be fetched may come.
fn no_credentials(error: &CredentialsError) -> CallError {
    let missing = matches!(
        error,
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)
    );
    if missing {
        return CallError::not_configured("no AWS credentials were found");
    }
    let message = format!("the AWS credentials could not be fetched: {}", reason(error));
    CallError::own(Class::Retry, Answer::NotAsked, "ConnectionFailed", message)
}

/// The first error of a type among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

fn connection_failed(message: &str, answer: Answer) -> CallError {
    CallError::own(Class::Retry, answer, "ConnectionFailed", message)
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The first cause, which is the one that says something.
pub fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

/// The same in words, with the host where the way to one failed.
fn reason(error: &(dyn Error + 'static)) -> String {
    find::<Unreached>(error).map_or_else(|| innermost(error).to_string(), ToString::to_string)
}

/// A time of a service, which comes as a fraction of seconds and is read a little too low.
pub fn to_the_millisecond(time: &DateTime) -> Option<Timestamp> {
    let millis = (time.as_nanos() + 500_000).div_euclid(1_000_000);
    Timestamp::from_millis(i64::try_from(millis).ok()?)
}

/// Services whose names for throttling are many: their own, and those of the key service behind them.
pub fn throttling(code: &str) -> Option<Class> {
    code.to_ascii_lowercase().contains("throttl").then_some(Class::Throttle)
}

/// Codes that any AWS service can answer with.
pub fn common(code: &str) -> Option<Class> {
    Some(match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "ProvisionedThroughputExceededException"
        | "TransactionInProgressException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "LimitExceededException"
        | "RequestThrottled"
        | "SlowDown"
        | "PriorRequestNotComplete"
        | "EC2ThrottledException" => Class::Throttle,
        "InternalFailure"
        | "InternalError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException" => Class::Retry,
        "RequestExpired" | "RequestInTheFuture" | "RequestTimeTooSkewed" => Class::RetryOnce,
        "ExpiredToken" | "ExpiredTokenException" => Class::Expired,
        "ValidationError" | "ValidationException" => Class::Terminal,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "SubscriptionRequiredException"
        | "MalformedQueryString"
        | "UnknownOperationException"
        | "SerializationException" => Class::Config,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
