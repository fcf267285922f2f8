//! The way of one call through a simulated service: into the ledger, read and checked, then what is
//! scripted for it, then the operation's limit, then the work. A request that the real service would
//! refuse as malformed is refused before any fault is spent on it, so that no fault hides a mistake.

use std::convert::Infallible;
use std::future::pending;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::changes::patched;
use crate::faults::FaultKind;
use crate::ledger::Call;
use crate::refusal::Failure;
use crate::service::{Asked, Operation, Service};
use crate::wire::{Answer, Form, Request};
use crate::work::{FailingEntries, Turn, Work};
use crate::{Shared, control};
use tokio::time::{Instant, sleep, timeout_at};

/// What becomes of the connection that carried a call.
pub(crate) enum Ending {
    Answered(Answer),
    /// Closed without a reply.
    Closed,
}

/// One call, from its arrival to its ending.
struct Running<'a> {
    shared: &'a Shared,
    service: &'static Service,
    operation: String,
    request_id: String,
    arrived: Instant,
    index: usize,
}

/// Serves one call. Where it is dropped while it waits, as the client went away, the ledger keeps
/// the call without a status.
pub(crate) async fn serve(shared: &Shared, asked: Asked, request: Request) -> Ending {
    let running = Running::arrive(shared, &asked, &request);
    let Some(operation) = asked.operation else {
        return running.refuse((asked.service.unknown_action)(&asked.action));
    };
    let admitted = (asked.service.admit)(&request, &mut shared.state());
    let work = match admitted.and_then(|()| (operation.0.read)(&request)) {
        Ok(work) => work,
        Err(failure) => return running.refuse(failure),
    };
    let delay = shared.state().faults.delay_of(operation);
    // Not even yielded where there is none: a paused clock moves on whenever all is idle.
    if !delay.is_zero() {
        sleep(delay).await;
    }
    let (due, now) = {
        let mut state = shared.state();
        (state.changes.due(operation), state.clock.now())
    };
    for due in due {
        if let Err(wrong) = control::change(shared, |world| due(world, now)) {
            return running.refuse(Failure::new(500, "ChangeCannotBe", wrong));
        }
    }
    let fault = shared.state().faults.next(operation);
    if let Some(fault) = &fault {
        running.note(|call| call.fault = Some(fault.name().to_owned()));
    }
    match fault {
        Some(FaultKind::Throttle { retry_after_ms }) => {
            running.refuse(asked.service.throttled(retry_after_ms))
        }
        Some(FaultKind::Error { status, code, message, headers }) => {
            let message = message.unwrap_or_else(|| code.clone());
            let mut failure = Failure::new(status, code, message);
            failure.headers.extend(headers);
            running.refuse(failure)
        }
        Some(FaultKind::Reply { status, body, headers }) => running.send(Answer {
            status,
            headers: headers.into_iter().collect(),
            body: body.into_bytes(),
            code: None,
        }),
        Some(FaultKind::Drop {}) => running.close(),
        Some(FaultKind::Hang {}) => match pending::<Infallible>().await {},
        Some(FaultKind::LoseReply {}) => {
            // Whatever the service would have said, nobody hears it.
            let _ = running.work(operation, work, None).await;
            running.close()
        }
        Some(FaultKind::WithholdReply {}) => {
            let _ = running.work(operation, work, None).await;
            running.close();
            match pending::<Infallible>().await {}
        }
        Some(FaultKind::FailEntries { entries, code, message }) => {
            let message = message.unwrap_or_else(|| code.clone());
            let failing = FailingEntries { entries, code, message };
            running.finish(running.work(operation, work, Some(failing)).await)
        }
        Some(FaultKind::Change { world }) => {
            let patched = patched(&shared.state().world, &world);
            let changed = patched.and_then(|world| control::change(shared, |now| *now = world));
            match changed {
                Err(wrong) => running.refuse(Failure::new(500, "ChangeCannotBe", wrong)),
                Ok(()) => running.finish(running.work(operation, work, None).await),
            }
        }
        Some(FaultKind::Delay { ms }) => {
            sleep(Duration::from_millis(ms)).await;
            running.finish(running.work(operation, work, None).await)
        }
        None => running.finish(running.work(operation, work, None).await),
    }
}

