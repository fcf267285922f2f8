//! The plot: what a cold start costs each contestant, as bars on a logarithmic scale. Plain SVG, readable on
//! light and dark ground.

use std::fmt::Write;

use crate::contestant::Kind;
use crate::measure::{Measure, Samples};
use crate::table::digits;

const WIDTH: f64 = 300.0;
const LABELS: f64 = 100.0;
const VALUES: f64 = 70.0;
const MARGIN: f64 = 20.0;
const BAR: f64 = 16.0;
const STEP: f64 = 26.0;
const TOP: f64 = 40.0;
const OWN: &str = "#1f77b4";
const OTHERS: &str = "#888888";

/// The measures side by side, and what stands over them.
const PANELS: [(Measure, &str); 2] = [
    (Measure::LimitedInvocation, "First invocation at 128 MB, ms (log scale)"),
    (Measure::CpuUntilResponse, "CPU of a cold start, ms (log scale)"),
];

pub fn svg(samples: &Samples) -> String {
    let panel_width = LABELS + WIDTH + VALUES;
    let width = PANELS.len() as f64 * panel_width + 2.0 * MARGIN;
    let height = TOP + Kind::ALL.len() as f64 * STEP + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"{OTHERS}\">\n"
    );
    for (number, (measure, title)) in PANELS.iter().enumerate() {
        let left = MARGIN + LABELS + number as f64 * panel_width;
        let _ = writeln!(svg, "<g transform=\"translate({left} {TOP})\">");
        panel(&mut svg, title, &bars(*measure, samples));
        svg.push_str("</g>\n");
    }
    svg + "</svg>\n"
}

/// The longest first.
fn bars(measure: Measure, samples: &Samples) -> Vec<(Kind, f64)> {
    let measured = |kind| Some((kind, samples.median(kind, measure)?));
    let mut bars: Vec<_> = Kind::ALL.into_iter().filter_map(measured).collect();
    bars.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    bars
}

fn panel(svg: &mut String, title: &str, bars: &[(Kind, f64)]) {
    let Some(scale) = Scale::around(bars.iter().map(|(_, value)| *value)) else { return };
    let bottom = bars.len() as f64 * STEP;
    let _ = writeln!(svg, "<text x=\"0\" y=\"-14\" font-weight=\"bold\">{title}</text>");
    for power in scale.from..=scale.to {
        let value = 10f64.powi(power);
        let x = scale.x(value);
        let _ = writeln!(svg, "<path d=\"M{x:.1} 0V{bottom}\" stroke=\"{OTHERS}\" stroke-opacity=\"0.3\"/>");
        let _ =
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{value}</text>", bottom + 14.0);
    }
    for (number, (kind, value)) in bars.iter().enumerate() {
        let color = if *kind == Kind::Countermand { OWN } else { OTHERS };
        let (top, end) = (number as f64 * STEP + (STEP - BAR) / 2.0, scale.x(*value));
        let line = top + BAR - 4.0;
        let _ = writeln!(svg, "<rect y=\"{top}\" width=\"{end:.1}\" height=\"{BAR}\" fill=\"{color}\"/>");
        let _ = writeln!(svg, "<text x=\"-6\" y=\"{line}\" text-anchor=\"end\">{}</text>", kind.title());
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{line}\">{}</text>", end + 5.0, digits(*value));
    }
}

/// Whole powers of ten around all values.
struct Scale {
    from: i32,
    to: i32,
}

impl Scale {
    fn around(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let least = values.clone().min_by(f64::total_cmp)?;
        let most = values.max_by(f64::total_cmp)?;
        Some(Self { from: least.log10().floor() as i32, to: most.log10().ceil() as i32 })
    }

    fn x(&self, value: f64) -> f64 {
        (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from).max(1.0) * WIDTH
    }
}
