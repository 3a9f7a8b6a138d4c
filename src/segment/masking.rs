//! The text for the parser: misleading parts are blank, all other bytes keep their positions.

mod brackets;
mod lua;

use ropey::Rope;

use super::ascii::ascii;
use super::{c_macros, python, rust_macros};
use crate::text::{ByteRange, Language};

/// The parser input for a text, with the same length.
///
/// Only blanked ranges and added closing braces differ from the text.
pub(super) fn for_parser(rope: &Rope, language: Language) -> Rope {
    match language {
        Language::Bash => ascii(rope),
        Language::C | Language::Cpp => masked(rope, |text| {
            let (mut open, braces) = brackets::unclosed(text, language);
            open.extend(c_macros::misleading(text, language));
            (open, braces)
        }),
        Language::Lua => masked(rope, |text| {
            let (mut open, braces) = brackets::unclosed(text, language);
            open.extend(lua::unclosed(text));
            (open, braces)
        }),
        Language::CSharp
        | Language::Go
        | Language::Java
        | Language::JavaScript
        | Language::Php
        | Language::Ruby
        | Language::Tsx
        | Language::TypeScript => masked(rope, |text| brackets::unclosed(text, language)),
        Language::Rust => masked(rope, rust_macros::misleading),
        Language::Python => masked(rope, |text| (python::unclosed(text), Vec::new())),
        _ => rope.clone(),
    }
}

/// Blanks ranges of a text and inserts braces into blanks. Line ends stay.
fn masked(rope: &Rope, misleading: impl FnOnce(&str) -> (Vec<ByteRange>, Vec<usize>)) -> Rope {
    let text = rope.to_string();
    let (stretches, braces) = misleading(&text);
    if stretches.is_empty() && braces.is_empty() {
        return rope.clone();
    }
    let mut bytes = text.into_bytes();
    for stretch in stretches {
        for byte in &mut bytes[stretch] {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    for brace in braces {
        // Replaces a whole character, because tokens must not begin or end inside of one.
        if rope.byte(brace).is_ascii() {
            bytes[brace] = b'}';
        }
    }
    // Ranges begin and end at tokens, so no character is split.
    String::from_utf8(bytes).map_or_else(|_| rope.clone(), |text| Rope::from_str(&text))
}
