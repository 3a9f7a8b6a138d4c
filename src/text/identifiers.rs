//! Splits identifiers into words for the model, with an exact map back to the source.
//!
//! An English model knows `parse`, `http` and `config`, but hardly `parseHTTPConfig`. So this module inserts a space at each inner capital
//! of an identifier, and replaces each underscore by a space. Nothing else changes, so the map back is arithmetic: subtract the number of
//! inserted spaces before an offset.

use super::ByteRange;

/// Maximum bytes of an identifier part. Longer runs are encoded data, and splitting them would only multiply tokens.
const MAX_PART_BYTES: usize = 120;

/// The text that a model reads for a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelText {
    text: String,
    /// Offsets in `text` of the inserted spaces, ascending.
    inserted: Vec<usize>,
}

impl ModelText {
    /// The unchanged source.
    pub fn plain(source: &str) -> Self {
        Self {
            text: source.to_owned(),
            inserted: Vec::new(),
        }
    }

    /// The source with identifiers as words: `parse HTTP Config` for `parseHTTPConfig`.
    ///
    /// `parse_http_config` becomes `parse http config`. Everything else is copied.
    pub fn identifier_aware(source: &str) -> Self {
        let (mut text, mut inserted) = (String::with_capacity(source.len() + source.len() / 8), Vec::new());
        let mut rest = source;
        while let Some(first) = rest.chars().next() {
            let run = if is_part(first) {
                rest.find(|c| !is_part(c))
            } else {
                rest.find(is_part)
            };
            let (piece, after) = rest.split_at(run.unwrap_or(rest.len()));
            rest = after;
            // A token that begins with a digit is a number: 1_000_000, 0xFF_00, 10Mb.
            if is_part(first) && !first.is_numeric() {
                split_identifier(piece, &mut text, &mut inserted);
            } else {
                text.push_str(piece);
            }
        }
        Self { text, inserted }
    }

    /// The text for the model.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The smallest source range that produced a range of the model's text.
    ///
    /// The range of an inserted space is empty, at its position in the source; a space that replaces an underscore maps to the underscore.
    pub fn source_range(&self, model_range: ByteRange) -> ByteRange {
        let start = self.source_offset(model_range.start);
        start..self.source_offset(model_range.end).max(start)
    }

    fn source_offset(&self, model_offset: usize) -> usize {
        let model_offset = model_offset.min(self.text.len());
        model_offset - self.inserted.partition_point(|&space| space < model_offset)
    }
}

fn is_part(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn split_identifier(identifier: &str, text: &mut String, inserted: &mut Vec<usize>) {
    for (index, part) in identifier.split('_').enumerate() {
        if index > 0 {
            text.push(' ');
        }
        if part.len() > MAX_PART_BYTES {
            text.push_str(part);
        } else {
            split_humps(part, text, inserted);
        }
    }
}

fn split_humps(part: &str, text: &mut String, inserted: &mut Vec<usize>) {
    let mut has_lower = false;
    let mut previous = None;
    for (at, c) in part.char_indices() {
        if previous.is_some_and(|previous| is_hump(previous, c, &part[at + c.len_utf8()..], has_lower)) {
            inserted.push(text.len());
            text.push(' ');
            has_lower = false;
        }
        text.push(c);
        has_lower |= c.is_lowercase();
        previous = Some(c);
    }
}

/// Whether a word begins at `c`, which follows `previous` and precedes `after`.
fn is_hump(previous: char, c: char, after: &str, has_lower: bool) -> bool {
    if !c.is_uppercase() {
        return false;
    }
    let mut following = after.chars();
    let (next, after_next) = (following.next(), following.next());
    let next_is_lower = next.is_some_and(char::is_lowercase);
    if previous.is_uppercase() {
        // HTTPServer is HTTP Server, but getURLsOf contains URLs, not "UR Ls".
        let plural = next == Some('s') && !after_next.is_some_and(char::is_lowercase);
        return next_is_lower && !plural;
    }
    if previous.is_numeric() {
        // sha256Hash and base64URL are two words; MD5SUM, H2O and Vec3D are one.
        return next_is_lower || (has_lower && next.is_some_and(char::is_uppercase));
    }
    previous.is_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn aware(source: &str) -> String {
        ModelText::identifier_aware(source).as_str().to_owned()
    }

    #[test]
    fn identifiers_become_words() {
        for (source, expected) in [
            ("parseHTTPConfig", "parse HTTP Config"),
            ("parse_http_config", "parse http config"),
            ("PARSE_HTTP_CONFIG", "PARSE HTTP CONFIG"),
            ("HTTPAsk", "HTTP Ask"),
            ("toXMLAt", "to XML At"),
            ("HTTPServer", "HTTP Server"),
            ("utf8Decoder2", "utf8 Decoder2"),
            ("sha256", "sha256"),
            ("SHA256SUM", "SHA256SUM"),
            ("sha256Hash", "sha256 Hash"),
            ("base64URL", "base64 URL"),
            ("MP3Player", "MP3 Player"),
            ("Vec3D", "Vec3D"),
            ("getURLsFrom", "get URLs From"),
            ("userIDs", "user IDs"),
            ("__init__", "  init  "),
            ("x86_64", "x86 64"),
            ("straßeÄhnlich", "straße Ähnlich"),
            ("НайтиФайл", "Найти Файл"),
        ] {
            assert_eq!(aware(source), expected);
        }
    }

    #[test]
    fn everything_else_is_copied() {
        for source in [
            "kebab-case",
            "1_000_000",
            "0xFF_AB",
            "我爱编程 😀👩‍👩‍👧 e\u{301}",
            "a.b(c)\r\n\t\"d\"",
            "",
        ] {
            assert_eq!(aware(source), source);
        }
        let data = "aB".repeat(100);
        assert_eq!(aware(&data), data);
    }

    #[test]
    fn ranges_map_back_to_the_source() {
        let source = "let loadConfig = a_b;";
        let model = ModelText::identifier_aware(source);
        assert_eq!(model.as_str(), "let load Config = a b;");
        let of = |word: &str| {
            let at = model.as_str().find(word).unwrap();
            &source[model.source_range(at..at + word.len())]
        };
        assert_eq!(of("Config"), "Config");
        assert_eq!(of("load Config"), "loadConfig");
        assert_eq!(of(" Config "), "Config ");
        assert_eq!(of("a b"), "a_b");
        assert_eq!(model.source_range(8..9), 8..8, "an inserted space has an empty range");
    }

    #[test]
    fn plain_text_maps_to_itself() {
        let model = ModelText::plain("loadConfig");
        assert_eq!((model.as_str(), model.source_range(2..6)), ("loadConfig", 2..6));
    }

    proptest! {
        #[test]
        fn every_character_maps_to_its_own_bytes(source in "([a-zA-Z0-9_ é编Ж😀\u{301}.\n]|\\PC){0,40}") {
            let model = ModelText::identifier_aware(&source);
            let mut covered = 0;
            for (at, c) in model.as_str().char_indices() {
                let range = model.source_range(at..at + c.len_utf8());
                if range.is_empty() {
                    prop_assert_eq!(c, ' ');
                    prop_assert_eq!(range.start, covered);
                    continue;
                }
                prop_assert_eq!(range.start, covered);
                let origin = &source[range.clone()];
                prop_assert!(origin.chars().eq([c]) || (c == ' ' && origin == "_"));
                covered = range.end;
            }
            prop_assert_eq!(covered, source.len());
        }
    }
}
