//! Step Functions' `ListExecutions`: the executions of a state machine, the newest first, of one status where that is
//! given, page by page.

use serde_json::{Value, json};

use super::{ExecutionStatus, reply};
use crate::fields::Fields;
use crate::pages::Page;
use crate::refusal::Failure;
use crate::service::Operation;
use crate::sigv4::resource_name;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};

const LARGEST_PAGE: usize = 1_000;
const USUAL_PAGE: usize = 100;

pub(crate) struct ListExecutions {
    arn: String,
    machine: String,
    status: Option<ExecutionStatus>,
    most: usize,
    token: Option<String>,
    /// All of the request but the token.
    asked: Value,
}

impl ListExecutions {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = Fields::of(request)?;
        let arn = body.required("stateMachineArn", 256)?;
        let named = resource_name(&arn, "states", "stateMachine:").filter(|_| arn.starts_with("arn:"));
        let Some(machine) = named.map(|named| named.split(':').next().unwrap_or_default().to_owned()) else {
            return Err(Failure::new(400, "InvalidArn", format!("Invalid Arn: '{arn}'")));
        };
        let status = match body.text("statusFilter", 64)? {
            Some(_) => Some(body.required_name("statusFilter")?),
            None => None,
        };
        // Zero is as good as nothing.
        let most = body.count("maxResults", LARGEST_PAGE)?.filter(|most| *most > 0).unwrap_or(USUAL_PAGE);
        let (token, asked) = (body.text("nextToken", 3_096)?, body.without("nextToken"));
        Ok(ListExecutions { arn, machine, status, most, token, asked })
    }
}

impl Work for ListExecutions {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let (clock, world) = (turn.state.clock, &turn.state.world);
        let began = clock.started_at();
        let as_of = world.as_of(Operation::LIST_STATE_MACHINE_EXECUTIONS, clock.now());
        let machine = world.stepfunctions.get(&self.machine).ok_or_else(|| {
            let message = format!("State Machine Does Not Exist: '{}'", self.arn);
            Failure::new(400, "StateMachineDoesNotExist", message)
        })?;
        let listed = machine.executions.iter().map(|one| (one.moments(began), one));
        let listed = listed.filter(|((started, _), _)| as_of.is_none_or(|as_of| *started <= as_of));
        let mut found: Vec<_> =
            listed.filter(|(_, one)| self.status.is_none_or(|status| one.status == status)).collect();
        found.sort_by_key(|((started, _), _)| *started);
        found.reverse();
        let cut = world.cut(self.most);
        let pages = &mut turn.state.pages;
        let Page { items, next } = pages
            .turn_named(found, |(_, one)| one.name.clone(), &self.asked, self.token.as_deref(), cut)
            .map_err(|_| Failure::new(400, "InvalidToken", "Invalid Token: 'Invalid token'"))?;
        let prefix = self.arn.replacen(":stateMachine:", ":execution:", 1);
        let execution = |((started, stopped), one): &((_, _), &super::StateMachineExecution)| {
            let (started, stopped): (&crate::timestamp::Timestamp, &Option<_>) = (started, stopped);
            let mut execution = json!({
                "executionArn": format!("{prefix}:{}", one.name),
                "stateMachineArn": self.arn,
                "name": one.name,
                "status": one.status,
                "startDate": started.epoch_seconds(),
                "redriveCount": u8::from(one.redrive_date.is_some()),
            });
            let stopped: Option<crate::timestamp::Timestamp> = *stopped;
            if let Some(stopped) = stopped {
                execution["stopDate"] = stopped.epoch_seconds();
            }
            if let Some(redriven) = one.redrive_date {
                execution["redriveDate"] = redriven.epoch_seconds();
            }
            execution
        };
        let mut body = json!({"executions": items.iter().map(execution).collect::<Vec<Value>>()});
        if let Some(token) = next {
            body["nextToken"] = json!(token);
        }
        Ok(reply(&body))
    }
}
