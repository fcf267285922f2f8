//! The closed loop, from a request to its confirmation, in simulated time.
//!
//! The function's own queue feeds it with requests and follow-ups, as one that is deployed, and hours pass
//! in milliseconds. A story is told by what the services were asked, when, and by what was published; the
//! times are those of the contract. [`property`] draws stories.

mod draw;
mod many;
mod moments;
mod property;
mod races;
pub mod stage;
mod trouble;

use libtest_mimic::Trial;

/// The stories, as tests.
pub fn trials() -> Vec<Trial> {
    let stories: [(&str, fn()); 14] = [
        (
            "follow-confirms-at-the-first-check-after-the-run-has-ended",
            moments::confirms_at_the_first_check_after,
        ),
        (
            "follow-tells-still-running-at-the-end-of-the-time-and-not-before",
            moments::still_running_at_the_end,
        ),
        ("follow-looks-14-times-at-most-whatever-the-clock-says", moments::fourteen_checks_at_most),
        ("follow-terminates-in-time-and-tells-soon", moments::terminates_in_time),
        ("follow-tells-of-a-run-that-ended-by-itself", moments::ended_otherwise),
        ("follow-promises-nothing-before-the-follow-up-is-sent", trouble::nothing_is_promised_before),
        ("follow-promises-nothing-that-cannot-be-kept", trouble::promises_nothing_that_it_cannot_keep),
        (
            "follow-confirms-though-the-process-dies-before-it-tells",
            trouble::confirms_though_the_process_dies,
        ),
        ("follow-looks-again-where-a-look-up-failed", trouble::looks_again),
        ("follow-reads-a-flow-once-for-a-batch", many::a_flow_is_read_once_for_a_batch),
        ("follow-keeps-to-the-pace-of-swfs-describe", many::keeps_to_the_pace),
        ("follow-leaves-a-request-alone-that-does-not-ask", moments::leaves_others_alone),
        ("follow-property-a-promise-is-kept-and-what-is-told-is-so", property::check),
        ("races-reach-what-was-meant-and-tell-what-is-so", races::check),
    ];
    let trial = |(name, story): (&str, fn())| {
        Trial::test(name, move || {
            story();
            Ok(())
        })
    };
    stories.map(trial).into()
}
