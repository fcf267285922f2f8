//! Finding out what an answer left unsaid: why a run could not be canceled, and whether it stopped.
//!
//! An explaining look-up is a courtesy. It comes after every cancel of the batch, in the time that is
//! left, and where it fails, or its permit does not come in time, the outcome stands without it. One
//! serves all requests of a batch for a target that is read as a whole.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::port::{Tell, concrete};
use super::target::{Question, Target};
use super::{Asked, Cancellation, Conclusion, Context, LookUp, Settlement};
use crate::call_error::ReportedError;
use crate::contained::contained_in;

/// A request and what became of it.
pub type Settled<'a> = (Asked<'a>, Settlement);

/// Asks what the answers left open, all questions side by side, and mends the settlements. Each is told of as
/// soon as its own question is done; what goes wrong over one leaves it as it was.
pub async fn explain<T: Target>(
    target: &T,
    settled: Vec<Settled<'_>>,
    context: &Context<'_>,
    tell: Tell<'_>,
) {
    let look_up = &LookUp::courtesy(context);
    let mut together: BTreeMap<(String, Option<usize>), Vec<Question<'_, T>>> = BTreeMap::new();
    for (asked, mut settlement) in settled {
        let unclear = settlement.unclear.take().and_then(|unclear| unclear.downcast().ok());
        match (unclear, concrete::<T::Cancellation>(asked.cancellation)) {
            (Some(unclear), Ok(cancellation)) => {
                let alone = (!cancellation.is_read_as_a_whole()).then_some(asked.record);
                let question = Question { asked: asked.with(cancellation), unclear: *unclear, settlement };
                together.entry((cancellation.key(), alone)).or_default().push(question);
            }
            _ => tell(asked.record, settlement),
        }
    }
    let asking = together.into_values().map(async |mut questions| {
        let explained = contained_in(target.explain(&mut questions, look_up)).await;
        if let (Ok(Err(error)), Some(Question { asked, .. })) = (explained, questions.first()) {
            (context.look_up_failed)(asked.cancellation.service(), &error);
        }
        questions.into_iter().for_each(|question| tell(question.asked.record, question.settlement));
    });
    join_all(asking).await;
}

impl Settlement {
    /// Takes over what a look-up made of the answers. What was done is not changed by knowing more;
    /// an error that the service gave stays, unless the look-up found a graver one.
    pub(super) fn mend<U>(&mut self, conclusion: Conclusion<U>) {
        self.status = conclusion.status;
        self.result = conclusion.result;
        self.remaining = conclusion.remaining;
        self.open_ends = conclusion.open_ends;
        if let Some(error) = conclusion.error {
            self.error = Some(ReportedError::from(error));
        }
    }
}
