//! How an error of the SDK becomes a [`CallError`].
//!
//! Errors are classed by their code, read from the metadata, since services answer with codes that
//! their models do not list (SWF models no throttling at all). The HTTP status counts only where no
//! code can be read. Nothing here knows an operation.
//! Common codes: <https://docs.aws.amazon.com/appflow/1.0/APIReference/CommonErrors.html>

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::connections::Unreached;
use crate::call_error::{Answer, CallError, Class};
use crate::timestamp::Timestamp;

/// Turns what the SDK reports into our own error. `classify` knows the codes of the service itself,
/// which win over the common ones.
pub fn call_error<E>(error: SdkError<E, HttpResponse>, classify: fn(&str) -> Option<Class>) -> CallError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(context) if context.raw().status().is_success() => unreadable(context.raw()),
        SdkError::ServiceError(context) => service_error(context.err().meta(), context.raw(), classify),
        SdkError::ResponseError(context) if context.raw().status().is_success() => unreadable(context.raw()),
        SdkError::ResponseError(context) => {
            let raw = context.raw();
            by_status(raw.status().as_u16(), "", raw.headers())
        }
        SdkError::TimeoutError(_) => connection_failed("the call timed out", Answer::Missing),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) => connector_error(error),
            None => connection_failed("the call could not be sent", Answer::Missing),
        },
        // The request never left: in a deployed function that means credentials or region.
        error => CallError::not_configured(format!("the call could not be made: {}", innermost(&error))),
    }
}

fn service_error(
    metadata: &aws_smithy_types::error::ErrorMetadata,
    raw: &HttpResponse,
    classify: fn(&str) -> Option<Class>,
) -> CallError {
    let status = raw.status().as_u16();
    let message = metadata.message().unwrap_or_default();
    let Some(code) = metadata.code() else {
        return by_status(status, message, raw.headers());
    };
    let class = signature_time(message).or_else(|| classify(code)).or_else(|| common(code));
    let class = class.unwrap_or(unclassified(status));
    let late = class == Class::RetryOnce;
    // The first line of such a message holds nothing but times.
    let message = if late { message.lines().next().unwrap_or_default() } else { message };
    // A refused signature is explained by repeating what was signed, session token included. The code can
    // come from elsewhere than the message.
    let repeats_it =
        code.contains("Signature") && !late || message.to_ascii_lowercase().contains("x-amz-security-token");
    let message = if repeats_it {
        "the service's message is withheld, since it repeats the signed request"
    } else {
        message
    };
    answered(CallError::service(class, code, message), raw.headers())
}

/// The class of a message that refuses the time of a signature. Most services have no code for that and answer
/// as for a wrong signature: "Signature expired: …", "Signature not yet current: …". Only the beginning tells,
/// as what was signed may be repeated behind it.
pub fn signature_time(message: &str) -> Option<Class> {
    let told = message.split([':', '\n']).next().unwrap_or_default().to_ascii_lowercase();
    let late = told.contains("expired") || told.contains("not yet current");
    (late && told.contains("signature")).then_some(Class::RetryOnce)
}

/// An error that only its HTTP status tells something of.
pub fn by_status(status: u16, message: &str, headers: &Headers) -> CallError {
    let class = match status {
        429 => Class::Throttle,
        401 | 403 => Class::Config,
        _ => unclassified(status),
    };
    let message = match message {
        "" => "the service's error cannot be read",
        message => message,
    };
    let error = CallError::service(class, &format!("HTTP{status}"), message);
    answered(error, headers)
}

/// The class of a code that nobody knows.
pub fn unclassified(status: u16) -> Class {
    if status >= 500 { Class::Retry } else { Class::Unknown }
}

fn unreadable(raw: &HttpResponse) -> CallError {
    answered(CallError::unreadable("the service's JSON"), raw.headers())
}

/// Adds what the reply's headers tell.
fn answered(mut error: CallError, headers: &Headers) -> CallError {
    error.request_id = ["x-amzn-requestid", "x-amz-request-id", "x-acs-request-id"]
        .iter()
        .find_map(|name| headers.get(name))
        .map(|id| crate::call_error::cut(id, 128));
    error.retry_after = retry_after(headers);
    error
}

/// The longest of the waits that a reply asks for: AWS and Alibaba Cloud say it in milliseconds,
/// HTTP in seconds.
pub fn retry_after(headers: &Headers) -> Option<Duration> {
    let number = |name| {
        let text = headers.get(name)?.trim();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number too large to hold is a wait too long to end.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    [
        number("x-amz-retry-after").map(Duration::from_millis),
        number("x-acs-retry-after").map(Duration::from_millis),
        number("retry-after").map(Duration::from_secs),
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
