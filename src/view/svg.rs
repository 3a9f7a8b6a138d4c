//! The structure of a model as a drawing.

use std::fmt::Write;

use super::Part;
use super::diagram::{grouped, label};

const WIDTH: f32 = 460.0;
const BOX: f32 = 44.0;
const GAP: f32 = 18.0;
const MARGIN: f32 = 18.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1b1b1f;text-anchor:middle}\
.d{font-size:11px;fill:#55555f}.t{font-weight:600}\
.b{fill:#fff;stroke:#8a8a97}.g{fill:#f6f5fb;stroke:#b9b6cf}\
.table,.embedding{fill:#e8f1fb;stroke:#5b8fc7}.matrix{fill:#efeafb;stroke:#8367c7}.norm{fill:#f7f2e2;stroke:#b89a3e}\
.heads{fill:#e4f3ec;stroke:#3f9270}.activation{fill:#fbeee6;stroke:#c77b4a}\
path{fill:none;stroke:#77778a;stroke-width:1.4}path.r{stroke:#c2577a;stroke-dasharray:4 3}circle{fill:#fff;stroke:#c2577a}";

/// The drawing: parts from top to bottom, identical blocks once, residual connections beside them.
pub fn svg(model: &Part) -> String {
    let mut drawing = Drawing::default();
    let title = format!("{} · {}", model.name, super::diagram::short(model.parameters));
    drawing.text(WIDTH / 2.0, 24.0, "t", &title);
    drawing.text(WIDTH / 2.0, 42.0, "d", &model.detail);
    let end = drawing.column(&model.parts, (MARGIN, 58.0, WIDTH - 2.0 * MARGIN), false);
    let height = end + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\
         <title>{}</title><style>{STYLE}</style><rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\
         <defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\" style=\"fill:#77778a;stroke:none\"/></marker></defs>{}</svg>\n",
        escaped(&title),
        drawing.shapes
    )
}

#[derive(Default)]
struct Drawing {
    shapes: String,
}

/// Left, top, width.
type Slot = (f32, f32, f32);

impl Drawing {
    fn text(&mut self, x: f32, y: f32, class: &str, text: &str) {
        let _ = write!(
            self.shapes,
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>",
            escaped(text)
        );
    }

    fn arrow(&mut self, x: f32, from: f32, to: f32) {
        let _ = write!(self.shapes, "<path d=\"M{x} {from}V{to}\" marker-end=\"url(#a)\"/>");
    }

    fn rect(&mut self, (x, y, width): Slot, height: f32, class: &str) {
        let _ = write!(
            self.shapes,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"7\" class=\"b {class}\"/>"
        );
    }

    /// Draws parts below each other. Returns the bottom.
    fn column(&mut self, parts: &[Part], (x, top, width): Slot, residuals: bool) -> f32 {
        let middle = x + width / 2.0;
        let (mut y, mut stream) = (top, top);
        let mut first = true;
        let mut at = 0;
        let groups = grouped(parts);
        while let Some((part, count)) = groups.get(at) {
            let above = if first { y } else { y + GAP };
            if !first {
                self.arrow(middle, y, above);
            }
            first = false;
            y = match part.kind {
                // W_Q, W_K and W_V are side by side.
                "matrix" if part.name == "W_Q" && groups.len() > at + 2 => {
                    let third = (width - 16.0) / 3.0;
                    for (column, (matrix, _)) in groups[at..at + 3].iter().enumerate() {
                        self.leaf(matrix, 1, (x + column as f32 * (third + 8.0), above, third));
                    }
                    at += 2;
                    above + BOX
                }
                "add" => {
                    let _ = write!(
                        self.shapes,
                        "<circle cx=\"{middle}\" cy=\"{}\" r=\"10\"/>",
                        above + 10.0
                    );
                    self.text(middle, above + 14.5, "", "+");
                    if residuals {
                        let (side, from, to) = (x - 9.0, stream - 6.0, above + 10.0);
                        let _ = write!(
                            self.shapes,
                            "<path class=\"r\" d=\"M{middle} {from}H{side}V{to}H{}\" marker-end=\"url(#a)\"/>",
                            middle - 11.0
                        );
                    }
                    stream = above + 20.0 + GAP;
                    above + 20.0
                }
                _ if part.parts.is_empty() => {
                    self.leaf(part, *count, (x, above, width));
                    // The stream continues after a norm that follows the sum.
                    if part.kind == "norm" && part.name == "norm" {
                        stream = above + BOX + GAP;
                    }
                    above + BOX
                }
                _ => self.group(part, *count, (x, above, width)),
            };
            at += 1;
        }
        y
    }

    fn leaf(&mut self, part: &Part, count: usize, place: Slot) {
        let (x, y, width) = place;
        self.rect(place, BOX, part.kind);
        let label = label(part, count);
        let detail = fitted(&part.detail, width);
        match width < 200.0 {
            // A narrow box has its shape and number in the second line.
            true => {
                let (name, rest) = label.split_once(' ').unwrap_or((&label, ""));
                self.text(x + width / 2.0, y + 18.0, "", name);
                self.text(
                    x + width / 2.0,
                    y + 34.0,
                    "d",
                    &fitted(&rest.replace(" × ", "×"), width),
                );
            }
            false => {
                self.text(x + width / 2.0, y + 18.0, "", &label);
                self.text(x + width / 2.0, y + 34.0, "d", &detail);
            }
        }
    }

    fn group(&mut self, part: &Part, count: usize, (x, y, width): Slot) -> f32 {
        let is_block = part.kind == "block";
        let pad = if is_block { 26.0 } else { 14.0 };
        // The contents are drawn first, because the frame needs their height.
        let mut inside = Drawing::default();
        let top = y + 46.0 + if is_block { 10.0 } else { 0.0 };
        let bottom = inside.column(&part.parts, (x + pad, top, width - 2.0 * pad), is_block) + 14.0;
        self.rect((x, y, width), bottom - y, "g");
        self.text(x + width / 2.0, y + 20.0, "t", &label(part, count));
        self.text(x + width / 2.0, y + 36.0, "d", &fitted(&part.detail, width));
        if is_block {
            self.arrow(x + width / 2.0, y + 42.0, top);
        }
        self.shapes += &inside.shapes;
        bottom
    }
}

/// Cuts a line to a width.
fn fitted(text: &str, width: f32) -> String {
    let room = (width / 5.8) as usize;
    match text.chars().count() > room {
        true => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        c if c.is_control() => " ".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}
