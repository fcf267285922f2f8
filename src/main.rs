//! The composition root: reads the configuration, builds every part once, and runs.
//!
//! Nothing is decided here. A configuration that cannot be used is told to Lambda as an init error,
//! to the log, and to whoever looks at the exit code.

use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use countermand::client::{self, Connections, Credentials, Opening, Trace};
use countermand::config::{self, Config};
use countermand::event_source::Repeats;
use countermand::follow_up::FollowUps;
use countermand::handler::Handler;
use countermand::log;
use countermand::metrics::{Metrics, to_standard_output};
use countermand::outcome::Writer;
use countermand::pace::Pace;
use countermand::plan::Planner;
use countermand::publisher::Publisher;
use countermand::rehearsal;
use countermand::retry::Retry;
use countermand::runtime;
use countermand::start_up;
use countermand::targets::{ClientConfig, SERVICES, Targets};
use countermand::visibility::Visibility;

#[tokio::main(flavor = "current_thread")]
pub async fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("--version") {
        println!("countermand {}", countermand::VERSION);
        return ExitCode::SUCCESS;
    }
    let (level, json) = config::logging();
    log::start(level, json, countermand::VERSION);
    log::panics();
    let mut config = match Config::read(config::environment()) {
        Ok(config) => config,
        Err(error) => return start_up::refuse(&error).await,
    };
    let authorities = config.authorities.take().unwrap_or_else(client::trust::of_machine);
    let (connections, credentials, trace) =
        (Connections::new(authorities), Credentials::default(), Trace::default());
    let connector = client::connector(connections.clone());
    let traced = trace.through(connector.clone());
    let aws = client::sdk_config(traced, credentials.clone(), config.aws_endpoint).await;
    let opening = client::connector(Opening(connections));
    let nobody = client::through(&aws, opening.clone());
    let rehearsed = compose(rehearsal::config(&config), &nobody, opening, credentials.clone());
    rehearsal::rehearse(rehearsed, &config.policy).await;
    let handler = compose(config, &aws, connector, credentials);
    let Err(error) = runtime::run(&trace, async |event| handler.handle(event).await).await;
    start_up::report("the runtime ended", &error)
}

/// Every part, on one connector and with the same credentials.
pub fn compose(
    config: Config,
    aws: &SdkConfig,
    connector: SharedHttpConnector,
    credentials: Credentials,
) -> Handler {
    let retry = || {
        let credentials = credentials.clone();
        let retry = Retry::new(config.max_attempts, config.max_in_flight_calls);
        retry.renewing(move |used_at| credentials.renew(used_at))
    };
    let operations = SERVICES.iter().flat_map(|service| service.operations());
    Handler {
        visibility: Visibility::connect(aws, retry()),
        retry: retry(),
        targets: Targets::connect(&config.services, &ClientConfig { aws, connector: &connector }),
        publisher: Publisher::connect(aws, config.destination, config.outcome_source),
        follow_ups: FollowUps {
            arn: config.follow_up_queue.as_ref().map(|queue| queue.arn.clone()),
            sender_id: config.follow_up_sender_id,
            queue: Publisher::connect(aws, config.follow_up_queue, String::new()),
            by_default: config.confirm,
            within: config.confirm_within,
        },
        pace: Pace::new(operations, config.region.as_deref(), &config.rates, config.function_concurrency),
        policy: config.policy,
        region: config.region,
        planner: Planner { pin_after: config.pin_after, dry_run: config.dry_run },
        metrics: Metrics { level: config.log_level, function: config.function_name, out: to_standard_output },
        writer: Writer { max_receive_count: config.max_receive_count, logged: config.log_outcomes },
        repeats: Repeats::default(),
        explain_max_pages: config.explain_max_pages,
        margin: config.deadline_margin,
    }
}
