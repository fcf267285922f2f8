//! A service of which one request is one execution, one call and one description.
//!
//! From these everything follows: equal requests share a call, a dry run and an explanation are descriptions, and
//! so is every check of a request that is followed.

use std::hash::Hash;

use serde_json::{Value, json};

use super::target::{Calls, Question, Read, Reading, Target};
use super::{
    Accepted, Answered, Cancellation, Conclusion, Followed, LookUp, Purpose, Settlement, Shared, Sight,
    Sweeps,
};
use super::{share, status_of};
use crate::call_error::{CallError, Class};
use crate::pace::Operation;
use crate::timestamp::{Moment, Timestamp};
use crate::vocabulary::{Effect, State, Status};

/// Such a service. A failure says by its class that an execution is not there or not running any more.
///
/// ```no_run
/// # use countermand::call_error::CallError;
/// # use countermand::pace::Operation;
/// # use countermand::targets::{Accepted, Description, Single, Stopped, cloudflow::Cancellation};
/// # use countermand::vocabulary::State;
/// # use serde_json::json;
/// struct Reef;
///
/// impl Single for Reef {
///     type Cancellation = Cancellation;
///
///     const STOP: &'static Operation = &Operation { name: "reef.StopJob", quota: None, in_regions: &[] };
///     const DESCRIBE: &'static Operation = &Operation { name: "reef.DescribeJob", quota: None, in_regions: &[] };
///
///     const UNCLEAR: &'static [&'static str] = &["JobAlreadyEnded"];
///
///     async fn stop(&self, _: &mut Cancellation) -> Result<Accepted<Stopped>, CallError> {
///         Ok(Accepted { reply: Stopped { ended_at: None, shown: json!({}) }, request_id: None })
///     }
///
///     async fn describe(&self, _: &Cancellation) -> Result<Description, CallError> {
///         Ok(Description { state: State::Running, status: None, ended_at: None, shown: json!({}) })
///     }
/// }
/// ```
///
/// Without a part of it, it does not compile:
///
/// ```compile_fail,E0046
/// # use countermand::call_error::CallError;
/// # use countermand::pace::Operation;
/// # use countermand::targets::{Accepted, Single, Stopped, cloudflow::Cancellation};
/// # use serde_json::json;
/// # struct Reef;
/// # impl Single for Reef {
/// #   type Cancellation = Cancellation;
/// #   const STOP: &'static Operation = &Operation { name: "reef.StopJob", quota: None, in_regions: &[] };
/// #   const DESCRIBE: &'static Operation = &Operation { name: "reef.DescribeJob", quota: None, in_regions: &[] };
/// #   const UNCLEAR: &'static [&'static str] = &[];
///     async fn stop(&self, _: &mut Cancellation) -> Result<Accepted<Stopped>, CallError> {
///         Ok(Accepted { reply: Stopped { ended_at: None, shown: json!({}) }, request_id: None })
///     }
///     // and no `describe`
/// # }
/// ```
pub trait Single {
    type Cancellation: Cancellation + Clone + Eq + Hash;

    const STOP: &'static Operation;
    const DESCRIBE: &'static Operation;
    /// The codes of failures after which a description tells more.
    const UNCLEAR: &'static [&'static str];

    /// How its executions are swept, where they can be.
    fn sweeps(&self) -> Option<&dyn Sweeps> {
        None
    }

    /// Whether calls can be made at all.
    ///
    /// # Errors
    /// What is missing.
    fn ready(&self) -> Result<(), CallError> {
        Ok(())
    }

    /// Makes one attempt to stop an execution, and may change what the next one asks.
    ///
    /// # Errors
    /// Every failure, classified by the service's code.
    fn stop(
        &self,
        asked: &mut Self::Cancellation,
    ) -> impl Future<Output = Result<Accepted<Stopped>, CallError>>;

    /// Makes one attempt to read how far an execution is.
    ///
    /// # Errors
    /// As above.
    fn describe(&self, asked: &Self::Cancellation) -> impl Future<Output = Result<Description, CallError>>;
}

/// A success of stopping an execution.
#[derive(Debug)]
pub struct Stopped {
    /// When the execution ended, of a service whose success does not say whether this call ended it. Before the call
    /// it was another one, and after a repeat a description tells.
    pub ended_at: Option<Moment>,
    /// What an outcome shows of it.
    pub shown: Value,
}

