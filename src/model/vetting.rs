//! Checks a tokenizer.json for excessive demands before the tokenizers crate reads it.
//!
//! The crate trusts its files: a vocabulary entry of a million bytes becomes a tree of the same depth, which overflows the stack when it is
//! dropped; replacements may multiply a text without bound; a template may name tokens that do not exist. Fovea can catch a panic, but a
//! stack overflow or exhausted memory ends the process. A first pass therefore reads only the sizes in the file and keeps no text.

mod patterns;

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use self::patterns::Patterns;

/// Maximum length of a vocabulary entry in bytes. The crate builds a tree of that depth, on a stack of two megabytes. Published entries
/// stay below 300.
pub(super) const LONGEST_PIECE: usize = 512;
/// Maximum total length of all entries in bytes: each may cost a tree node. The largest published vocabularies have five million.
const ALL_PIECES: usize = 16 << 20;
/// Maximum number of entries in a vocabulary or a list of merges.
pub(super) const MOST_PIECES: usize = 2 << 20;
/// Maximum number of JSON values in the model and the added tokens, texts included. The crate first stores each value in some hundred
/// bytes. The largest published model has two million.
const MOST_VALUES: usize = 3 << 20;
/// Maximum size of another part in bytes. The largest published one is a SentencePiece map of three hundred thousand.
const LARGEST_PART: usize = 2 << 20;
/// Maximum number of values in another part. Published ones have some hundred.
const VALUES_OF_PART: usize = 1 << 16;
/// Maximum number of bytes of the added tokens after normalization. Lists of thousands have some hundred thousand.
const ALL_ADDED: f64 = (32 << 20) as f64;
/// Maximum length of a pattern, a replacement or a prefix in bytes. Published ones have some hundred.
const LONGEST_PATTERN: usize = 4096;
/// Maximum growth of a text, as a factor of its bytes. The bound for published tokenizers is some four thousand, in theory.
const MOST_GROWTH: f64 = 16384.0;
/// Maximum number of tokens that a post-processor adds.
const MOST_ADDED: usize = 64;
/// Maximum word length in characters for WordPiece, whose time grows with its cube. Published ones have 100 or 200.
const MOST_WORD_CHARS: u64 = 1000;

/// The bounds of a tokenizer that may be loaded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Vetted {
    /// Maximum growth by normalization, as a factor of the bytes.
    pub(super) normalized: f64,
    /// Maximum further growth before the model sees the text.
    pub(super) split: f64,
}

#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    normalizer: Option<&'a RawValue>,
    #[serde(borrow)]
    pre_tokenizer: Option<&'a RawValue>,
    #[serde(borrow)]
    post_processor: Option<&'a RawValue>,
    // Fovea checks the decoder as well, because the crate always builds it.
    #[serde(borrow)]
    decoder: Option<&'a RawValue>,
    #[serde(default)]
    added_tokens: Sizes,
    model: Model,
}

