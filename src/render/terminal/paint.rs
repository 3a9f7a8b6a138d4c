//! Terminal colors, and text without control sequences.

use std::fmt::Display;

use anstyle::{Ansi256Color, RgbColor, Style};

use crate::render::heat::LEVELS;

/// The color support of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// No colors: marks enclose salient words instead.
    None,
    /// The 256 colors of xterm.
    Indexed(Background),
    /// 24-bit colors.
    True(Background),
}

/// The terminal's own background, where the heat ramp starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Light text on a dark ground.
    Dark,
    /// Dark text on a light ground.
    Light,
}

/// Removes control characters (except line feeds) and characters that reorder the line. No text that Fovea shows, from a document, a path,
/// a model or another program, may control the terminal.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push(&mut out, text);
    out
}

fn push(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            '\n' => out.push('\n'),
            '\r' => {}
            c if steers(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

/// Whether a terminal obeys a character: a control character, or one that overrides the direction of the text after it.
pub fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Output for a terminal. It makes all text [`printable`]; only the page itself writes escape sequences, and only for colors.
#[derive(Debug)]
pub struct Page {
    text: String,
    palette: Palette,
}

impl std::fmt::Write for Page {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        push(&mut self.text, text);
        Ok(())
    }
}

impl Page {
    /// An empty page.
    pub(super) fn new(palette: Palette) -> Page {
        Page {
            text: String::new(),
            palette,
        }
    }

    /// The whole page, with its escape sequences.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Writes a heading.
    pub(super) fn bold(&mut self, text: impl Display) {
        self.with(Style::new().bold(), text);
    }

    /// Writes secondary text.
    pub(super) fn dim(&mut self, text: impl Display) {
        self.with(Style::new().dimmed(), text);
    }

    /// Writes a word on the background of its level. The ramp starts at the terminal's own background, and the text stays readable on every
    /// level.
    pub(super) fn heat(&mut self, text: &str, level: u32) {
        if level == 0 || text.is_empty() {
            return push(&mut self.text, text);
        }
        let t = (level.min(LEVELS) - 1) as f32 / (LEVELS - 1) as f32;
        let style = match self.palette {
            Palette::None if level >= 8 && text.contains(char::is_alphanumeric) => {
                // Marks that code hardly contains.
                self.text.push('‹');
                push(&mut self.text, text);
                return self.text.push('›');
            }
            Palette::None => return push(&mut self.text, text),
            Palette::Indexed(background) => {
                let (ramp, text_color): ([u8; 6], u8) = match background {
                    Background::Dark => ([236, 52, 88, 94, 130, 166], 231),
                    Background::Light => ([230, 229, 222, 215, 209, 203], 16),
                };
                let color = ramp[(t * (ramp.len() - 1) as f32).round() as usize];
                Ansi256Color(text_color).on(Ansi256Color(color))
            }
            Palette::True(background) => {
                let (from, to, ink) = match background {
                    Background::Dark => ([44.0, 36.0, 32.0], [190.0, 78.0, 16.0], RgbColor(240, 236, 230)),
                    Background::Light => ([255.0, 247.0, 214.0], [240.0, 96.0, 72.0], RgbColor(20, 20, 20)),
                };
                let [r, g, b] = [0, 1, 2].map(|i: usize| (from[i] + (to[i] - from[i]) * t).round() as u8);
                ink.on(RgbColor(r, g, b))
            }
        };
        self.with(style, text);
    }

    /// Text in a style, where the terminal has colors.
    fn with(&mut self, style: Style, text: impl Display) {
        let text = text.to_string();
        if self.palette == Palette::None {
            return push(&mut self.text, &text);
        }
        self.text += &style.to_string();
        push(&mut self.text, &text);
        self.text += &format!("{style:#}");
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn a_document_cannot_control_the_terminal() {
        assert_eq!(printable("a\x1b[2J\u{9b}b\tc\r\n"), "a\u{fffd}[2J\u{fffd}b    c\n");
        assert_eq!(printable("if \u{202e}x\u{2066}"), "if \u{fffd}x\u{fffd}");
        let mut page = Page::new(Palette::True(Background::Dark));
        let _ = page.write_str("a\x1b[1mb");
        page.bold("c\x07");
        page.dim("d\x1b]0;t\x07");
        page.heat("e\x1b[0m", 12);
        let ours = page.as_str().split('\x1b').skip(1);
        assert!(
            ours.clone().all(|code| code.starts_with('[') && code.contains('m')) && ours.count() == 7,
            "{page:?}"
        );
        assert!(
            !page.as_str().contains('\x07') && page.as_str().contains("a\u{fffd}[1mb"),
            "{page:?}"
        );
    }

    #[test]
    fn without_colors_marks_enclose_strong_words() {
        let mut page = Page::new(Palette::None);
        page.heat("config", 12);
        page.heat("the", 3);
        page.bold("head");
        assert_eq!(page.as_str(), "‹config›thehead");
    }
}
