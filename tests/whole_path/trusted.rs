//! Whom the function trusts over TLS: a call goes to a host only where its certificate is of a trusted
//! authority, for that host, and of this time. Else nothing is sent, and the outcome says why.

use std::path::PathBuf;

use countermand_simulator::{Flaw, Reply, Secure, World};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::case::{Case, in_real_time};
use crate::function::Function;
use crate::services::{self, SERVICES};

/// The variable that leads to the authorities; another one leads to strangers.
type Bundle = (&'static str, Option<&'static str>);

/// As many calls as there are services.
const EACH: usize = SERVICES.len();
const AWS: Bundle = ("AWS_CA_BUNDLE", Some("SSL_CERT_FILE"));
const ALL: Bundle = ("SSL_CERT_FILE", None);

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, bundle) in [("of-aws", AWS), ("of-all-programs", ALL)] {
        let test = move || in_real_time(trusted(bundle)).map_err(Into::into);
        trials.push(Trial::test(format!("a-host-is-called-whose-authority-is-in-the-bundle-{name}"), test));
    }
    for (name, flaw, why) in [
        ("that-has-expired", Some(Flaw::Expired), "certificate expired"),
        ("that-is-not-valid-yet", Some(Flaw::NotYetValid), "certificate not valid yet"),
        ("for-another-host", Some(Flaw::OtherName), "certificate not valid for name \"localhost\""),
        ("that-no-authority-signed", Some(Flaw::NoAuthority), "Other(OtherError(EndEntityUsedAsCa))"),
        ("whose-authority-is-no-longer-in-the-bundle", None, "UnknownIssuer"),
    ] {
        let test = move || in_real_time(refused(flaw, why)).map_err(Into::into);
        trials.push(Trial::test(format!("nothing-is-sent-to-a-host-with-a-certificate-{name}"), test));
    }
    trials
}

async fn trusted(bundle: Bundle) -> Result<(), String> {
    let (outcomes, host) = call(None, bundle, true).await?;
    let statuses: Vec<&Value> = outcomes.iter().map(|outcome| &outcome["status"]).collect();
    match host.requests() {
        EACH if statuses == ["ACCEPTED"; EACH] => Ok(()),
        requests => Err(format!("expected {EACH} calls that are accepted, got {requests} and {outcomes:#?}")),
    }
}

async fn refused(flaw: Option<Flaw>, why: &str) -> Result<(), String> {
    let (outcomes, host) = call(flaw, ALL, flaw.is_some()).await?;
    let expected = format!(
        "no connection to {}: invalid peer certificate: {why}",
        host.base_url().replace("https://", "")
    );
    for outcome in &outcomes {
        let (status, effect, error) = (&outcome["status"], &outcome["effect"], &outcome["error"]);
        let message = error["message"].as_str().unwrap_or_default();
        if *status != "FAILED"
            || *effect != "NONE"
            || error["code"] != "ConnectionFailed"
            || !message.starts_with(&expected)
        {
            return Err(format!("expected {expected}, got {outcome:#}"));
        }
    }
    match (outcomes.len(), host.bytes()) {
        (EACH, 0) => Ok(()),
        got => Err(format!("expected {EACH} outcomes and no bytes, got {got:?}")),
    }
}

/// Has each service called on one host over TLS, whose authority is in the bundle or not; returned is
/// what was told.
async fn call(
    flaw: Option<Flaw>,
    (variable, strange): Bundle,
    known: bool,
) -> Result<(Vec<Value>, Secure), String> {
    let case = Case::read(json!({
        "sqs": services::requests(),
        "destination": "bus",
        "env": {"COUNTERMAND_MAX_ATTEMPTS": "1", "AWS_LAMBDA_LOG_LEVEL": "ERROR"},
        "expect": {},
    }))?;
    let simulator = case.simulator().await?;
    simulator.change(|world| *world = World::seeded());
    let host = match flaw {
        Some(flaw) => simulator.secure_with(flaw).await,
        None => simulator.secure().await,
    };
    let host = host.map_err(|error| error.to_string())?;
    let stranger = simulator.secure().await.map_err(|error| error.to_string())?;
    let mut variables = case.variables(&simulator, None);
    variables.extend(SERVICES.iter().map(|service| (service.endpoint.to_owned(), host.base_url())));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let mut bundle = |variable: &str, authority: &str| {
        let path = folder.join(format!("{variable}-{}.pem", simulator.address().port()));
        variables.insert(variable.into(), path.display().to_string());
        std::fs::write(path, authority).map_err(|error| error.to_string())
    };
    bundle(variable, if known { host.authority_pem() } else { stranger.authority_pem() })?;
    strange.map_or(Ok(()), |variable| bundle(variable, stranger.authority_pem()))?;
    let function = Function::start_unheard(&variables).map_err(|error| error.to_string())?;
    let reply = simulator.invoke(case.event(1)?, case.invocation("lambda-1")).await;
    drop(function);
    let Reply::Response(_) = reply else { return Err(format!("expected a response, got {reply:?}")) };
    let told = simulator.published();
    Ok((told.iter().map(|message| serde_json::from_str(&message.body).unwrap_or_default()).collect(), host))
}
