//! Colours of a terminal, and text that cannot steer it.

use crate::render::heat::LEVELS;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// No colours: salient words stand between marks instead.
    None,
    /// The 256 colours of xterm.
    Indexed(Background),
    /// 24-bit colours.
    True(Background),
}

/// What the terminal's own colours are: heat grows out of the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Light text on a dark ground.
    Dark,
    /// Dark text on a light ground.
    Light,
}

/// Text without control characters but line feeds: a document must not steer the terminal.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => "    ".to_owned(),
        '\n' => "\n".to_owned(),
        '\r' => String::new(),
        c if c.is_control() => '\u{fffd}'.to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

/// Draws with what the terminal can show.
#[derive(Clone, Copy)]
pub(super) struct Paint(pub(super) Palette);

impl Paint {
    /// A heading.
    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What is said in passing.
    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// A word on its level's background: a ramp that grows out of the terminal's own background, with text that stays readable on
    /// all of it.
    pub(super) fn heat(self, text: &str, level: u32) -> String {
        if level == 0 || text.is_empty() {
            return text.to_owned();
        }
        let t = (level.min(LEVELS) - 1) as f32 / (LEVELS - 1) as f32;
        match self.0 {
            Palette::None if level >= 8 => format!("[{text}]"),
            Palette::None => text.to_owned(),
            Palette::Indexed(background) => {
                let (ramp, text_colour): ([u8; 6], u8) = match background {
                    Background::Dark => ([236, 52, 88, 94, 130, 166], 231),
                    Background::Light => ([230, 229, 222, 215, 209, 203], 16),
                };
                let colour = ramp[(t * (ramp.len() - 1) as f32).round() as usize];
                format!("\x1b[48;5;{colour};38;5;{text_colour}m{text}\x1b[0m")
            }
            Palette::True(background) => {
                let (from, to, ink) = match background {
                    Background::Dark => ([44.0, 36.0, 32.0], [190.0, 78.0, 16.0], "240;236;230"),
                    Background::Light => ([255.0, 247.0, 214.0], [240.0, 96.0, 72.0], "20;20;20"),
                };
                let [r, g, b] = [0, 1, 2].map(|i: usize| (from[i] + (to[i] - from[i]) * t).round() as u8);
                format!("\x1b[48;2;{r};{g};{b};38;2;{ink}m{text}\x1b[0m")
            }
        }
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 == Palette::None {
            text.to_owned()
        } else {
            format!("\x1b[{code}m{text}\x1b[0m")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[2J\u{9b}b\tc\r\n"), "a\u{fffd}[2J\u{fffd}b    c\n");
    }

    #[test]
    fn without_colours_strong_words_stand_between_marks() {
        assert_eq!(Paint(Palette::None).heat("config", 12), "[config]");
        assert_eq!(Paint(Palette::None).heat("the", 3), "the");
        assert_eq!(Paint(Palette::None).bold("head"), "head");
    }
}
