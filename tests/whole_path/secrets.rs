//! No secret that the process holds leaves it, by whatever way and in whatever writing.
//!
//! Rounds are random and reproducible by their seed. Each draws the tokens of the process and a way to CloudFlow's
//! key, has every service repeat them in all that it says, and looks for them in what the process tells: its log to
//! the last line, what it publishes, what it answers, and why it does not start.

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use countermand_simulator::{
    ALIBABA_ACCESS_KEY_ID, ALIBABA_ACCESS_KEY_SECRET, Fault, FaultKind, Operation, Reply, Simulator,
};
use fastrand::Rng;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::case::{Case, in_real_time};
use crate::function::Function;
use crate::services::{self, SERVICES};

const ROUNDS: u64 = 12;
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:cloudflow-a1B2c3";
const ROLE: &str = "acs:ram::1111222233334444:role/countermand";
const PROVIDER: &str = "acs:ram::1111222233334444:oidc-provider/aws";
const KEY: [&str; 2] = ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"];
const AWS_SECRET: &str = "simulator/secret/access/key/EXAMPLE";

pub fn trials() -> Vec<Trial> {
    let test = || in_real_time(check()).map_err(Into::into);
    vec![Trial::test("secrets-leave-by-no-way-out", test)]
}

async fn check() -> Result<(), String> {
    for seed in 0..ROUNDS {
        let random = &mut Rng::with_seed(seed);
        let tokens = [token(random), token(random)];
        let way = [Way::Variables, Way::Secret, Way::Role][random.usize(..3)];
        let of_a_key = [tokens[1].clone(), ALIBABA_ACCESS_KEY_SECRET.into()];
        let mut secrets = vec![tokens[0].clone(), AWS_SECRET.into()];
        secrets.extend(of_a_key.into_iter().filter(|_| way != Way::Role));
        let told: Vec<_> = secrets.iter().map(|it| written(it, random)).collect();
        let mut leaves = refused(&tokens, &told).await?;
        let (left, lent) = round(way, &tokens, &told, random).await?;
        leaves.push_str(&left);
        for secret in secrets.iter().chain(&lent) {
            for form in [secret].into_iter().chain(&told) {
                if let Some(place) = forms(form).iter().find_map(|form| leaves.find(form)) {
                    let around = &leaves[leaves.floor_char_boundary(place.saturating_sub(300))..place];
                    return Err(format!("seed {seed}: expected no {form}, got it behind {around}"));
                }
            }
        }
    }
    Ok(())
}

/// A text, and as it stands in JSON, and in JSON in JSON.
fn forms(text: &str) -> [String; 3] {
    let quoted = |text: &str| json!(text).to_string().trim_matches('"').to_owned();
    [text.into(), quoted(text), quoted(&quoted(text))]
}

/// What can travel in a header, and means something in JSON, in a URL and in base64.
fn token(random: &mut Rng) -> String {
    let mut character = || match random.u8(..4) {
        0 => char::from(b"%\\\"/+=&_-:;<"[random.usize(..12)]),
        _ => random.alphanumeric(),
    };
    (0..60).map(|_| character()).collect()
}

/// A secret as a service may repeat it.
fn written(secret: &str, random: &mut Rng) -> String {
    let percent = |text: &str, random: &mut Rng| {
        let lower = random.bool();
        let encoded = |it: char| match it {
            it if it.is_ascii_alphanumeric() => it.into(),
            it if lower => format!("%{:02x}", u32::from(it)),
            it => format!("%{:02X}", u32::from(it)),
        };
        text.chars().map(encoded).collect::<String>()
    };
    match random.u8(..6) {
        0 => secret.into(),
        1 => secret.chars().map(|it| format!("\\u{:04x}", u32::from(it))).collect(),
        2 => percent(secret, random),
        3 => (0..random.u8(2..5)).fold(secret.into(), |text: String, _| percent(&text, random)),
        4 => URL_SAFE_NO_PAD.encode_to_string(format!("{}{secret}", "x".repeat(random.usize(..3)))),
        _ => percent(&STANDARD.encode_to_string(secret), random),
    }
}

/// Where the process has CloudFlow's key.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Variables,
    Secret,
    Role,
}

/// A case whose process holds the tokens.
fn case(way: Way, tokens: &[String; 2], mut more: Value) -> Result<Case, String> {
    more["env"]["AWS_SESSION_TOKEN"] = json!(tokens[0]);
    let (set, unset) = match way {
        Way::Variables => (json!({"ALIBABA_CLOUD_SECURITY_TOKEN": tokens[1]}), &[][..]),
        Way::Secret => (json!({"COUNTERMAND_CLOUDFLOW_SECRET_ARN": SECRET}), &KEY[..]),
        Way::Role => (
            json!({"COUNTERMAND_CLOUDFLOW_ROLE_ARN": ROLE, "COUNTERMAND_CLOUDFLOW_OIDC_PROVIDER_ARN": PROVIDER}),
            &KEY[..],
        ),
    };
    set.as_object().into_iter().flatten().for_each(|(name, value)| more["env"][name] = value.clone());
    unset.iter().for_each(|name| more["env"][name] = Value::Null);
    more["env"]["AWS_LAMBDA_LOG_LEVEL"] = json!("TRACE");
    more["env"]["COUNTERMAND_MAX_ATTEMPTS"] = json!("2");
    more["expect"] = json!({});
    Case::read(more)
}