impl<'a> Running<'a> {
    fn arrive(shared: &'a Shared, asked: &Asked, request: &Request) -> Running<'a> {
        let request_id = (asked.service.request_id)();
        let arrived = Instant::now();
        let operation = format!("{}.{}", asked.service.name, asked.action);
        let mut state = shared.state();
        let call = Call {
            at: milliseconds(arrived.duration_since(state.clock.started())),
            operation: operation.clone(),
            request: request.for_ledger(),
            signature: signature(request),
            signed_at: signed_at(request),
            trace: request.header("x-amzn-trace-id").map(String::from),
            status: None,
            code: None,
            fault: None,
            request_id: request_id.clone(),
            duration_ms: None,
        };
        let index = state.ledger.push(call);
        Running { shared, service: asked.service, operation, request_id, arrived, index }
    }

    async fn work(
        &self,
        operation: Operation,
        work: Box<dyn Work>,
        failing: Option<FailingEntries>,
    ) -> Result<Answer, Failure> {
        if !self.shared.state().faults.grant(operation, Instant::now()) {
            return Err(self.service.throttled(None));
        }
        let until = Instant::now() + work.patience();
        loop {
            let changed = self.shared.changed.notified();
            match self.attempt(&*work, until, failing.as_ref()) {
                ControlFlow::Break(result) => {
                    self.shared.changed.notify_waiters();
                    return result;
                }
                // Woken, or when the time has come, the state is looked at once more.
                ControlFlow::Continue(due) => {
                    let _ = timeout_at(due, changed).await;
                }
            }
        }
    }

    /// Does the work, or says when to try again, unless something changes before.
    fn attempt(
        &self,
        work: &dyn Work,
        until: Instant,
        failing: Option<&FailingEntries>,
    ) -> ControlFlow<Result<Answer, Failure>, Instant> {
        let mut state = self.shared.state();
        let due = work.due(&mut state).map_or(until, |due| due.min(until));
        if due > Instant::now() {
            return ControlFlow::Continue(due);
        }
        let now = state.clock.now();
        state.world.pass_time(now);
        ControlFlow::Break(work.run(&mut Turn {
            state: &mut state,
            request_id: &self.request_id,
            base_url: &self.shared.base_url,
            failing,
        }))
    }

    fn finish(&self, result: Result<Answer, Failure>) -> Ending {
        match result {
            Ok(answer) => self.send(self.service.stamp(answer, &self.request_id)),
            Err(failure) => self.refuse(failure),
        }
    }

    fn refuse(&self, failure: Failure) -> Ending {
        let answer = self.service.refuse(failure, &self.request_id);
        self.send(self.service.stamp(answer, &self.request_id))
    }

    fn send(&self, answer: Answer) -> Ending {
        if answer.code.as_ref() == Some(&self.service.throttled(None).code) {
            self.shared.state().ledger.count_throttled(&self.operation);
        }
        self.note(|call| {
            call.status = Some(answer.status);
            call.code.clone_from(&answer.code);
            call.duration_ms = Some(milliseconds(self.arrived.elapsed()));
        });
        Ending::Answered(answer)
    }

    fn close(&self) -> Ending {
        self.note(|call| call.duration_ms = Some(milliseconds(self.arrived.elapsed())));
        Ending::Closed
    }

    fn note(&self, note: impl FnOnce(&mut Call)) {
        self.shared.state().ledger.note(self.index, note);
        self.shared.noted.notify_waiters();
    }
}

/// The name of the algorithm that the request says it is signed with.
fn signature(request: &Request) -> Option<String> {
    match request.header("authorization") {
        Some(authorization) => authorization.split(' ').next().map(Into::into),
        None => Form::of_query(&request.query).0.remove("SignatureMethod"),
    }
}

fn signed_at(request: &Request) -> Option<String> {
    let header = ["x-amz-date", "x-acs-date"].iter().find_map(|name| request.header(name));
    header.map(String::from).or_else(|| Form::of_query(&request.query).0.remove("Timestamp"))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