/// How far an execution is.
#[derive(Debug)]
pub struct Description {
    pub state: State,
    /// The service's word for it.
    pub status: Option<String>,
    /// When it ended, of such a service.
    pub ended_at: Option<Moment>,
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
    type Reply = Stopped;
    /// When the first attempt was made.
    type Unclear = Timestamp;

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

    async fn cancel(&self, call: &mut S::Cancellation) -> Result<Accepted<Stopped>, CallError> {
        self.stop(call).await
    }

    fn conclude(&self, request: &S::Cancellation, answers: &[Answered<'_, Self>]) -> Conclusion<Timestamp> {
        let mut conclusion = Conclusion { open_ends: runs(request), ..Conclusion::of(Status::Accepted) };
        for answer in answers {
            match answer.result {
                Ok(Stopped { ended_at, shown: result }) => {
                    let by_others = is_before(*ended_at, answer.began);
                    let unclear = by_others || (ended_at.is_some() && answer.repeated);
                    conclusion.status = if by_others { Status::NotRunning } else { Status::Accepted };
                    conclusion.taken = !by_others;
                    conclusion.unclear = answer.began.filter(|_| unclear);
                    conclusion.result = shown(result.clone());
                }
                Err(error) => {
                    conclusion.status = status_of(error.class);
                    conclusion.unclear = answer.began.filter(|_| S::UNCLEAR.contains(&error.code.as_str()));
                    conclusion.error = Some(error.clone());
                }
            }
        }
        conclusion
    }
}

impl<S: Single> Target for S {
    fn sweeps(&self) -> Option<&dyn Sweeps> {
        Single::sweeps(self)
    }

    async fn read(
        &self,
        requests: &[Reading<'_, S::Cancellation>],
        look_up: &LookUp<'_>,
    ) -> Result<Vec<Read<S::Cancellation>>, CallError> {
        let Some(first) = requests.first() else { return Ok(Vec::new()) };
        let status = described(self, first.asked.cancellation, look_up).await?.status;
        let result = status.map(|status| json!({"status": status}));
        // A request that names no execution cannot be narrowed to one: nothing is told of it, and it has failed.
        let dry_runs = requests.iter().filter(|reading| reading.purpose != Purpose::Cancel);
        Ok(dry_runs.map(|it| (it.asked.record, Err(Settlement::dry_run(result.clone())))).collect())
    }

    async fn explain(
        &self,
        questions: &mut [Question<'_, Self>],
        look_up: &LookUp<'_>,
    ) -> Result<(), CallError> {
        for Question { asked, unclear: began, settlement } in questions {
            let Description { state, ended_at, shown: found, .. } =
                described(self, asked.cancellation, look_up).await?;
            let by_us = ended_at.is_some() && !is_before(ended_at, Some(*began));
            let status = match state {
                State::Canceled if by_us => Status::Accepted,
                State::Canceled => Status::AlreadyCanceled,
                // What was stopped is not shown so at once.
                State::Running | State::Unknown if settlement.error.is_none() => match settlement.status {
                    Status::NotRunning => Status::AlreadyCanceled,
                    status => status,
                },
                State::Running | State::Unknown => settlement.status,
                _ => Status::NotRunning,
            };
            if ended_at.is_some() {
                settlement.effect = match status {
                    Status::Accepted => Effect::Requested,
                    _ => Effect::None,
                };
            }
            let mut result = settlement.result.take().unwrap_or(json!({}));
            if let (Value::Object(result), Value::Object(found)) = (&mut result, found) {
                result.extend(found);
            }
            let (result, open_ends) = (shown(result), runs(asked.cancellation));
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

/// Whether what ended then had ended before.
fn is_before(ended_at: Option<Moment>, began: Option<Timestamp>) -> bool {
    ended_at.zip(began).is_some_and(|(ended_at, began)| ended_at.ends() < began)
}

fn runs(cancellation: &impl Cancellation) -> Vec<String> {
    cancellation.named_runs().unwrap_or_default().to_vec()
}

/// Nothing, where there is nothing to be shown.
fn shown(result: Value) -> Option<Value> {
    Some(result).filter(|result| *result != json!({}))
}
