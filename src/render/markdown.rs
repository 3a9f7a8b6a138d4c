//! What editors show as Markdown. Text from documents is data here: whatever stands in it, it cannot become markup.

mod compare;
mod groups;

pub use compare::compare;
pub use groups::groups;

use crate::explain::Method;

/// The most characters of a document's text that are quoted.
const QUOTED: usize = 60;

/// What a hover tells.
#[derive(Debug, Clone)]
pub struct HoverView {
    /// The word under the cursor.
    pub word: String,
    /// Its share.
    pub share: f32,
    /// Its rank in the unit, 1 for the highest.
    pub rank: u32,
    /// How many words the unit has.
    pub words: usize,
    /// Its level of heat, 0 to 12.
    pub level: u32,
    /// The method of the share.
    pub method: Method,
    /// What the unit is called: "function", "paragraph".
    pub unit: &'static str,
    /// What the word draws on most, with shares.
    pub draws_on: Vec<(String, f32)>,
    /// What resembles the item around the word.
    pub similar: Option<SimilarView>,
    /// Share of the unit's letters that the vocabulary can read.
    pub coverage: f32,
    /// Whether that is enough for the scores to mean something.
    pub understood: bool,
}

/// An item that resembles the one around the word.
#[derive(Debug, Clone)]
pub struct SimilarView {
    /// Its name.
    pub name: String,
    /// How much.
    pub score: f64,
    /// Where it stands.
    pub place: String,
}

/// A hover: a title and at most four short lines, since editors show those of all servers one below the other.
pub fn hover(view: &HoverView) -> String {
    let mut lines = vec![format!("**Fovea** · {}", code(&view.word))];
    let percent = (view.coverage * 100.0).round();
    if view.understood {
        let of = if view.method.additive() {
            format!("of this {}", view.unit)
        } else {
            format!("in this {}", view.unit)
        };
        lines.push(format!(
            "{} {:.1} % {of} · rank {} of {} · {}",
            bar(view.level),
            view.share * 100.0,
            view.rank,
            view.words,
            view.method.name()
        ));
        if !view.draws_on.is_empty() {
            let words: Vec<String> = view
                .draws_on
                .iter()
                .map(|(word, share)| format!("{} {:.0} %", code(word), share * 100.0))
                .collect();
            lines.push(format!("draws on {}", words.join(" · ")));
        }
    } else {
        lines.push(format!(
            "not understood: the model's vocabulary has {percent:.0} % of the letters of this {}; a multilingual model \
             (setting `fovea.model.dir`) reads it",
            view.unit
        ));
    }
    if let Some(similar) = view.similar.as_ref().filter(|_| view.understood) {
        lines.push(format!(
            "similar: {} {:.2} · {}",
            code(&similar.name),
            similar.score,
            code(&similar.place)
        ));
    }
    if view.understood && percent < 100.0 {
        lines.push(format!("the model's vocabulary has {percent:.0} % of the letters here"));
    }
    // Two spaces end a line within a paragraph.
    lines.join("  \n")
}

/// A word's level as a bar.
fn bar(level: u32) -> char {
    match level {
        0..=2 => '▁',
        3..=5 => '▃',
        6..=8 => '▅',
        _ => '█',
    }
}

/// Text from a document as inline code: on one line, short, and fenced by more backticks than it holds, so that nothing in it is
/// markup, a link or a command.
pub fn code(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() || is_reordering(c) { ' ' } else { c })
        .collect();
    let mut clean = clean.trim().to_owned();
    if let Some((end, _)) = clean.char_indices().nth(QUOTED) {
        clean.truncate(end);
        clean.push('…');
    }
    if clean.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&clean) + 1);
    let space = if clean.starts_with('`') || clean.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{clean}{space}{fence}")
}

/// Characters that change the order in which those around them are shown.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> HoverView {
        HoverView {
            word: "load_config".to_owned(),
            share: 0.0837,
            rank: 2,
            words: 57,
            level: 9,
            method: Method::Decomposition,
            unit: "function",
            draws_on: vec![("path".to_owned(), 0.312), ("read".to_owned(), 0.121)],
            similar: Some(SimilarView {
                name: "parse_settings".to_owned(),
                score: 0.8349,
                place: "src/settings.py:12".to_owned(),
            }),
            coverage: 1.0,
            understood: true,
        }
    }

    #[test]
    fn a_hover_is_short_and_titled() {
        insta::assert_snapshot!(hover(&view()), @r"
        **Fovea** · `load_config`  
        █ 8.4 % of this function · rank 2 of 57 · decomposition  
        draws on `path` 31 % · `read` 12 %  
        similar: `parse_settings` 0.83 · `src/settings.py:12`
        ");
    }

    #[test]
    fn what_is_not_understood_gets_no_scores() {
        let text = hover(&HoverView {
            coverage: 0.25,
            understood: false,
            unit: "paragraph",
            ..view()
        });
        assert!(
            text.contains("25 % of the letters of this paragraph") && !text.contains("rank"),
            "{text}"
        );
        let text = hover(&HoverView {
            coverage: 0.8,
            ..view()
        });
        assert!(
            text.ends_with("the model's vocabulary has 80 % of the letters here"),
            "{text}"
        );
    }

    #[test]
    fn nothing_in_a_document_becomes_markup() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("[x](command:y)\n# <img>"), "`[x](command:y) # <img>`");
        assert_eq!(code("a\u{202E}b"), "`a b`");
        assert_eq!(code(" \n"), "");
        assert_eq!(code(&"x".repeat(99)).chars().count(), QUOTED + 3);
    }
}
