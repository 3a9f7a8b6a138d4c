//! Markdown for editors. Text from documents is data: nothing in it can become markup.

mod compare;
mod groups;

pub use compare::compare;
pub use groups::groups;

use crate::explain::Method;

/// Maximum characters of a quotation from a document.
const QUOTED: usize = 60;

/// The contents of a hover.
#[derive(Debug, Clone)]
pub struct HoverView {
    /// The word under the cursor.
    pub word: String,
    /// Its rank among the telling words of the unit, 1 for the first.
    pub rank: usize,
    /// The name of the unit's kind: "function", "paragraph".
    pub unit: &'static str,
    /// The name of the function, type or heading that the unit belongs to.
    pub unit_name: Option<String>,
    /// Whether the unit is only a part of it, since the whole does not fit the model's window.
    pub part: bool,
    /// Whether the method measures how surprising words are instead of how telling.
    pub surprising: bool,
    /// The words that the model relates it to, strongest first.
    pub read_with: Vec<String>,
    /// An item that is similar to the one around the word.
    pub similar: Option<SimilarView>,
    /// The numbers, if the user enabled them.
    pub details: Option<HoverDetails>,
    /// Links to commands.
    pub links: Vec<Link>,
}

/// The numbers behind a hover.
#[derive(Debug, Clone)]
pub struct HoverDetails {
    /// The word's share.
    pub share: f32,
    /// Its rank among all words of the unit, 1 for the highest.
    pub rank: u32,
    /// The number of words in the unit.
    pub words: usize,
    /// Its level of heat, 0 to 12.
    pub level: u32,
    /// The method of the share.
    pub method: Method,
    /// The words that it draws on most, with shares.
    pub draws_on: Vec<(String, f32)>,
    /// Share of the unit's letters that the vocabulary contains.
    pub coverage: f32,
    /// Name of the model that explained the unit.
    pub model: String,
}

/// An item that is similar to the one around the word.
#[derive(Debug, Clone)]
pub struct SimilarView {
    /// Its name.
    pub name: String,
    /// Its location.
    pub place: String,
}

/// A link that runs a command of the client.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its text.
    pub label: &'static str,
    /// The command.
    pub command: &'static str,
    /// The command's arguments, a JSON array.
    pub arguments: String,
}

/// A unit that the model cannot read.
#[derive(Debug, Clone)]
pub struct NotUnderstood {
    /// The name of the unit's kind.
    pub unit: &'static str,
    /// Share of its letters that the vocabulary can read.
    pub coverage: f32,
}

/// Writes a hover: a sentence and a few short lines at most. Editors stack the hovers of all servers, so each should be short.
pub fn hover(view: &HoverView) -> String {
    let mut lines = vec![sentence(view)];
    if let Some(similar) = &view.similar {
        lines.push(format!("Similar: {} in {}", code(&similar.name), code(&similar.place)));
    }
    if let Some(details) = &view.details {
        let part = if view.part { "part of the " } else { "" };
        lines.extend(numbers(details, &format!("{part}{}", view.unit)));
    }
    if !view.links.is_empty() {
        let links = view.links.iter().map(|link| {
            let Link {
                label,
                command,
                arguments,
            } = link;
            format!("[{label}](command:{command}?{})", percent_encoded(arguments))
        });
        lines.push(links.collect::<Vec<_>>().join(" · "));
    }
    // Two spaces end a line within a paragraph.
    lines.join("  \n")
}

/// Writes the hover for a unit that the model cannot read.
pub fn not_understood(view: &NotUnderstood) -> String {
    format!(
        "The model cannot read this {}: it knows only {:.0} % of the characters. A multilingual model can (setting `fovea.model.dir`).",
        view.unit,
        view.coverage * 100.0
    )
}

/// A sentence with the word and its rank.
fn sentence(view: &HoverView) -> String {
    let unit = match (&view.unit_name, view.part) {
        (Some(name), false) if *name != view.word => code(name),
        (Some(name), true) if *name != view.word => format!("this part of {}", code(name)),
        (_, false) => format!("this {}", view.unit),
        (_, true) => format!("this part of the {}", view.unit),
    };
    let place = match view.rank {
        1 => "most",
        2 => "second most",
        3 => "third most",
        4 => "fourth most",
        _ => "fifth most",
    };
    let most = match view.surprising {
        true => format!("{place} surprising word"),
        false => format!("{place} telling word"),
    };
    let words: Vec<String> = view.read_with.iter().map(|word| code(word)).collect();
    let read_with = match listed(&words) {
        Some(words) => format!("; the model reads it with {words}"),
        None => String::new(),
    };
    format!("{} is the {most} of {unit}{read_with}.", code(&view.word))
}

