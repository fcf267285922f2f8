//! The simulator's own endpoints, `/_simulator/…`, for those who cannot call it in process: the
//! ledger, what was published and the world to read, another world, faults and limits to set, an
//! event to invoke the function with.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::runtime_api::{Invocation, Reply, invoke};
use crate::wire::{Answer, Form, Request};
use crate::{Shared, World};

/// Answers a request of the simulator's own, or is none.
pub(crate) async fn serve(shared: &Shared, request: &Request) -> Option<Answer> {
    let path = request.path.strip_prefix("/_simulator/")?;
    Some(match (request.method.as_str(), path) {
        ("GET", "ledger") => show(&shared.state().ledger.calls()),
        ("GET", "published") => show_published(shared),
        ("GET", "world") => show(&world(shared)),
        ("PUT", "world") => match serde_json::from_slice(&request.body) {
            Ok(world) => match change(shared, |now| *now = world) {
                Ok(()) => show(&self::world(shared)),
                Err(wrong_world) => wrong(&wrong_world),
            },
            Err(error) => wrong(&error.to_string()),
        },
        ("POST", "faults") => take(request, |fault| shared.state().faults.script(fault)),
        ("POST", "limits") => take(request, |limit| shared.state().faults.limit(&limit, Instant::now())),
        ("POST", "settle") => {
            settle(shared);
            show(&world(shared))
        }
        ("POST", "invoke") => {
            let mut invocation = Invocation::default();
            if let Some(timeout) = Form::of_query(&request.query).get("timeoutMs") {
                let Ok(milliseconds) = timeout.parse() else {
                    return Some(wrong(&format!("timeoutMs: expected a number, got `{timeout}`")));
                };
                invocation.timeout = Duration::from_millis(milliseconds);
            }
            let event = String::from_utf8_lossy(&request.body).into_owned();
            reply(&invoke(shared, event, invocation).await)
        }
        _ => Answer::json(
            404,
            &json!({"message": format!("no such endpoint: {} {}", request.method, request.path)}),
        ),
    })
}

/// The state as it is at this moment.
pub(crate) fn world(shared: &Shared) -> World {
    let mut state = shared.state();
    let now = state.clock.now();
    state.world.pass_time(now);
    state.world.clone()
}

/// Ends what is being canceled.
pub(crate) fn settle(shared: &Shared) {
    let mut state = shared.state();
    let now = state.clock.now();
    state.world.settle(now);
}

/// Changes the state, unless what comes of it could not be.
pub(crate) fn change(shared: &Shared, change: impl FnOnce(&mut World)) -> Result<(), String> {
    let mut state = shared.state();
    let mut world = state.world.clone();
    change(&mut world);
    world.check()?;
    state.world = world;
    drop(state);
    shared.changed.notify_waiters();
    Ok(())
}

/// What was published, a body that is JSON as JSON.
fn show_published(shared: &Shared) -> Answer {
    let state = shared.state();
    let messages = state.published.iter().map(|message| {
        let mut shown = json!(message);
        shown["body"] = read(&message.body);
        shown
    });
    show(&messages.collect::<Vec<_>>())
}

/// What the function answered, what is JSON as JSON.
fn reply(reply: &Reply) -> Answer {
    let mut shown = json!(reply);
    for part in [&["value"][..], &["value", "errorMessage"]] {
        let value = part.iter().try_fold(&mut shown, |value, name| value.get_mut(name));
        if let Some(value @ Value::String(_)) = value {
            *value = value.as_str().map_or(Value::Null, read);
        }
    }
    show(&shown)
}

/// JSON where a text is JSON, else the text.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn show(value: &impl Serialize) -> Answer {
    match serde_json::to_value(value) {
        Ok(value) => Answer::json(200, &value),
        Err(error) => Answer::json(500, &json!({"message": error.to_string()})),
    }
}

fn take<T: DeserializeOwned>(request: &Request, use_it: impl FnOnce(T)) -> Answer {
    match serde_json::from_slice(&request.body) {
        Ok(value) => {
            use_it(value);
            Answer::json(200, &json!({"status": "OK"}))
        }
        Err(error) => wrong(&error.to_string()),
    }
}

fn wrong(message: &str) -> Answer {
    Answer::json(400, &json!({"message": message}))
}
