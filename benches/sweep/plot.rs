//! The plot: for each case the executions asked over time, against the ideal. Plain SVG, readable on light and dark
//! ground.

use std::fmt::Write;

use crate::case::Case;
use crate::swept::Swept;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 200.0;
const MARGIN: f64 = 40.0;
const OWN: &str = "#1f77b4";
const IDEAL: &str = "#888888";

#[expect(clippy::cast_precision_loss, reason = "far below what a float counts")]
pub fn svg(rows: &[(Case, Swept)]) -> String {
    let (width, height) = ((WIDTH + MARGIN) * rows.len() as f64 + MARGIN, HEIGHT + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"{IDEAL}\">\n"
    );
    for (number, (case, swept)) in rows.iter().enumerate() {
        let left = MARGIN + number as f64 * (WIDTH + MARGIN);
        let longest = swept.asked_after.max(case.ideal()) * 1.05;
        let most = case.executions as f64;
        let (x, y) = (|at: f64| at / longest * WIDTH, |done: f64| HEIGHT - done / most * HEIGHT);
        // Writing to a string does not fail.
        let _ = writeln!(svg, "<g transform=\"translate({left} {MARGIN})\">");
        let _ = writeln!(svg, "<text x=\"0\" y=\"-12\" font-weight=\"bold\">{}</text>", case.name);
        let _ = writeln!(svg, "<path d=\"M0 0V{HEIGHT}H{WIDTH}\" fill=\"none\" stroke=\"{IDEAL}\"/>");
        for part in [0.0, 0.5, 1.0] {
            let (at, under) = (longest * part, HEIGHT + 16.0);
            let _ = writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{under}\" text-anchor=\"middle\">{at:.0} s</text>",
                x(at)
            );
        }
        let ideal = format!("M{:.1} {:.1}L{:.1} 0", x(0.0), y(case.burst), x(case.ideal()));
        let _ = writeln!(svg, "<path d=\"{ideal}\" stroke=\"{IDEAL}\" stroke-dasharray=\"5 4\"/>");
        let mut path = format!("M0 {HEIGHT}");
        for (at, done) in &swept.done {
            let _ = write!(path, "L{:.1} {:.1}", x(*at), y(*done as f64));
        }
        let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{OWN}\" stroke-width=\"2\"/>\n</g>");
    }
    svg + "</svg>\n"
}