/// Words in a sentence: `a`, `a and b`, `a, b and c`.
pub(in crate::render) fn listed(words: &[String]) -> Option<String> {
    let (last, others) = words.split_last()?;
    Some(match others {
        [] => last.clone(),
        others => format!("{} and {last}", others.join(", ")),
    })
}

fn numbers(details: &HoverDetails, unit: &str) -> Vec<String> {
    let of = if details.method.additive() { "of" } else { "in" };
    let mut lines = vec![format!(
        "{} {:.1} % {of} this {unit} · rank {} of {} · {} by {}",
        bar(details.level),
        details.share * 100.0,
        details.rank,
        details.words,
        details.method.name(),
        details.model
    )];
    if !details.draws_on.is_empty() {
        let words = details.draws_on.iter();
        let words: Vec<String> = words
            .map(|(word, share)| format!("{} {:.0} %", code(word), share * 100.0))
            .collect();
        lines.push(format!("draws on {}", words.join(" · ")));
    }
    let percent = (details.coverage * 100.0).round();
    if percent < 100.0 {
        lines.push(format!("the model knows {percent:.0} % of the characters here"));
    }
    lines
}

/// Encodes a text as a part of a URI. Every byte except unreserved characters (RFC 3986, 2.3) becomes `%XX`, so that none ends a Markdown
/// link.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out += &format!("%{byte:02X}"),
        }
        out
    })
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

/// Writes text from a document as inline code. It is short, on one line, and fenced by more backticks than it contains, so that nothing in
/// it is markup, a link or a command.
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

/// Whether a character changes the display order of characters around it.
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
            word: "path".to_owned(),
            rank: 3,
            unit: "function",
            unit_name: Some("load_config".to_owned()),
            part: false,
            surprising: false,
            read_with: vec!["open".to_owned(), "BTreeMap".to_owned()],
            similar: None,
            details: None,
            links: Vec::new(),
        }
    }

    #[test]
    fn a_hover_is_one_plain_sentence() {
        insta::assert_snapshot!(
            hover(&view()),
            @"`path` is the third most telling word of `load_config`; the model reads it with `open` and `BTreeMap`."
        );
        let alone = HoverView {
            rank: 1,
            unit: "paragraph",
            unit_name: None,
            read_with: Vec::new(),
            ..view()
        };
        assert_eq!(hover(&alone), "`path` is the most telling word of this paragraph.");
        let part = HoverView {
            part: true,
            read_with: Vec::new(),
            ..view()
        };
        assert_eq!(
            hover(&part),
            "`path` is the third most telling word of this part of `load_config`."
        );
        let surprising = HoverView {
            surprising: true,
            ..alone.clone()
        };
        assert_eq!(
            hover(&surprising),
            "`path` is the most surprising word of this paragraph."
        );
        let name = HoverView {
            word: "load_config".to_owned(),
            read_with: Vec::new(),
            ..view()
        };
        assert_eq!(
            hover(&name),
            "`load_config` is the third most telling word of this function."
        );
    }

    #[test]
    fn the_similar_item_the_numbers_and_the_links_follow_the_sentence() {
        let text = hover(&HoverView {
            similar: Some(SimilarView {
                name: "parse_settings".to_owned(),
                place: "src/settings.py:12".to_owned(),
            }),
            details: Some(HoverDetails {
                share: 0.0837,
                rank: 2,
                words: 57,
                level: 9,
                method: Method::Decomposition,
                draws_on: vec![("open".to_owned(), 0.312), ("BTreeMap".to_owned(), 0.121)],
                coverage: 0.8,
                model: "all-MiniLM-L6-v2".to_owned(),
            }),
            links: vec![Link {
                label: "Why?",
                command: "fovea.why",
                arguments: r#"[{"uri":"file:///a (b).rs"}]"#.to_owned(),
            }],
            ..view()
        });
        insta::assert_snapshot!(text, @r"
        `path` is the third most telling word of `load_config`; the model reads it with `open` and `BTreeMap`.  
        Similar: `parse_settings` in `src/settings.py:12`  
        █ 8.4 % of this function · rank 2 of 57 · decomposition by all-MiniLM-L6-v2  
        draws on `open` 31 % · `BTreeMap` 12 %  
        the model knows 80 % of the characters here  
        [Why?](command:fovea.why?%5B%7B%22uri%22%3A%22file%3A%2F%2F%2Fa%20%28b%29.rs%22%7D%5D)
        ");
    }

    #[test]
    fn a_hover_on_text_that_the_model_cannot_read_says_what_to_do() {
        let text = not_understood(&NotUnderstood {
            unit: "paragraph",
            coverage: 0.25,
        });
        assert_eq!(
            text,
            "The model cannot read this paragraph: it knows only 25 % of the characters. A multilingual model can (setting \
             `fovea.model.dir`)."
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
