//! What a request asks of Step Functions, and the rules of its fields.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{SERVICE, sweep};
use crate::arn::Arn;
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::fields::violation::{Code, Violations, quote};
use crate::targets::{self, Beside, Service};

/// The ARN of an execution. Those of express workflows have another form: nothing stops them.
const EXECUTION_ARN: Text = Text {
    length: 1..=256,
    expected: "the ARN of an execution of a standard workflow, \
               such as arn:aws:states:us-east-1:111122223333:execution:orders:run-1",
    allows: |text| Execution::of(text).is_some(),
};

/// The ARN of a state machine, or of a version or an alias of one.
pub const STATE_MACHINE_ARN: Text = Text {
    length: 1..=256,
    expected: "the ARN of a state machine, such as arn:aws:states:us-east-1:111122223333:stateMachine:orders",
    allows: |text| machine_of(text).is_some(),
};

pub const CAUSE: Text = Text::any(1..=32_768);
pub const ERROR: Text = Text::any(1..=256);

/// What a request asks of Step Functions; its one call carries the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cancellation {
    /// The one execution, as a list has it.
    pub execution_arn: [String; 1],
    pub cause: Option<String>,
    pub error: Option<String>,
    /// Cause and error were left out, since they could not be encrypted.
    pub cause_omitted: bool,
}

/// What the ARN of an execution names.
struct Execution<'a> {
    machine: &'a str,
    name: &'a str,
}

impl<'a> Execution<'a> {
    /// The machine's name can have that of a Map Run behind it, or of a version or an alias.
    /// Formats: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html>
    fn of(arn: &'a str) -> Option<Self> {
        let Arn { service, name, .. } = Arn::parse(arn).filter(Arn::is_placed)?;
        let mut parts = name.strip_prefix("execution:").filter(|_| service == "states")?.split(':');
        let (machine, last) = (parts.next()?, parts.next_back()?);
        let more = parts.next();
        let (machine, map_run) = machine.split_once('/').map_or((machine, None), |(it, run)| (it, Some(run)));
        let mut names = [Some(machine), map_run, more, Some(last)].into_iter().flatten();
        (names.all(can_exist) && parts.next().is_none()).then_some(Self { machine, name: last })
    }
}

/// The name of the state machine that an ARN names.
pub fn machine_of(arn: &str) -> Option<&str> {
    let Arn { service, name, .. } = Arn::parse(arn).filter(Arn::is_placed)?;
    let mut parts = name.strip_prefix("stateMachine:").filter(|_| service == "states")?.split(':');
    let (machine, more) = (parts.next()?, parts.next());
    let mut names = [Some(machine), more].into_iter().flatten();
    (names.all(can_exist) && parts.next().is_none()).then_some(machine)
}

/// Notes where an ARN is of another region than the function.
pub fn check_region(path: &str, arn: &str, here: Option<&str>, violations: &mut Violations) {
    let Some((here, there)) = here.zip(Arn::parse(arn).map(|arn| arn.region)) else { return };
    if here != there {
        let message = format!("expected an ARN in {here}, the function's own region, got {}", quote(arn));
        violations.add(path, Code::BadFormat, message);
    }
}

/// Whether something can have a name, whatever its length.
/// Characters: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>
fn can_exist(name: &str) -> bool {
    let refused = |it: char| it.is_whitespace() || it.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(it);
    !name.is_empty() && !name.contains(refused)
}

/// Takes Step Functions' fields of a request. The request's reason serves as cause where none is given.
pub fn read(fields: &mut Fields, beside: Beside<'_>) -> Option<Arc<dyn targets::Cancellation>> {
    if let Some(selected) = sweep::read(fields, beside) {
        return selected;
    }
    let execution_arn = fields.required(&["executionArn"], &EXECUTION_ARN);
    if let Some(arn) = &execution_arn {
        check_region("executionArn", arn, beside.region, &mut fields.violations);
    }
    // A cause or error that is not valid is among the violations, which refuse the request.
    let cause = fields.text(&["cause"], &CAUSE);
    let error = fields.text(&["error"], &ERROR);
    Some(Arc::new(Cancellation {
        execution_arn: [execution_arn?],
        cause: cause.or_else(|| beside.reason.map(String::from)),
        error,
        cause_omitted: false,
    }))
}

/// Whether a state machine and an execution can have a name, whatever its length.
pub fn is_valid_name(name: &str) -> bool {
    name.split_once('/').is_some_and(|(machine, execution)| can_exist(machine) && can_exist(execution))
}

impl targets::Cancellation for Cancellation {
    fn service(&self) -> &'static Service {
        &SERVICE
    }

    fn key(&self) -> String {
        let execution = Execution::of(self.execution_arn());
        let (machine, name) = execution.map_or_else(Default::default, |it| (it.machine, it.name));
        format!("stepfunctions:{machine}/{name}")
    }

    fn target(&self) -> Value {
        json!({"key": self.key(), "executionArn": self.execution_arn()})
    }

    fn named_runs(&self) -> Option<&[String]> {
        Some(&self.execution_arn)
    }

    fn runs_rule(&self) -> (&'static Text, usize) {
        (&EXECUTION_ARN, 1)
    }
}

impl Cancellation {
    pub fn execution_arn(&self) -> &str {
        let [execution_arn] = &self.execution_arn;
        execution_arn
    }

    /// Leaves out what would have to be encrypted, where there is any.
    pub fn omit_cause(&mut self) -> bool {
        let omitted = self.cause.take().is_some() | self.error.take().is_some();
        self.cause_omitted |= omitted;
        omitted
    }
}
