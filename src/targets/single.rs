//! A service of which one request is one execution, one call and one description.
//!
//! From these everything follows: equal requests share a call, a dry run and an explanation are descriptions, and
//! so is every check of a request that is followed.

use std::hash::Hash;

use serde_json::{Value, json};

use super::target::{Calls, Question, Read, Reading, Target};
use super::{
    Accepted, Answered, Cancellation, Conclusion, Followed, LookUp, Purpose, Settlement, Shared, Sight,
};
use super::{share, status_of};
use crate::call_error::{CallError, Class};
use crate::pace::Operation;
use crate::vocabulary::{State, Status};

/// Such a service. A failure says by its class that an execution is not there or not running any more.
///
/// ```no_run
/// # use countermand::call_error::CallError;
/// # use countermand::pace::Operation;
/// # use countermand::targets::{Accepted, Description, Single, cloudflow::Cancellation};
/// # use countermand::vocabulary::State;
/// # use serde_json::{Value, json};
/// struct Reef;
///
/// impl Single for Reef {
///     type Cancellation = Cancellation;
///
///     const STOP: &'static Operation = &Operation { name: "reef.StopJob", quota: None };
///     const DESCRIBE: &'static Operation = &Operation { name: "reef.DescribeJob", quota: None };
///
///     async fn stop(&self, _: &Cancellation) -> Result<Accepted<Value>, CallError> {
///         Ok(Accepted { reply: json!({}), request_id: None })
///     }
///
///     async fn describe(&self, _: &Cancellation) -> Result<Description, CallError> {
///         Ok(Description { state: State::Running, status: None, shown: json!({}) })
///     }
/// }
/// ```
///
/// Without a part of it, it does not compile:
///
/// ```compile_fail,E0046
/// # use countermand::call_error::CallError;
/// # use countermand::pace::Operation;
/// # use countermand::targets::{Accepted, Single, cloudflow::Cancellation};
/// # use serde_json::{Value, json};
/// # struct Reef;
/// # impl Single for Reef {
/// #   type Cancellation = Cancellation;
/// #   const STOP: &'static Operation = &Operation { name: "reef.StopJob", quota: None };
/// #   const DESCRIBE: &'static Operation = &Operation { name: "reef.DescribeJob", quota: None };
///     async fn stop(&self, _: &Cancellation) -> Result<Accepted<Value>, CallError> {
///         Ok(Accepted { reply: json!({}), request_id: None })
///     }
///     // and no `describe`
/// # }
/// ```
pub trait Single {
    type Cancellation: Cancellation + Clone + Eq + Hash;

    const STOP: &'static Operation;
    const DESCRIBE: &'static Operation;

    /// Whether calls can be made at all.
    ///
    /// # Errors
    /// What is missing.
    fn ready(&self) -> Result<(), CallError> {
        Ok(())
    }

    /// Makes one attempt to stop an execution. What the answer shows becomes the outcome's result.
    ///
    /// # Errors
    /// Every failure, classified by the service's code.
    fn stop(&self, asked: &Self::Cancellation) -> impl Future<Output = Result<Accepted<Value>, CallError>>;

    /// Makes one attempt to read how far an execution is.
    ///
    /// # Errors
    /// As above.
    fn describe(&self, asked: &Self::Cancellation) -> impl Future<Output = Result<Description, CallError>>;
}

/// How far an execution is.
#[derive(Debug)]
pub struct Description {
    pub state: State,
    /// The service's word for it.
    pub status: Option<String>,
    /// What an outcome shows of it.
    pub shown: Value,
}

async fn described<S: Single>(
    service: &S,
    asked: &S::Cancellation,
    look_up: &LookUp<'_>,
) -> Result<Description, CallError> {
    look_up.read(S::DESCRIBE, async || service.describe(asked).await).await
}

impl<S: Single> Calls for S {
    type Cancellation = S::Cancellation;
    type Call = S::Cancellation;
    type Reply = Value;
    type Unclear = ();

    const CANCEL: &'static Operation = S::STOP;

    fn ready(&self) -> Result<(), CallError> {
        Single::ready(self)
    }

    fn calls(&self, requests: &[&S::Cancellation]) -> Vec<Shared<S::Cancellation>> {
        share::equal(requests)
    }

    fn part(&self, call: &S::Cancellation, _: &S::Cancellation) -> S::Cancellation {
        call.clone()
    }

    async fn cancel(&self, call: &S::Cancellation) -> Result<Accepted<Value>, CallError> {
        self.stop(call).await
    }

    fn conclude(&self, request: &S::Cancellation, answers: &[Answered<'_, Self>]) -> Conclusion<()> {
        let mut conclusion = Conclusion { open_ends: runs(request), ..Conclusion::of(Status::Accepted) };
        for answer in answers {
            match answer.result {
                Ok(reply) => {
                    conclusion.taken = true;
                    conclusion.result = shown(reply.clone());
                }
                Err(error) => {
                    conclusion.status = status_of(error.class);
                    conclusion.unclear = (error.class == Class::NotRunning).then_some(());
                    conclusion.error = Some(error.clone());
                }
            }
        }
        conclusion
    }
}

impl<S: Single> Target for S {
    async fn read(
        &self,
        requests: &[Reading<'_, S::Cancellation>],
        look_up: &LookUp<'_>,
    ) -> Result<Vec<Read<S::Cancellation>>, CallError> {
        let Some(first) = requests.first() else { return Ok(Vec::new()) };
        let status = described(self, first.asked.cancellation, look_up).await?.status;
        let result = status.map(|status| json!({"status": status}));
        // A request that names no execution cannot be narrowed to one: nothing is told of it, and it has failed.
        let rehearsed = requests.iter().filter(|reading| reading.purpose != Purpose::Cancel);
        Ok(rehearsed.map(|it| (it.asked.record, Err(Settlement::rehearsed(result.clone())))).collect())
    }

    async fn explain(
        &self,
        questions: &mut [Question<'_, Self>],
        look_up: &LookUp<'_>,
    ) -> Result<(), CallError> {
        for Question { asked, settlement, .. } in questions {
            let description = described(self, asked.cancellation, look_up).await?;
            let status = match description.state {
                State::Canceled => Status::AlreadyCanceled,
                _ => Status::NotRunning,
            };
            let (result, open_ends) = (shown(description.shown), runs(asked.cancellation));
            settlement.mend(Conclusion::<()> { result, open_ends, ..Conclusion::of(status) });
        }
        Ok(())
    }

    async fn follow(
        &self,
        requests: &[Followed<'_, S::Cancellation>],
        look_up: &LookUp<'_>,
    ) -> (Vec<(usize, Sight)>, Option<CallError>) {
        let Some(first) = requests.first() else { return (Vec::new(), None) };
        let state = match described(self, first.cancellation, look_up).await {
            Ok(description) => description.state,
            Err(error) if error.class == Class::NotFound => State::NotFound,
            Err(error) => return (Vec::new(), Some(error)),
        };
        let seen = |followed: &Followed<'_, _>| (followed.record, followed.runs.ending_in(state));
        (requests.iter().map(seen).collect(), None)
    }
}

fn runs(cancellation: &impl Cancellation) -> Vec<String> {
    cancellation.named_runs().unwrap_or_default().to_vec()
}

/// Nothing, where there is nothing to be shown.
fn shown(result: Value) -> Option<Value> {
    Some(result).filter(|result| *result != json!({}))
}
