//! The function in simulated time: its real handler, the simulator without sockets, tokio's paused clock.

use std::cell::RefCell;
use std::time::Duration;

use countermand_simulator::{Reply, Simulator};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};

use crate::case::Case;
use crate::simulated::{Process, in_simulated_time};
use crate::watch::{Drained, Watch};

/// One process of the function.
fn process(case: &Case, simulator: &Simulator) -> Process {
    let variables: Vec<_> =
        case.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Process::start(simulator, &variables).expect("the variables are right")
}

/// Drains a backlog.
pub fn drain(case: &Case) -> Drained {
    in_simulated_time(async {
        fastrand::seed(7);
        let simulator = Simulator::in_process(case.world()).expect("the world can be");
        let mapping = case.prepare(&simulator);
        let watch = RefCell::new(Watch::start());
        let start = Instant::now();
        let loops = (0..case.processes).map(async |number| {
            let number = u32::try_from(number).unwrap_or_default();
            sleep_until(start + case.each_starts_after * number).await;
            let process = process(case, &simulator);
            while let Some(batch) = mapping.next().await {
                watch.borrow_mut().received(batch.ids());
                let size = batch.ids().count();
                let reply = process.invoke(&batch.event, case.timeout).await;
                watch.borrow_mut().done(size - goes_back(&reply, size));
                if reply == Reply::TimedOut {
                    watch.borrow_mut().too_late();
                }
                mapping.settle(batch, &reply);
                simulator.forget();
            }
        });
        tokio::select! {
            _ = join_all(loops) => {}
            () = case.change_limits(&simulator, start) => {}
            () = sleep_until(start + Duration::from_secs(7_200)) => {}
        }
        watch.into_inner().finish(case, &simulator)
    })
}

/// How many of a batch come again.
pub fn goes_back(reply: &Reply, size: usize) -> usize {
    match reply {
        Reply::Response(response) => response.matches("itemIdentifier").count(),
        _ => size,
    }
}
