//! The structure of a model as a Mermaid flowchart.

use std::fmt::Write;

use super::Part;

/// The flowchart: identical blocks are drawn once, with their number.
pub fn mermaid(model: &Part) -> String {
    let mut drawing = Drawing::default();
    let last = drawing.parts(&model.parts, "text".to_owned(), 1);
    let Drawing { nodes, edges, .. } = drawing;
    format!("flowchart TD\n    text([\"text\"])\n    out([\"output\"])\n{nodes}{edges}    {last} --> out\n")
}

/// Parts with their repetitions: identical neighbors become one.
pub(super) fn grouped(parts: &[Part]) -> Vec<(&Part, usize)> {
    let mut groups: Vec<(&Part, usize)> = Vec::new();
    for part in parts {
        match groups.last_mut() {
            Some((first, count)) if part.kind == "block" && first.resembles(part) => *count += 1,
            _ => groups.push((part, 1)),
        }
    }
    groups
}

/// A number in short form: 22.7 M.
pub(super) fn short(number: usize) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{:.1} k", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} M", number as f64 / 1e6),
        _ => format!("{:.2} G", number as f64 / 1e9),
    }
}

/// A line that describes a part.
pub(super) fn label(part: &Part, count: usize) -> String {
    let name = match count {
        1 => part.name.clone(),
        _ => {
            let number = part.name.rsplit(' ').next().and_then(|number| number.parse().ok());
            let first: usize = number.unwrap_or(0);
            format!("Blocks {first} to {}", first + count - 1)
        }
    };
    let shape = match part.shape.as_slice() {
        [] => String::new(),
        shape => format!(
            " {}",
            shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")
        ),
    };
    let parameters = match part.parameters {
        0 => String::new(),
        parameters => format!(" · {}", short(parameters * count)),
    };
    format!("{name}{shape}{parameters}")
}

#[derive(Default)]
struct Drawing {
    nodes: String,
    /// Edges, written last: a node that an edge names inside a subgraph would become a part of it.
    edges: String,
    next: usize,
}

impl Drawing {
    /// Draws parts in a row after the node `before`. Returns the last node.
    fn parts(&mut self, parts: &[Part], before: String, depth: usize) -> String {
        let indent = "    ".repeat(depth);
        let mut at = before;
        for (part, count) in grouped(parts) {
            self.next += 1;
            let id = format!("p{}", self.next);
            let label = quoted(&label(part, count));
            if matches!(part.kind, "block" | "stack") {
                let _ = writeln!(
                    self.nodes,
                    "{indent}subgraph {id}[\"{label}\"]\n{indent}    direction TB"
                );
                at = self.parts(&part.parts, at, depth + 1);
                let _ = writeln!(self.nodes, "{indent}end");
                continue;
            }
            let _ = match part.kind {
                "add" => writeln!(self.nodes, "{indent}{id}((\"+\"))"),
                _ => writeln!(self.nodes, "{indent}{id}[\"{label}<br/>{}\"]", quoted(&part.detail)),
            };
            let _ = writeln!(self.edges, "    {at} --> {id}");
            at = id;
        }
        at
    }
}

/// Escapes text inside a label.
fn quoted(text: &str) -> String {
    let plain = |c: char| match c {
        '"' => "#quot;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        '#' => "#35;".to_owned(),
        c if c.is_control() => " ".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(plain).collect()
}
