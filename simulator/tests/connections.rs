//! What happens on the connection itself, seen by a client that speaks plain HTTP: faults, limits,
//! the Lambda Runtime API, and the simulator's own endpoints.

use std::time::Duration;

use countermand_simulator::{
    ALIBABA_ACCESS_KEY_ID, ALIBABA_ACCESS_KEY_SECRET, CloudflowStatus, Invocation, Limit, Reply, RunStatus,
    Simulator, Timestamp, World,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A status line with headers, and a body.
#[derive(Debug)]
struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn start() -> Simulator {
    let world = World { settle_after_ms: Some(0), ..World::seeded() };
    Simulator::start(world, ([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// Sends one request on a connection of its own; nothing where the connection closes in silence.
async fn ask(
    simulator: &Simulator,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: simulator\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("\r\n{body}");
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some(Answer { head: head.into(), body: body.into() })
}

async fn get(simulator: &Simulator, path: &str) -> Answer {
    ask(simulator, "GET", path, &[], "").await.unwrap()
}

async fn post(simulator: &Simulator, path: &str, body: &Value) -> Answer {
    ask(simulator, "POST", path, &[], &body.to_string()).await.unwrap()
}

/// A call that AppFlow takes.
async fn cancel(simulator: &Simulator, flow: &str) -> Option<Answer> {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-east-1/appflow/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={}",
        "0".repeat(64)
    );
    let headers = [
        ("authorization", authorization.as_str()),
        ("x-amz-date", "20261120T010203Z"),
        ("content-type", "application/json"),
    ];
    let body = json!({"flowName": flow}).to_string();
    ask(simulator, "POST", "/cancel-flow-executions", &headers, &body).await
}

fn fault(fault: Value) -> Value {
    let mut fault = fault;
    fault["operation"] = json!("appflow.CancelFlowExecutions");
    fault
}

/// Each fault, what the client sees, what the ledger says, and whether the work was done.
#[tokio::test]
async fn faults_do_what_they_say() {
    let cases = [
        (json!({"kind": "throttle"}), Some(429), json!([429, "ThrottlingException"]), false),
        (
            json!({"kind": "error", "status": 500, "code": "InternalServerException", "headers": {"Retry-After": "1"}}),
            Some(500),
            json!([500, "InternalServerException"]),
            false,
        ),
        (json!({"kind": "reply", "status": 502, "body": "<html>"}), Some(502), json!([502, null]), false),
        (json!({"kind": "drop"}), None, json!([null, null]), false),
        (json!({"kind": "loseReply"}), None, json!([null, null]), true),
        (json!({"kind": "delay", "ms": 1}), Some(200), json!([200, null]), true),
    ];
    for (kind, status, recorded, done) in cases {
        let simulator = start().await;
        assert_eq!(post(&simulator, "/_simulator/faults", &fault(kind.clone())).await.status(), 200);
        let answer = cancel(&simulator, "stock").await;
        assert_eq!(answer.as_ref().map(Answer::status), status, "{kind}");
        if let Some(headers) = kind["headers"].as_object() {
            assert_eq!(answer.unwrap().header("retry-after"), headers["Retry-After"].as_str());
        }
        let call = get(&simulator, "/_simulator/ledger").await.json()[0].clone();
        assert_eq!(json!([call["status"], call["code"]]), recorded, "{kind}");
        assert_eq!(call["fault"], kind["kind"]);
        let canceled = simulator.world().appflow["stock"].runs[0].status == RunStatus::Canceled;
        assert_eq!(canceled, done, "{kind}");
        assert_eq!(cancel(&simulator, "stock").await.unwrap().status(), 200, "{kind}: used up");
    }
}

#[tokio::test]
async fn a_hanging_call_never_answers() {
    let simulator = start().await;
    post(&simulator, "/_simulator/faults", &fault(json!({"kind": "hang"}))).await;
    assert!(timeout(Duration::from_millis(100), cancel(&simulator, "stock")).await.is_err());
    assert_eq!(simulator.ledger()[0].status, None);
    assert_eq!(simulator.world().appflow["stock"].runs[0].status, RunStatus::InProgress);
    assert_eq!(cancel(&simulator, "stock").await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_limit_throttles_beyond_its_burst() {
    let simulator = start().await;
    let limit = json!({"operation": "appflow.CancelFlowExecutions", "perSecond": 0.001, "burst": 2.0});
    simulator.limit(serde_json::from_value::<Limit>(limit).unwrap());
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(cancel(&simulator, "orders").await.unwrap().status());
    }
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(simulator.ledger()[2].fault, None);
}

#[tokio::test]
async fn a_wrong_request_spends_no_fault() {
    let simulator = start().await;
    post(&simulator, "/_simulator/faults", &fault(json!({"kind": "drop"}))).await;
    let answer = ask(&simulator, "POST", "/cancel-flow-executions", &[], "{}").await.unwrap();
    assert_eq!(answer.header("x-amzn-errortype"), Some("MissingAuthenticationTokenException"));
    assert!(cancel(&simulator, "stock").await.is_none());
}

#[tokio::test]
async fn unknown_actions_are_refused_and_recorded() {
    let simulator = start().await;
    let headers = [("x-amz-target", "SimpleWorkflowService.SignalWorkflowExecution")];
    let answer = ask(&simulator, "POST", "/", &headers, "{}").await.unwrap();
    assert_eq!(answer.json()["__type"], "com.amazon.coral.service#UnknownOperationException");
    assert_eq!(simulator.ledger()[0].operation, "swf.SignalWorkflowExecution");
    assert_eq!(ask(&simulator, "GET", "/elsewhere", &[], "").await.unwrap().status(), 404);
}

#[tokio::test]
async fn faults_that_mean_nothing_are_refused() {
    let simulator = start().await;
    for body in [json!({"kind": "drop"}), fault(json!({"kind": "explode"})), json!([])] {
        assert_eq!(post(&simulator, "/_simulator/faults", &body).await.status(), 400, "{body}");
    }
}

#[tokio::test]
async fn a_function_takes_an_event_and_answers() {
    let simulator = start().await;
    let function = async {
        let next = get(&simulator, "/2018-06-01/runtime/invocation/next").await;
        assert_eq!(next.header("lambda-runtime-aws-request-id"), Some("request-1"));
        assert!(next.header("lambda-runtime-trace-id").is_some());
        let arn = "arn:aws:lambda:us-east-1:111122223333:function:countermand";
        assert_eq!(next.header("lambda-runtime-invoked-function-arn"), Some(arn));
        let deadline: u64 = next.header("lambda-runtime-deadline-ms").unwrap().parse().unwrap();
        assert!(deadline > 1_700_000_000_000, "{deadline}");
        assert_eq!(next.json(), json!({"a": 1}));
        post(&simulator, "/2018-06-01/runtime/invocation/request-1/response", &json!("done")).await
    };
    let invocation = Invocation { request_id: Some("request-1".into()), ..Invocation::default() };
    let (reply, answer) = tokio::join!(simulator.invoke(r#"{"a": 1}"#.into(), invocation), function);
    assert_eq!(reply, Reply::Response("\"done\"".into()));
    assert_eq!(answer.status(), 202);
    assert!(simulator.ledger().is_empty());
}

#[tokio::test]
async fn a_function_that_waits_for_an_event_is_noticed() {
    let simulator = start().await;
    let noticed =
        async |simulator: &Simulator| timeout(Duration::from_millis(100), simulator.polled()).await.is_ok();
    assert!(!noticed(&simulator).await);
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: simulator\r\n\r\n";
    stream.write_all(next.as_bytes()).await.unwrap();
    timeout(Duration::from_secs(30), simulator.polled()).await.unwrap();
    let invocation = Invocation { timeout: Duration::from_millis(100), ..Invocation::default() };
    assert_eq!(simulator.invoke("{}".into(), invocation).await, Reply::TimedOut);
    assert!(!noticed(&simulator).await, "it has an event");
    stream.write_all(next.as_bytes()).await.unwrap();
    timeout(Duration::from_secs(30), simulator.polled()).await.unwrap();
    drop(stream);
    let left = async {
        while noticed(&simulator).await {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), left).await.unwrap();
}

#[tokio::test]
async fn a_function_reports_errors() {
    let simulator = start().await;
    let error = json!({"errorType": "CancelFailed", "errorMessage": "m"});
    let function = async {
        let next = get(&simulator, "/2018-06-01/runtime/invocation/next").await;
        let id = next.header("lambda-runtime-aws-request-id").unwrap().to_owned();
        post(&simulator, &format!("/2018-06-01/runtime/invocation/{id}/error"), &error).await
    };
    let (reply, _) = tokio::join!(simulator.invoke("{}".into(), Invocation::default()), function);
    let (error_type, error_message) = ("CancelFailed".to_owned(), "m".to_owned());
    assert_eq!(reply, Reply::FunctionError { error_type, error_message });

    let error = json!({"errorType": "Config", "errorMessage": "m"});
    let answer = post(&simulator, "/2018-06-01/runtime/init/error", &error).await;
    assert_eq!(answer.status(), 202);
    let (error_type, error_message) = ("Config".to_owned(), "m".to_owned());
    let reply = simulator.invoke("{}".into(), Invocation::default()).await;
    assert_eq!(reply, Reply::InitError { error_type, error_message });
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_refused() {
    let simulator = start().await;
    let invoke = ask(&simulator, "POST", "/_simulator/invoke?timeoutMs=20", &[], "{}");
    let next = get(&simulator, "/2018-06-01/runtime/invocation/next");
    let (reply, next) = tokio::join!(invoke, next);
    assert_eq!(reply.unwrap().json(), json!({"type": "timedOut"}));
    let id = next.header("lambda-runtime-aws-request-id").unwrap();
    let late = post(&simulator, &format!("/2018-06-01/runtime/invocation/{id}/response"), &json!({})).await;
    assert_eq!((late.status(), late.json()["errorType"].as_str()), (400, Some("InvalidRequestID")));
}

#[tokio::test]
async fn an_extension_registers_and_waits() {
    let simulator = start().await;
    let headers = [("Lambda-Extension-Name", "shutdown")];
    let answer = ask(&simulator, "POST", "/2020-01-01/extension/register", &headers, r#"{"events": []}"#)
        .await
        .unwrap();
    assert_eq!(answer.json()["functionName"], "countermand");
    assert_eq!(answer.json()["handler"], "bootstrap");
    assert_eq!(answer.json()["functionVersion"], "$LATEST");
    let id = answer.header("lambda-extension-identifier").unwrap();
    let headers = [("Lambda-Extension-Identifier", id)];
    let next = ask(&simulator, "GET", "/2020-01-01/extension/event/next", &headers, "");
    assert!(timeout(Duration::from_millis(50), next).await.is_err());
}

#[tokio::test]
async fn the_world_can_be_read_and_settled() {
    let simulator = Simulator::start(World::seeded(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    cancel(&simulator, "stock").await.unwrap();
    let status = |world: Value| world["appflow"]["stock"]["runs"][0]["status"].clone();
    assert_eq!(status(get(&simulator, "/_simulator/world").await.json()), "CancelStarted");
    assert_eq!(status(post(&simulator, "/_simulator/settle", &json!({})).await.json()), "Canceled");
    assert_eq!(get(&simulator, "/_simulator/published").await.json(), json!([]));
}

#[tokio::test]
async fn another_world_takes_the_place_of_the_one_before() {
    let simulator = start().await;
    let put = async |world: Value| {
        ask(&simulator, "PUT", "/_simulator/world", &[], &world.to_string()).await.unwrap()
    };
    let world = json!({"swf": {"d": {"executions": [{"workflowId": "w", "runId": "r", "status": "OPEN"}]}}});
    let answer = put(world).await;
    assert_eq!(
        (answer.status(), answer.json()["swf"]["d"]["executions"][0]["runId"].as_str()),
        (200, Some("r"))
    );
    assert!(simulator.world().appflow.is_empty());
    let refused = [
        (json!({"swfs": {}}), "swfs"),
        (
            json!({"swf": {"d": {"executions": [{"workflowId": "w", "runId": "s", "status": "CLOSED"}]}}}),
            "closeStatus",
        ),
    ];
    for (world, message) in refused {
        let answer = put(world).await;
        assert_eq!(answer.status(), 400);
        assert!(answer.body.contains(message), "{}", answer.body);
        assert_eq!(simulator.world().swf["d"].executions[0].run_id, "r");
    }
    let impossible: World = serde_json::from_value(json!({"appflow": {"f1": {"runs": [
            {"executionId": "a", "status": "InProgress"}, {"executionId": "a", "status": "InProgress"}]}}}))
    .unwrap();
    let error = Simulator::start(impossible, ([127, 0, 0, 1], 0).into()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

/// A call of CloudFlow's `DescribeExecution`, signed by hand.
async fn describe(simulator: &Simulator, query: &str, nonce: &str) -> Answer {
    let now = Timestamp::now().to_string();
    let date = format!("{}Z", now.split_once('.').unwrap().0);
    let hash = hex::encode(Sha256::digest(""));
    let headers = [
        ("host", "simulator"),
        ("x-acs-action", "DescribeExecution"),
        ("x-acs-content-sha256", &hash),
        ("x-acs-date", &date),
        ("x-acs-signature-nonce", nonce),
        ("x-acs-version", "2019-03-15"),
    ];
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names = headers.map(|(name, _)| name).join(";");
    let canonical = format!("GET\n/\n{query}\n{lines}\n{names}\n{hash}");
    let mut mac = Hmac::<Sha256>::new_from_slice(ALIBABA_ACCESS_KEY_SECRET.as_bytes()).unwrap();
    mac.update(format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical))).as_bytes());
    let authorization = format!(
        "ACS3-HMAC-SHA256 Credential={ALIBABA_ACCESS_KEY_ID},SignedHeaders={names},Signature={}",
        hex::encode(mac.finalize().into_bytes())
    );
    let mut all = headers[1..].to_vec();
    all.push(("authorization", &authorization));
    ask(simulator, "GET", &format!("/?{query}"), &all, "").await.unwrap()
}

#[tokio::test]
async fn a_description_waits_for_the_end_of_the_execution() {
    let simulator = start().await;
    let query = "ExecutionName=hourly-7&FlowName=etl";
    let now = describe(&simulator, query, "nonce-1").await;
    assert_eq!((now.status(), now.json()["Status"].as_str()), (200, Some("Running")));
    let waiting = format!("{query}&WaitTimeSeconds=60");
    let waits = describe(&simulator, &waiting, "nonce-2");
    let ends = async {
        // The call is in the ledger before it waits, and has no status as long as it does.
        while simulator.ledger().len() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(simulator.ledger()[1].status, None);
        simulator.change(|world| {
            let execution = &mut world.cloudflow.get_mut("etl").unwrap().executions[2];
            execution.status = CloudflowStatus::Failed;
            execution.stopped_time = Some(Timestamp::now());
        });
    };
    let (answer, ()) = timeout(Duration::from_secs(30), async { tokio::join!(waits, ends) }).await.unwrap();
    assert_eq!((answer.status(), answer.json()["Status"].as_str()), (200, Some("Failed")));
    let calls = simulator.ledger();
    let asked = json!({"ExecutionName": "hourly-7", "FlowName": "etl", "WaitTimeSeconds": "60"});
    assert_eq!(
        (calls[1].request.clone(), calls[1].operation.as_str()),
        (asked, "cloudflow.DescribeExecution")
    );
    // In the end the time is up, whether the execution has ended or not.
    simulator.change(|world| {
        let execution = &mut world.cloudflow.get_mut("etl").unwrap().executions[2];
        execution.status = CloudflowStatus::Running;
    });
    let answer = describe(&simulator, &format!("{query}&WaitTimeSeconds=1"), "nonce-3").await;
    assert_eq!(answer.json()["Status"], "Running");
    assert!(simulator.ledger()[2].duration_ms >= Some(1000));
}

#[tokio::test]
async fn the_server_ends_with_its_last_handle() {
    let simulator = start().await;
    let address = simulator.address();
    let other = simulator.clone();
    drop(simulator);
    assert!(TcpStream::connect(address).await.is_ok());
    drop(other);
    // The task that was told to stop gives the port back when it is next looked at.
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), refused).await.unwrap();
}
