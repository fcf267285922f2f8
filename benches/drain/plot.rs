//! The plot: for each service the requests done over time, with the function's pace and without it,
//! against the ideal. Plain SVG, readable on light and dark ground.

use std::fmt::Write;

use crate::table::Row;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 200.0;
const MARGIN: f64 = 40.0;
const PACED: &str = "#1f77b4";
const UNPACED: &str = "#d62728";
const IDEAL: &str = "#888888";

/// One panel for each group of rows: the first is the case itself, the one with pacing off its rival.
pub fn svg(rows: &[Row]) -> String {
    let mut groups: Vec<&str> = rows.iter().map(|row| &*row.case.group).collect();
    groups.dedup();
    let (width, height) = ((WIDTH + MARGIN) * groups.len() as f64 + MARGIN, HEIGHT + 2.5 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"{IDEAL}\">\n"
    );
    for (number, group) in groups.iter().enumerate() {
        let left = MARGIN + number as f64 * (WIDTH + MARGIN);
        let _ = writeln!(svg, "<g transform=\"translate({left} {MARGIN})\">");
        panel(&mut svg, group, &rows.iter().filter(|row| row.case.group == *group).collect::<Vec<_>>());
        svg.push_str("</g>\n");
    }
    let legend = [("with its pace", PACED), ("pacing off", UNPACED), ("ideal", IDEAL)];
    for (number, (text, color)) in legend.iter().enumerate() {
        let (x, y) = (MARGIN + number as f64 * 110.0, height - 12.0);
        let _ = writeln!(svg, "<path d=\"M{x} {y}h20\" stroke=\"{color}\" stroke-width=\"2\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{text}</text>", x + 25.0, y + 4.0);
    }
    svg + "</svg>\n"
}

fn panel(svg: &mut String, title: &str, rows: &[&Row]) {
    let Some(own) = rows.first() else { return };
    let unpaced = rows.iter().find(|row| row.case.name.ends_with("pacing off"));
    let end = |row: &Row| row.drained.done.last().map_or(0.0, |(at, _)| *at);
    let longest = end(own).max(unpaced.map_or(0.0, |row| end(row))).max(own.case.ideal()) * 1.05;
    let most = own.case.requests as f64;
    let x = |seconds: f64| seconds / longest * WIDTH;
    let y = |done: f64| HEIGHT - done / most * HEIGHT;
    let _ = writeln!(svg, "<text x=\"0\" y=\"-12\" font-weight=\"bold\">{title}</text>");
    let _ = writeln!(svg, "<path d=\"M0 0V{HEIGHT}H{WIDTH}\" fill=\"none\" stroke=\"{IDEAL}\"/>");
    let _ = writeln!(svg, "<text x=\"-4\" y=\"4\" text-anchor=\"end\">{most}</text>");
    for part in [0.0, 0.5, 1.0] {
        let seconds = longest * part;
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{}\" text-anchor=\"middle\">{seconds:.0} s</text>",
            x(seconds),
            HEIGHT + 16.0
        );
    }
    let ideal = [(0.0, own.case.burst), (own.case.ideal(), most)];
    let ideal: Vec<String> =
        ideal.iter().map(|(at, done)| format!("{:.1},{:.1}", x(*at), y(*done))).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{IDEAL}\" stroke-dasharray=\"5 4\"/>",
        ideal.join(" ")
    );
    for (row, color) in unpaced.map(|row| (*row, UNPACED)).into_iter().chain([(*own, PACED)]) {
        let mut path = format!("M{:.1} {:.1}", x(0.0), y(0.0));
        for (at, done) in &row.drained.done {
            let _ = write!(path, "H{:.1}V{:.1}", x(*at), y(*done as f64));
        }
        let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>");
    }
}
