//! The text for the parser: misleading parts are blank, all other bytes keep their positions.

mod brackets;
mod lua;

use ropey::Rope;

use super::ascii::ascii;
use super::{c_macros, python, rust_macros};
use crate::text::{ByteRange, Language};

/// The ranges to blank, and the positions for closing braces.
type Masks = (Vec<ByteRange>, Vec<usize>);

/// The parser input for a text, with the same length: without what misleads the grammar even in complete code.
pub(super) fn for_parser(rope: &Rope, language: Language) -> Rope {
    match language {
        Language::Bash => ascii(rope),
        Language::C | Language::Cpp | Language::Rust => {
            let text = rope.to_string();
            let masks = own(&text, language);
            masked(rope, text, [masks])
        }
        _ => rope.clone(),
    }
}

/// The parser input for a text in which the grammar found errors: unclosed brackets, strings and blocks are blank. `None` if all are closed.
pub(super) fn repaired(rope: &Rope, language: Language) -> Option<Rope> {
    let text = rope.to_string();
    let open = unclosed(&text, language);
    if is_empty(&open) {
        return None;
    }
    let own = own(&text, language);
    Some(masked(rope, text, [own, open]))
}

/// The parser input without the directives of conditionals and all of their branches but the first. `None` if there are none.
///
/// The grammar of C# knows conditionals between statements and members, not inside of an expression.
pub(super) fn without_branches(rope: &Rope, language: Language) -> Option<Rope> {
    if language != Language::CSharp {
        return None;
    }
    let text = rope.to_string();
    let branches = (brackets::branches(text.as_bytes()), Vec::new());
    if is_empty(&branches) {
        return None;
    }
    let open = unclosed(&text, language);
    Some(masked(rope, text, [open, branches]))
}

fn is_empty((blanks, braces): &Masks) -> bool {
    blanks.is_empty() && braces.is_empty()
}

/// What misleads the grammar even in complete code.
fn own(text: &str, language: Language) -> Masks {
    match language {
        Language::C | Language::Cpp => (c_macros::misleading(text, language), Vec::new()),
        Language::Rust => rust_macros::misleading(text),
        _ => Masks::default(),
    }
}

/// What is not closed while a text is typed.
fn unclosed(text: &str, language: Language) -> Masks {
    let (mut open, braces) = match language {
        Language::Python => (python::unclosed(text), Vec::new()),
        _ => brackets::unclosed(text, language),
    };
    if language == Language::Lua {
        open.extend(lua::unclosed(text));
    }
    (open, braces)
}

/// Blanks ranges of a text and inserts braces into blanks. Line ends stay.
fn masked<const N: usize>(rope: &Rope, text: String, masks: [Masks; N]) -> Rope {
    if masks.iter().all(is_empty) {
        return rope.clone();
    }
    let (stretches, braces): (Vec<_>, Vec<_>) = masks.into_iter().unzip();
    let mut bytes = text.into_bytes();
    for stretch in stretches.into_iter().flatten() {
        for byte in &mut bytes[stretch] {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    for brace in braces.into_iter().flatten() {
        // Replaces a whole character, because tokens must not begin or end inside of one.
        if rope.byte(brace).is_ascii() {
            bytes[brace] = b'}';
        }
    }
    // Ranges begin and end at tokens, so no character is split.
    String::from_utf8(bytes).map_or_else(|_| rope.clone(), |text| Rope::from_str(&text))
}
