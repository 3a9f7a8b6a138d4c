//! Groups of items that resemble each other as Markdown, for a review.

use std::fmt::Write;

use super::code;
use crate::render::json::{FoundItem, GroupOfItems};

/// Writes one section per shown group, with its members and their locations; `found` is the total.
pub fn groups(shown: &[GroupOfItems], found: usize) -> String {
    let mut out = "# Items that resemble each other\n".to_owned();
    match found {
        0 => out += "\nNothing resembles anything else.\n",
        _ if shown.len() < found => {
            let _ = writeln!(out, "\n{} of {found} groups.", shown.len());
        }
        _ => {}
    }
    for (number, group) in shown.iter().enumerate() {
        let first = group
            .members
            .first()
            .map_or_else(String::new, |member| code(&member.name));
        let _ = writeln!(
            out,
            "\n## {}. {first} and {} more\n",
            number + 1,
            group.members.len() - 1
        );
        let languages = group.languages.join(", ");
        let _ = writeln!(
            out,
            "{}, {languages}, every two at {:.2} or more, {} lines\n",
            capitalized(group.clone.label()),
            group.score,
            group.lines
        );
        for member in &group.members {
            let _ = writeln!(out, "- {}", line(member));
        }
    }
    out
}

/// A text with a capital first letter; the first letter is ASCII.
fn capitalized(text: &str) -> String {
    let (first, rest) = text.split_at(1.min(text.len()));
    first.to_uppercase() + rest
}

fn line(item: &FoundItem) -> String {
    let place = format!("{}:{}-{}", item.path, item.start.line + 1, last_line(item));
    let score = item.score.unwrap_or_default();
    let container = item.container.as_ref().map(|name| format!(" in {}", code(name)));
    format!(
        "{}{} {} · {} {} · {score:.2}",
        code(&item.name),
        container.unwrap_or_default(),
        code(&place),
        item.language,
        item.kind
    )
}

/// The last line of an item, from 1; an end at the beginning of a line belongs to the line before.
fn last_line(item: &FoundItem) -> u32 {
    let ends_before = item.end.column == 0 && item.end.line > item.start.line;
    item.end.line + u32::from(!ends_before)
}