/// Everything that leaves a process to which all services tell all, and what was lent to it.
async fn round(
    way: Way,
    tokens: &[String; 2],
    told: &[String],
    random: &mut Rng,
) -> Result<(String, Vec<String>), String> {
    let message = told.join(" and ");
    let mut requests = vec![json!(message)];
    for request in SERVICES.iter().flat_map(|service| service.requests) {
        let mut request: Value = request.parse().expect("a request is JSON");
        match requests.len() % 2 {
            0 => request["context"] = json!({message.clone(): told}),
            _ => request["reason"] = json!(message),
        }
        requests.push(request);
    }
    let env = json!({"COUNTERMAND_RATES": services::unbounded_rates()});
    let case = case(way, tokens, json!({"sqs": requests, "destination": "bus", "env": env}))?;
    let simulator = case.simulator().await?;
    let function = Function::start(&case.variables(&simulator, None)).map_err(|error| error.to_string())?;
    let key = json!({"accessKeyId": ALIBABA_ACCESS_KEY_ID, "accessKeySecret": ALIBABA_ACCESS_KEY_SECRET, "securityToken": tokens[1]});
    simulator.change(|world| drop(world.secrets.insert(SECRET.into(), vec![key.to_string()])));
    let mut leaves = String::new();
    // What is fetched is not known before.
    leaves.push_str(&answer(&simulator, &cloudflow()).await);
    let lent = if way == Way::Role { lend(&simulator, random, &mut leaves).await? } else { Vec::new() };
    // The second time what is told is published.
    for is_published in [false, true] {
        let others = [Operation::CHANGE_MESSAGE_VISIBILITY, Operation::PUT_EVENTS];
        let error = json!({"__type": told[0], "message": message}).to_string();
        let others = others.into_iter().take(if is_published { 1 } else { 2 });
        let mut replies: Vec<_> = others.map(|operation| (operation, 400, error.clone())).collect();
        for service in SERVICES {
            let error = (service.error)(&json!(told[0]).to_string(), &json!(message).to_string());
            let forms = service.successes.iter().filter(|form| form.contains("<>"));
            let successes = forms.map(|form| form.replace("<>", &json!(message).to_string()));
            replies.extend(successes.map(|success| (service.cancel, 200, success)));
            replies.extend([400, 503].map(|status| (service.cancel, status, error.clone())));
            replies.push((service.look_up, 403, error));
        }
        for (operation, status, body) in replies {
            let headers = [("x-amzn-requestid", &told[0]), ("x-acs-request-id", &told[1])];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.clone())).into();
            simulator.script(Fault::new(operation, FaultKind::Reply { status, body, headers }).times(2));
        }
        let reply = simulator.invoke(case.event(1)?, case.invocation("lambda-1")).await;
        leaves.push_str(&format!("{reply:?}"));
        leaves.push_str(&answer(&simulator, &requests[1]).await);
    }
    leaves.push_str(&simulator.published().iter().map(|message| message.body.as_str()).collect::<String>());
    if !leaves.contains("***") {
        return Err(format!("expected secrets that were blotted out, got {leaves}"));
    }
    Ok((leaves + &function.end().map_err(|error| error.to_string())?, lent))
}

fn cloudflow() -> Value {
    json!({"service": "cloudflow", "flowName": "etl", "executionName": "hourly-7"})
}

/// Has the key that was lent refused, and then both sides of the exchange repeat all of it.
async fn lend(simulator: &Simulator, random: &mut Rng, leaves: &mut String) -> Result<Vec<String>, String> {
    let calls = simulator.ledger();
    let exchange = calls.iter().find(|call| call.operation == "ram.AssumeRoleWithOIDC");
    let token = exchange.and_then(|call| call.request["OIDCToken"].as_str()).ok_or("expected an exchange")?;
    let lent =
        [token, "SimulatorLentSecretExample0000001", "CAISsimulator+lent/token==0000001"].map(String::from);
    simulator.change(|world| world.expired_lent_keys = 1);
    for operation in [Operation::GET_WEB_IDENTITY_TOKEN, Operation::ASSUME_ROLE_WITH_OIDC] {
        let message =
            Some(lent.each_ref().map(|it| format!("{it} and {}", written(it, random))).join(" or "));
        let kind =
            FaultKind::Error { status: 401, code: "Surprise".into(), message, headers: Default::default() };
        simulator.script(Fault::new(operation, kind));
        let told = answer(simulator, &cloudflow()).await;
        if !told.contains("gave no key for CloudFlow's role") || !told.contains("***") {
            return Err(format!("expected a refusal without what was lent, got {told}"));
        }
        leaves.push_str(&told);
    }
    Ok(lent.into())
}

/// What a direct invocation is answered with.
async fn answer(simulator: &Simulator, request: &Value) -> String {
    match simulator.invoke(request.to_string(), Default::default()).await {
        Reply::Response(text) | Reply::FunctionError { error_message: text, .. } => text,
        reply => format!("{reply:?}"),
    }
}

/// Everything that leaves a process that does not start, over variables that were mistaken for others.
async fn refused(tokens: &[String; 2], told: &[String]) -> Result<String, String> {
    let env = json!({"COUNTERMAND_CLOUDFLOW_ACCESS_KEY_SECRET": told[1], "COUNTERMAND_MODE": told[0], "COUNTERMAND_RATES": told.concat()});
    let case = case(Way::Variables, tokens, json!({"sqs": [], "env": env}))?;
    let simulator = case.simulator().await?;
    let function = Function::start(&case.variables(&simulator, None)).map_err(|error| error.to_string())?;
    match answer(&simulator, &json!({})).await {
        reply if reply.contains("InvalidConfiguration") => {
            Ok(reply + &function.end().map_err(|error| error.to_string())?)
        }
        reply => Err(format!("expected a start that is refused, got {reply}")),
    }
}