#[derive(Default)]
struct Model {
    vocab: Sizes,
    merges: Sizes,
    /// Fields that no model has, but that the crate reads all the same.
    rest: Sizes,
    max_input_chars_per_word: Option<u64>,
    dropout: Option<f64>,
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Model, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Model;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a model")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Model, A::Error> {
                let mut model = Model::default();
                while let Some(key) = object.next_key::<String>()? {
                    match key.as_str() {
                        "vocab" => model.vocab.add(object.next_value()?),
                        "merges" => model.merges.add(object.next_value()?),
                        "max_input_chars_per_word" => model.max_input_chars_per_word = object.next_value()?,
                        "dropout" => model.dropout = object.next_value()?,
                        _ => model.rest.add(object.next_value()?),
                    }
                }
                Ok(model)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Checks a tokenizer.json.
///
/// # Errors
/// Says what is wrong; the caller puts the file name before it.
pub(super) fn vet(json: &[u8]) -> Result<Vetted, String> {
    let outline: Outline = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let lists = [
        ("the vocabulary", outline.model.vocab),
        ("the list of merges", outline.model.merges),
        ("the list of added tokens", outline.added_tokens),
        ("the rest of the model", outline.model.rest),
    ];
    let values: usize = lists.iter().map(|(_, sizes)| sizes.values).sum();
    if values > MOST_VALUES {
        return Err(format!(
            "the model and the added tokens have {values} values, over the limit of {MOST_VALUES}"
        ));
    }
    for (name, sizes) in lists {
        for (what, found, most) in [
            ("a text of {} bytes", sizes.longest, LONGEST_PIECE),
            ("{} texts", sizes.count, MOST_PIECES),
            ("{} bytes of text", sizes.bytes, ALL_PIECES),
        ] {
            if found > most {
                let what = what.replace("{}", &found.to_string());
                return Err(format!("{name} has {what}, over the limit of {most}"));
            }
        }
    }
    if let Some(chars) = outline
        .model
        .max_input_chars_per_word
        .filter(|most| *most > MOST_WORD_CHARS)
    {
        return Err(format!(
            "max_input_chars_per_word is {chars}, over the limit of {MOST_WORD_CHARS}"
        ));
    }
    if let Some(dropout) = outline.model.dropout.filter(|dropout| *dropout != 0.0) {
        return Err(format!(
            "dropout is {dropout}, so that no two readings of a text would be the same; set it to null"
        ));
    }
    let mut patterns = Patterns::default();
    let mut read = |name: &str, part: Option<&RawValue>| -> Result<Option<Value>, String> {
        let Some(part) = part else { return Ok(None) };
        let value = small(name, part)?;
        patterns.add(&value)?;
        Ok(Some(value))
    };
    let normalizer = read("the normalizer", outline.normalizer)?;
    let pre_tokenizer = read("the pre-tokenizer", outline.pre_tokenizer)?;
    let post_processor = read("the post-processor", outline.post_processor)?;
    let decoder = read("the decoder", outline.decoder)?;
    let growth = |part: &Option<Value>| part.as_ref().map_or(Ok(1.0), growth_of);
    let (normalized, split) = (growth(&normalizer)?, growth(&pre_tokenizer)?);
    // The decoder's texts have the same bounds; its growth does not matter.
    growth(&decoder)?;
    let growth = normalized * split;
    if growth > MOST_GROWTH {
        return Err(format!(
            "its replacements may multiply the length of a text by {growth:.0}, over the limit of {MOST_GROWTH}"
        ));
    }
    let added_tokens = outline.added_tokens.bytes as f64 * normalized;
    if added_tokens > ALL_ADDED {
        return Err(format!(
            "the added tokens may become {added_tokens:.0} bytes by normalization, over the limit of {ALL_ADDED}"
        ));
    }
    if let Some(part) = &post_processor {
        let added = added_by(part)?;
        if added > MOST_ADDED {
            return Err(format!(
                "the post-processor adds {added} tokens to every text, over the limit of {MOST_ADDED}"
            ));
        }
    }
    Ok(Vetted { normalized, split })
}

/// Parses a part, if it is small enough for the crate to read it.
fn small(name: &str, part: &RawValue) -> Result<Value, String> {
    let text = part.get();
    if text.len() > LARGEST_PART {
        return Err(format!(
            "{name} has {} bytes, over the limit of {LARGEST_PART}",
            text.len()
        ));
    }
    let sizes: Sizes = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if sizes.values > VALUES_OF_PART {
        return Err(format!(
            "{name} has {} values, over the limit of {VALUES_OF_PART}",
            sizes.values
        ));
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Maximum growth by a normalizer or pre-tokenizer, as a factor of the bytes.
/// Includes nested parts. Old formats have no type and are recognized by their keys, as in the crate.
fn growth_of(part: &Value) -> Result<f64, String> {
    let text = |key: &str| part.get(key).and_then(Value::as_str);
    for key in ["content", "prepend"] {
        short(key, text(key))?;
    }
    let pattern = part.get("pattern");
    let pattern_text = |kind: &str| pattern.and_then(|pattern| pattern.get(kind)).and_then(Value::as_str);
    for kind in ["String", "Regex"] {
        short("pattern", pattern_text(kind))?;
    }
    let mut growth = match part.get("type").and_then(Value::as_str) {
        // Bounds from the Unicode standard, for UTF-8 bytes.
        Some("NFKC" | "NFKD") => 11.0,
        Some("NFC" | "NFD" | "Lowercase") => 3.0,
        Some("BertNormalizer") => 8.0,
        Some("ByteLevel") => 4.0,
        Some("Metaspace") => 4.0,
        _ => 1.0,
    };
    if let Some(content) = text("content") {
        // A literal pattern is replaced once per its length; a regular expression may match before each byte.
        growth *= match pattern_text("String").map(str::len) {
            Some(length) if length > 0 => (content.len() as f64 / length as f64).max(1.0),
            _ => 1.0 + content.len() as f64,
        };
    }
    if let Some(prefix) = text("prepend") {
        growth *= 1.0 + prefix.len() as f64;
    }
    if let Some(map) = text("precompiled_charsmap") {
        growth *= growth_of_map(map)?;
    }
    for key in ["normalizers", "pretokenizers", "decoders"] {
        for inner in part.get(key).and_then(Value::as_array).into_iter().flatten() {
            growth *= growth_of(inner)?;
        }
    }
    Ok(growth)
}

fn short(what: &str, text: Option<&str>) -> Result<(), String> {
    match text.map_or(0, str::len) {
        bytes if bytes > LONGEST_PATTERN => Err(format!(
            "a {what} has {bytes} bytes, over the limit of {LONGEST_PATTERN}"
        )),
        _ => Ok(()),
    }
}

/// Maximum growth by a SentencePiece map, as a factor of the bytes. The map has four bytes for the length of a tree, the tree, and the
/// replacements, each terminated by a zero. The crate allocates the length before it checks the tree.
fn growth_of_map(base64: &str) -> Result<f64, String> {
    let damaged = || "precompiled_charsmap is damaged".to_owned();
    let bytes = decode_base64(base64).ok_or_else(damaged)?;
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
    let texts = rest.get(u32::from_le_bytes(*length) as usize..).ok_or_else(damaged)?;
    let longest = texts.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or(0);
    Ok((longest as f64).max(1.0))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(six)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    Some(bytes)
}

/// Number of tokens that a post-processor adds. Each template must contain the text once.
fn added_by(part: &Value) -> Result<usize, String> {
    let list = |key: &str| part.get(key).and_then(Value::as_array).into_iter().flatten();
    let mut added = 0;
    for inner in list("processors") {
        added += added_by(inner)?;
    }
    match part.get("type").and_then(Value::as_str) {
        Some("BertProcessing" | "RobertaProcessing") => added += 2,
        Some("TemplateProcessing") => {
            let mut texts = 0;
            for piece in list("single") {
                if let Some(sequence) = piece.get("Sequence") {
                    match sequence.get("id").and_then(Value::as_str) {
                        Some("A") => texts += 1,
                        _ => return Err("the post-processor's template for one text asks for a second one".to_owned()),
                    }
                } else {
                    added += added_by_token(part, piece)?;
                }
            }
            if texts != 1 {
                return Err(format!("the post-processor's template contains the text {texts} times"));
            }
        }
        _ => {}
    }
    Ok(added)
}

fn added_by_token(template: &Value, piece: &Value) -> Result<usize, String> {
    let name = piece.get("SpecialToken").and_then(|token| token.get("id")?.as_str());
    let name = name.ok_or("the post-processor's template has a piece that is neither a text nor a token")?;
    let token = template.get("special_tokens").and_then(|tokens| tokens.get(name));
    let token = token.ok_or_else(|| format!("the post-processor has no special token `{name}`"))?;
    let count = |key: &str| token.get(key).and_then(Value::as_array).map(Vec::len);
    match (count("ids"), count("tokens")) {
        (Some(ids), Some(tokens)) if ids == tokens => Ok(ids),
        _ => Err(format!(
            "the post-processor's special token `{name}` does not have as many ids as tokens"
        )),
    }
}

/// The number of values in a list or object, and their text lengths.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sizes {
    values: usize,
    count: usize,
    longest: usize,
    bytes: usize,
}

impl Sizes {
    fn of(bytes: usize) -> Sizes {
        Sizes {
            values: 1,
            count: 1,
            longest: bytes,
            bytes,
        }
    }

    /// A value other than a text.
    fn of_value() -> Sizes {
        Sizes {
            values: 1,
            ..Sizes::default()
        }
    }

    fn add(&mut self, other: Sizes) {
        self.values += other.values;
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
        self.bytes += other.bytes;
    }
}

impl<'de> Deserialize<'de> for Sizes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sizes, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Sizes;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Sizes, E> {
                Ok(Sizes::of(text.len()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Sizes, E> {
                Ok(Sizes::of_value())
            }

            fn visit_i64<E>(self, _: i64) -> Result<Sizes, E> {
                Ok(Sizes::of_value())
            }

            fn visit_u64<E>(self, _: u64) -> Result<Sizes, E> {
                Ok(Sizes::of_value())
            }

            fn visit_f64<E>(self, _: f64) -> Result<Sizes, E> {
                Ok(Sizes::of_value())
            }

            fn visit_unit<E>(self) -> Result<Sizes, E> {
                Ok(Sizes::of_value())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Sizes, A::Error> {
                let mut sizes = Sizes::of_value();
                while let Some(inner) = list.next_element()? {
                    sizes.add(inner);
                }
                Ok(sizes)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Sizes, A::Error> {
                let mut sizes = Sizes::of_value();
                while let Some((key, value)) = object.next_entry::<Sizes, Sizes>()? {
                    sizes.add(key);
                    sizes.add(value);
                }
                Ok(sizes)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(key: &str, value: &str) -> String {
        let own = format!(r#""{key}": {value}"#);
        let model = if key == "model" {
            ""
        } else {
            r#", "model": {"vocab": {}}"#
        };
        format!("{{{own}{model}}}")
    }

    #[test]
    fn tokenizers_of_published_models_are_allowed() {
        let xlm = r#"{"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAABhYmMA"},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]}"#;
        let expected = Vetted {
            normalized: 12.0,
            split: 1.0,
        };
        assert_eq!(vet(with("normalizer", xlm).as_bytes()), Ok(expected));
        let template = r#"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}], "pair": [],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
            "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}}"#;
        assert!(vet(with("post_processor", template).as_bytes()).is_ok());
        for fixture in ["tiny-multilingual", "tiny-xlm-roberta"] {
            let path = format!("{}/tests/fixtures/{fixture}/tokenizer.json", env!("CARGO_MANIFEST_DIR"));
            assert!(vet(&std::fs::read(path).unwrap()).is_ok(), "{fixture}");
        }
    }

    #[test]
    fn files_that_would_overflow_the_stack_or_exhaust_memory_are_refused() {
        let long = "x".repeat(LONGEST_PIECE + 1);
        let zeros = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        let replace = |pattern: &str, content: &str| {
            format!(r#"{{"type": "Replace", "pattern": {{"String": "{pattern}"}}, "content": "{content}"}}"#)
        };
        let tens = vec![replace("x", "xxxxxxxxxx"); 5].join(",");
        let bytes = [r#"{"type": "ByteLevel", "add_prefix_space": true}"#; 9].join(",");
        let template = |single: &str, tokens: &str| {
            format!(r#"{{"type": "TemplateProcessing", "single": [{single}], "special_tokens": {{{tokens}}}}}"#)
        };
        let text = r#"{"Sequence": {"id": "A", "type_id": 0}}"#;
        let token = r#"{"SpecialToken": {"id": "t", "type_id": 0}}"#;
        for (key, value, says) in [
            (
                "model",
                format!(r#"{{"vocab": [["{long}", 0.5]]}}"#),
                "a text of 513 bytes",
            ),
            ("model", format!(r#"{{"vocab": {{"{long}": 1}}}}"#), "the vocabulary"),
            (
                "model",
                format!(r#"{{"merges": [["a", "{long}"]]}}"#),
                "the list of merges",
            ),
            (
                "model",
                r#"{"max_input_chars_per_word": 1000000}"#.to_owned(),
                "max_input_chars_per_word",
            ),
            ("model", r#"{"dropout": 0.5}"#.to_owned(), "dropout is 0.5"),
            (
                "normalizer",
                format!(r#"{{"type": "Sequence", "normalizers": [{tens}]}}"#),
                "by 100000",
            ),
            (
                "normalizer",
                format!(
                    r#"{{"type": "Sequence", "normalizers": [{0},{0}]}}"#,
                    replace("", &"x".repeat(200))
                ),
                "by 40401",
            ),
            (
                "normalizer",
                replace("x", &"y".repeat(5000)),
                "a content has 5000 bytes",
            ),
            (
                "normalizer",
                format!(r#"{{"prepend": "{}"}}"#, "x".repeat(5000)),
                "a prepend has 5000 bytes",
            ),
            (
                "normalizer",
                r#"{"precompiled_charsmap": "//////8A"}"#.to_owned(),
                "precompiled_charsmap",
            ),
            (
                "pre_tokenizer",
                format!(r#"{{"type": "Sequence", "pretokenizers": [{bytes}]}}"#),
                "multiply",
            ),
            ("post_processor", template(token, ""), "no special token `t`"),
            ("post_processor", template(&format!("{text},{text}"), ""), "2 times"),
            (
                "post_processor",
                template(r#"{"Sequence": {"id": "B", "type_id": 0}}"#, ""),
                "a second one",
            ),
            (
                "post_processor",
                template(
                    &format!("{text},{token}"),
                    r#""t": {"id": "t", "ids": [1, 2], "tokens": ["t"]}"#,
                ),
                "as many ids as tokens",
            ),
            (
                "post_processor",
                format!("{}1{}", "[".repeat(200), "]".repeat(200)),
                "recursion limit",
            ),
            (
                "model",
                format!(r#"{{"vocab": {}}}"#, zeros(MOST_VALUES)),
                "have 3145729 values",
            ),
            (
                "model",
                format!(r#"{{"x": {}}}"#, zeros(MOST_VALUES)),
                "have 3145729 values",
            ),
            ("added_tokens", zeros(MOST_VALUES), "have 3145730 values"),
            ("normalizer", zeros(VALUES_OF_PART), "the normalizer has 65537 values"),
            (
                "pre_tokenizer",
                zeros(VALUES_OF_PART),
                "the pre-tokenizer has 65537 values",
            ),
            (
                "post_processor",
                zeros(LARGEST_PART),
                "the post-processor has 4194305 bytes",
            ),
            ("decoder", zeros(VALUES_OF_PART), "the decoder has 65537 values"),
            (
                "decoder",
                format!(r#"{{"decoders": [{}]}}"#, replace(&"|a".repeat(2049), "")),
                "a pattern has 4098 bytes",
            ),
            (
                "normalizer",
                format!(
                    "{}, {}",
                    replace("a", &"b".repeat(4000)),
                    r#""added_tokens": [{"content": "ADDED"}]"#
                )
                .replace("ADDED", &"a".repeat(LONGEST_PIECE))
                .replace(
                    "}]",
                    &format!("}}{}]", r#", {"content": "aaaaaaaaaaaaaaaa"}"#.repeat(400)),
                ),
                "the added tokens may become",
            ),
        ] {
            let error = vet(with(key, &value).as_bytes()).unwrap_err();
            assert!(error.contains(says), "{key}: {error}");
        }
    }

    #[test]
    fn base64_is_decoded_according_to_its_standard() {
        assert_eq!(decode_base64("Zm92ZWE=").as_deref(), Some(&b"fovea"[..]));
        assert_eq!(decode_base64("+/8=").as_deref(), Some(&[0xFB, 0xFF][..]));
        assert_eq!(decode_base64("a b"), None);
    }
}
