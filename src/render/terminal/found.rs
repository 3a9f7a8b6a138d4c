//! Writes found items, one per line.

use super::paint::printable;
use crate::render::json::{FoundItem, GroupOfItems, SimilarItems};
use crate::segment::ItemKind;

/// Writes found items with score, name, location, language and kind.
pub fn found(items: &[FoundItem]) -> String {
    items.iter().map(|item| line(item, "")).collect()
}

/// Writes each item that has similar items, with those items.
pub fn similar(all: &[SimilarItems]) -> String {
    let mut text = String::new();
    for one in all.iter().filter(|one| !one.similar.is_empty()) {
        let item = &one.item;
        text += &format!("{} · {}:{}\n", named(item), clean(&item.path), item.start.line + 1);
        text.extend(one.similar.iter().map(|item| line(item, "  ")));
    }
    text
}

/// Writes the shown groups of similar items; `found` is the total.
pub fn groups(shown: &[GroupOfItems], found: usize) -> String {
    let mut text = String::new();
    for group in shown {
        text += &format!(
            "{} items, {}, {} · {:.2} or more · {} lines\n",
            group.members.len(),
            group.clone.label(),
            group.languages.join(", "),
            group.score,
            group.lines
        );
        text.extend(group.members.iter().map(|item| line(item, "  ")));
    }
    let groups = if found == 1 { "group" } else { "groups" };
    text + &match found {
        0 => "nothing resembles anything else\n".to_owned(),
        _ if shown.len() < found => format!("{} of {found} {groups}\n", shown.len()),
        _ => format!("{found} {groups}\n"),
    }
}

fn line(item: &FoundItem, indent: &str) -> String {
    let score = item.score.map_or_else(String::new, |score| format!("{score:.2}  "));
    let matched = item.why.as_ref().filter(|why| !why.matched.is_empty());
    let matched = matched.map_or_else(String::new, |why| format!(" · has {}", clean(&why.matched.join(", "))));
    format!(
        "{indent}{score}{} · {}:{} · {} {}{matched}\n",
        named(item),
        clean(&item.path),
        lines(item),
        item.language,
        item.kind
    )
}

/// The name of an item, with the type or function that contains it: `put in Session`.
fn named(item: &FoundItem) -> String {
    let container = item.container.as_ref().map(|name| format!(" in {}", clean(name)));
    clean(&item.name) + &container.unwrap_or_default()
}

/// The line where an item starts; for an item without a name, its first and last line.
fn lines(item: &FoundItem) -> String {
    let first = item.start.line + 1;
    // An end at the start of a line belongs to the line before.
    let last = item.end.line + u32::from(item.end.column > 0);
    match item.kind == ItemKind::File.name() && last > first {
        true => format!("{first}-{last}"),
        false => first.to_string(),
    }
}

/// A name or path on one line.
pub(super) fn clean(text: &str) -> String {
    printable(text).replace('\n', " ")
}
