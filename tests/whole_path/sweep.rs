//! Sweeps, from the request to the summary, in simulated time.
//!
//! The function's own queue feeds it with the steps of a sweep as with everything else. A story is told by what
//! the services were asked and by what was published. [`property`] draws stories, [`draw`] their worlds.

mod draw;
mod processes;
mod property;
mod stories;

use libtest_mimic::Trial;

/// The stories, as tests.
pub fn trials() -> Vec<Trial> {
    let stories: [(&str, fn()); 9] = [
        ("sweep-tells-progress-once-a-minute-and-a-summary-at-the-end", stories::tells_how_it_goes),
        ("sweep-counts-each-way-in-which-an-execution-ends", stories::counts_each_way),
        ("sweep-leaves-what-failed-for-good-and-tells-why", stories::tells_failures),
        ("sweep-tries-again-what-failed-for-now", stories::tries_again),
        ("sweep-ends-incomplete-after-a-day", stories::ends_after_a_day),
        ("sweep-takes-a-part-of-the-time-and-of-the-permits", stories::leaves_room),
        ("sweep-of-cloudflow-spends-few-permits-on-lists", stories::lists_spare_the_cancels),
        ("sweep-goes-on-where-more-were-asked-than-a-message-carries", stories::carries_no_more_than_is_read),
        ("sweep-property-all-that-is-meant-is-asked-and-nothing-else", property::check),
    ];
    let trial = |(name, story): (&str, fn())| {
        Trial::test(name, move || {
            story();
            Ok(())
        })
    };
    let mut trials: Vec<Trial> = stories.map(trial).into();
    trials.push(Trial::test("sweep-of-3000-executions-over-sockets", || {
        processes::sweeps_three_thousand().map_err(Into::into)
    }));
    trials
}
