//! AppFlow's `StopFlow`: a flow that is scheduled or triggered by events is deactivated, and starts no further run;
//! those that are active go on. A flow on demand is refused. The documents say nothing of one that is not active:
//! it stays as it is.

use serde_json::json;

use super::{FlowStatus, Trigger, flow_name, not_found, serialization};
use crate::refusal::Failure;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};

pub(crate) struct StopFlow {
    flow_name: String,
}

impl StopFlow {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = request.json_object().map_err(serialization)?;
        Ok(StopFlow { flow_name: flow_name(&body)? })
    }
}

impl Work for StopFlow {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let name = &self.flow_name;
        let Some(flow) = turn.state.world.appflow.get_mut(name) else { return Err(not_found(name)) };
        if flow.trigger == Trigger::OnDemand {
            let message = format!("Flow {name} is on demand and cannot be deactivated.");
            return Err(Failure::new(400, "UnsupportedOperationException", message));
        }
        if flow.status == FlowStatus::Active {
            flow.status = FlowStatus::Suspended;
        }
        let arn = format!("arn:aws:appflow:us-east-1:111122223333:flow/{name}");
        Ok(Answer::json(200, &json!({"flowArn": arn, "flowStatus": flow.status})))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::wire::tests::request;
    use crate::work::State;
    use crate::world::World;

    fn stop(state: &mut State, body: &str) -> Result<Value, Failure> {
        let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
        let work = StopFlow::read(&request("POST", "/stop-flow", &[], body))?;
        Ok(serde_json::from_slice(&work.run(&mut turn)?.body).unwrap())
    }

    #[test]
    fn a_flow_is_suspended_once_and_its_runs_go_on() {
        let mut state = State::new(World::seeded());
        let runs = state.world.appflow["orders"].runs.clone();
        for _ in 0..2 {
            let reply = stop(&mut state, r#"{"flowName": "orders"}"#).unwrap();
            assert_eq!(reply["flowStatus"], "Suspended");
            assert_eq!(reply["flowArn"], "arn:aws:appflow:us-east-1:111122223333:flow/orders");
        }
        assert_eq!(state.world.appflow["orders"].runs, runs);
        state.world.appflow.get_mut("stock").unwrap().status = FlowStatus::Draft;
        assert_eq!(stop(&mut state, r#"{"flowName": "stock"}"#).unwrap()["flowStatus"], "Draft");
    }

    #[test]
    fn what_cannot_be_deactivated_is_refused() {
        let mut state = State::new(World::seeded());
        state.world.appflow.get_mut("orders").unwrap().trigger = Trigger::OnDemand;
        for (body, status, code) in [
            (r#"{"flowName": "orders"}"#, 400, "UnsupportedOperationException"),
            (r#"{"flowName": "nothing"}"#, 404, "ResourceNotFoundException"),
            (r#"{"flowName": "a"}"#, 400, "ValidationException"),
            ("{}", 400, "ValidationException"),
        ] {
            let failure = stop(&mut state, body).unwrap_err();
            assert_eq!((failure.status, failure.code.as_str()), (status, code), "{body}");
        }
    }
}
