//! CloudFlow's `ListExecutions`, RPC style with everything in the query of a GET: the executions of a flow, the
//! newest first, of one status, name and time where those are given, page by page.

use serde_json::{Value, json};

use super::{CloudflowExecution, CloudflowStatus, admit, invalid, no_flow, resource};
use crate::pages::Page;
use crate::refusal::Failure;
use crate::service::Operation;
use crate::timestamp::Timestamp;
use crate::wire::{Answer, Form, Request};
use crate::work::{Turn, Work};

/// The largest page, and that of a request which does not say.
const LIMIT: (usize, usize) = (99, 60);

pub(crate) struct ListExecutions {
    flow_name: String,
    status: Option<CloudflowStatus>,
    prefix: String,
    /// Both included.
    started: (Option<Timestamp>, Option<Timestamp>),
    most: usize,
    token: Option<String>,
    /// All of the request but the token.
    asked: Value,
}

impl ListExecutions {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        admit(request, "GET")?;
        let query = Form::of_query(&request.query);
        let (largest, usual) = LIMIT;
        let most = query.get("Limit").map_or(Some(usual), |limit| limit.parse().ok());
        let most = most.filter(|most| (1..=largest).contains(most));
        let status = query.get("Status").map(|status| serde_json::from_value(json!(status)));
        let time = |name: &str| {
            let time = query.get(name).map(str::parse).transpose();
            time.map_err(|_| invalid(&format!("{name}: expected an RFC 3339 time")))
        };
        let mut asked = request.for_ledger();
        asked.as_object_mut().map(|asked| asked.remove("NextToken"));
        Ok(ListExecutions {
            flow_name: resource(&query, "FlowName")?,
            status: status.transpose().map_err(|error| invalid(&format!("Status: {error}")))?,
            prefix: query.get("ExecutionNamePrefix").unwrap_or_default().to_owned(),
            started: (time("StartedTimeBegin")?, time("StartedTimeEnd")?),
            most: most.ok_or_else(|| invalid(&format!("Limit: expected 1 to {largest}")))?,
            token: query.get("NextToken").map(String::from),
            asked,
        })
    }

    fn lets(&self, execution: &CloudflowExecution, began: Timestamp) -> bool {
        let (started, _) = execution.moments(began);
        let (from, until) = self.started;
        self.status.is_none_or(|status| execution.status == status)
            && execution.name.starts_with(&self.prefix)
            && from.is_none_or(|from| started >= from)
            && until.is_none_or(|until| started <= until)
    }
}

impl Work for ListExecutions {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let clock = turn.state.clock;
        let (began, world) = (clock.started_at(), &turn.state.world);
        let as_of = world.as_of(Operation::LIST_EXECUTIONS, clock.now());
        let flow = world.cloudflow.get(&self.flow_name).ok_or_else(|| no_flow(&self.flow_name))?;
        let listed = |one: &&CloudflowExecution| as_of.is_none_or(|as_of| one.moments(began).0 <= as_of);
        let lets = flow.executions.iter().filter(listed).filter(|one| self.lets(one, began));
        let mut found: Vec<_> = lets.map(|one| (one.moments(began).0, one)).collect();
        found.sort_by_key(|(started, _)| *started);
        found.reverse();
        let name = |(_, one): &(Timestamp, &CloudflowExecution)| one.name.clone();
        let cut = world.cut(self.most);
        let pages = &mut turn.state.pages;
        let Page { items, next } = pages
            .turn_named(found, name, &self.asked, self.token.as_deref(), cut)
            .map_err(|_| invalid("NextToken"))?;
        let executions: Vec<Value> =
            items.iter().map(|(_, one)| one.description(&self.flow_name, began)).collect();
        let mut reply = json!({"RequestId": turn.request_id, "Executions": executions});
        if let Some(token) = next {
            reply["NextToken"] = json!(token);
        }
        Ok(Answer::json(200, &reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;
    use crate::work::State;
    use crate::world::World;

    fn list(state: &mut State, query: &str) -> Result<Value, Failure> {
        let version = [("x-acs-version", "2019-03-15")];
        let work = ListExecutions::read(&request("GET", &format!("/?{query}"), &version, ""))?;
        let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
        Ok(serde_json::from_slice(&work.run(&mut turn)?.body).unwrap())
    }

    fn names(reply: &Value) -> Vec<&str> {
        let executions = reply["Executions"].as_array().unwrap();
        executions.iter().map(|execution| execution["Name"].as_str().unwrap()).collect()
    }

    #[test]
    fn the_filters_let_through_what_they_name() {
        let (hourly, today, yesterday) = ("hourly-7", "nightly-2025-11-20", "nightly-2025-11-19");
        for (query, expected) in [
            ("", vec![hourly, today, yesterday]),
            ("&Status=Running", vec![hourly, today]),
            ("&Status=Stopped", vec![]),
            ("&ExecutionNamePrefix=nightly-", vec![today, yesterday]),
            ("&Status=Running&ExecutionNamePrefix=nightly-", vec![today]),
            ("&StartedTimeBegin=2025-11-20T01:00:00.120Z", vec![hourly, today]),
            ("&StartedTimeEnd=2025-11-20T01:00:00Z", vec![yesterday]),
        ] {
            let reply = list(&mut State::new(World::seeded()), &format!("FlowName=etl{query}")).unwrap();
            assert_eq!(names(&reply), expected, "{query}");
        }
    }

    #[test]
    fn a_token_leads_to_the_next_page() {
        let state = &mut State::new(World::seeded());
        let first = list(state, "FlowName=etl&Limit=2").unwrap();
        let token = first["NextToken"].as_str().unwrap().replace('+', "%2B");
        let next = list(state, &format!("FlowName=etl&Limit=2&NextToken={token}")).unwrap();
        assert_eq!((names(&first).len(), names(&next)), (2, vec!["nightly-2025-11-19"]));
        assert_eq!(next.get("NextToken"), None);
    }

    #[test]
    fn requests_are_checked_as_the_service_does() {
        for (query, code) in [
            ("FlowName=nothing", "FlowNotExists"),
            ("", "MissingRequiredParams"),
            ("FlowName=etl&Limit=0", "InvalidArgument"),
            ("FlowName=etl&Limit=100", "InvalidArgument"),
            ("FlowName=etl&Status=Gone", "InvalidArgument"),
            ("FlowName=etl&StartedTimeEnd=now", "InvalidArgument"),
            ("FlowName=etl&NextToken=made-up", "InvalidArgument"),
        ] {
            let failure = list(&mut State::new(World::seeded()), query).unwrap_err();
            assert_eq!(failure.code, code, "{query}");
        }
    }
}
