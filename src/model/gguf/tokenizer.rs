//! Converts the tokenizer of a file into a tokenizer.json.
//! The result is checked and read like that of a folder.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::merges;
use super::pieces::{Kind, Pieces};
use super::values::{Values, missing};

/// SentencePiece's character for a space.
const SPACE: &str = "\u{2581}";
/// Maximum word length in characters for WordPiece, as in BERT's tokenizer.
const LONGEST_WORD: usize = 100;

/// The equivalent of tokenizer.json.
#[derive(Serialize)]
struct Whole<'a> {
    version: &'static str,
    truncation: (),
    padding: (),
    added_tokens: Vec<Added<'a>>,
    normalizer: Value,
    pre_tokenizer: Value,
    post_processor: Value,
    decoder: Value,
    model: Model<'a>,
}

/// A text that is a single token wherever it occurs.
#[derive(Serialize)]
struct Added<'a> {
    id: u32,
    content: Cow<'a, str>,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
    special: bool,
}

type Vocabulary<'a> = BTreeMap<Cow<'a, str>, u32>;

#[derive(Serialize)]
#[serde(tag = "type")]
enum Model<'a> {
    #[serde(rename = "BPE")]
    Bpe {
        dropout: (),
        unk_token: Option<&'a str>,
        continuing_subword_prefix: (),
        end_of_word_suffix: (),
        fuse_unk: bool,
        byte_fallback: bool,
        ignore_merges: bool,
        vocab: Vocabulary<'a>,
        merges: Vec<(&'a str, &'a str)>,
    },
    WordPiece {
        unk_token: Cow<'a, str>,
        continuing_subword_prefix: &'static str,
        max_input_chars_per_word: usize,
        vocab: Vocabulary<'a>,
    },
    Unigram {
        unk_id: Option<u32>,
        vocab: Vec<(&'a str, f64)>,
        byte_fallback: bool,
    },
}

/// The tokenizer of a file as a tokenizer.json.
///
/// # Errors
/// Names the key and says what to do; the caller puts the file name before it.
pub(super) fn json(values: &Values) -> Result<Vec<u8>, String> {
    let pieces = Pieces::read(values)?;
    const KIND: &str = "tokenizer.ggml.model";
    let whole = match values.text(KIND)?.ok_or_else(|| missing(KIND))? {
        "llama" => sentencepiece(values, &pieces)?,
        "gpt2" => byte_level(values, &pieces)?,
        "bert" => word_piece(values, &pieces)?,
        "t5" => unigram(values, &pieces)?,
        other => {
            return Err(format!(
                "its {KIND} `{other}` is not supported; fovea reads llama, gpt2, bert and t5: use the model's Hugging Face folder"
            ));
        }
    };
    serde_json::to_vec(&whole).map_err(|error| format!("its tokenizer cannot be written as JSON: {error}"))
}

fn whole<'a>(pieces: &Pieces<'a>, model: Model<'a>) -> Whole<'a> {
    Whole {
        version: "1.0",
        truncation: (),
        padding: (),
        added_tokens: added(pieces, Cow::Borrowed),
        normalizer: Value::Null,
        pre_tokenizer: Value::Null,
        post_processor: Value::Null,
        decoder: Value::Null,
        model,
    }
}

/// The added tokens: control tokens are special; user-defined ones are not.
fn added<'a>(pieces: &Pieces<'a>, content: impl Fn(&'a str) -> Cow<'a, str>) -> Vec<Added<'a>> {
    let all = pieces.texts.iter().zip(&pieces.kinds).enumerate();
    let all = all.filter(|(id, (text, kind))| {
        let unknown = pieces.unknown == Some(*id as u32);
        !text.is_empty() && (unknown || matches!(kind, Kind::Control | Kind::UserDefined | Kind::Unknown))
    });
    all.map(|(id, (text, kind))| Added {
        id: id as u32,
        content: content(text),
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: *kind != Kind::UserDefined,
    })
    .collect()
}

/// Ids by text. Of two entries with the same text, the last counts, as in llama.cpp.
fn vocabulary<'a>(pieces: &Pieces<'a>, text: impl Fn(&'a str) -> Cow<'a, str>) -> Vocabulary<'a> {
    let all = pieces.texts.iter().enumerate();
    all.map(|(id, piece)| (text(piece), id as u32)).collect()
}

/// The template with tokens before and after a text.
fn template(before: &[(Cow<str>, u32)], behind: &[(Cow<str>, u32)]) -> Value {
    let token = |kind: u8| move |(text, _): &(Cow<str>, u32)| json!({"SpecialToken": {"id": text, "type_id": kind}});
    let text = |name: &str, kind: u8| json!({"Sequence": {"id": name, "type_id": kind}});
    let single: Vec<Value> = before
        .iter()
        .map(token(0))
        .chain([text("A", 0)])
        .chain(behind.iter().map(token(0)))
        .collect();
    let pair: Vec<Value> = single
        .iter()
        .cloned()
        .chain([text("B", 1)])
        .chain(behind.iter().map(token(1)))
        .collect();
    let tokens = before.iter().chain(behind);
    let special: serde_json::Map<String, Value> = tokens
        .map(|(text, id)| {
            (
                text.clone().into_owned(),
                json!({"id": text, "ids": [id], "tokens": [text]}),
            )
        })
        .collect();
    json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special})
}

/// The template with the tokens that a file requests; `(begin, end)` are the defaults.
fn around(values: &Values, pieces: &Pieces, (begin, end): (bool, bool)) -> Result<Value, String> {
    let token = |name: &str, default: bool| {
        let wanted = values.flag(&format!("tokenizer.ggml.add_{name}_token"))?;
        if !wanted.unwrap_or(default) {
            return Ok(None);
        }
        match pieces.token(values, name)? {
            Some(id) => Ok(Some((Cow::Borrowed(pieces.text(id)), id))),
            None if wanted.is_none() => Ok(None),
            None => Err(missing(&format!("tokenizer.ggml.{name}_token_id"))),
        }
    };
    let (before, behind) = (token("bos", begin)?, token("eos", end)?);
    let (before, behind) = (Vec::from_iter(before), Vec::from_iter(behind));
    Ok(template(&before, &behind))
}

/// Merges by score, with bytes for text that no piece covers: Llama, Mistral, Gemma, Phi-3.
fn sentencepiece<'a>(values: &Values, pieces: &Pieces<'a>) -> Result<Whole<'a>, String> {
    let spaces = json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE});
    let prefix = values.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let model = Model::Bpe {
        dropout: (),
        unk_token: pieces.unknown.map(|id| pieces.text(id)),
        continuing_subword_prefix: (),
        end_of_word_suffix: (),
        fuse_unk: true,
        byte_fallback: pieces.kinds.contains(&Kind::Byte),
        ignore_merges: false,
        vocab: vocabulary(pieces, Cow::Borrowed),
        merges: merges::from_scores(pieces)?,
    };
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    Ok(Whole {
        normalizer: match prefix {
            true => json!({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": SPACE}, spaces]}),
            false => spaces,
        },
        post_processor: around(values, pieces, (true, false))?,
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        ..whole(pieces, model)
    })
}

/// GPT-2's pattern, which llama.cpp also uses after others.
const GPT_2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)";
const LLAMA_3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN_2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const GPT_4O: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// The patterns that split a text, applied in order, by the value of `tokenizer.ggml.pre`.
fn patterns(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "default" => &[r"[\p{P}\$\+<=>\^~\|]+", GPT_2, r"\p{N}+", "[0-9][0-9][0-9]"],
        "gpt-2" | "gpt2" | "mpt" | "olmo" | "jais" | "phi-2" | "roberta-bpe" => &[GPT_2],
        "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone" => &[r"\p{N}", GPT_2],
        "llama-bpe" | "llama3" | "llama-v3" | "falcon3" | "pixtral" => &[LLAMA_3],
        "qwen2" | "deepseek-r1-qwen" | "stablelm2" | "megrez" => &[QWEN_2],
        "gpt-4o" | "llama4" => &[GPT_4O],
        _ => return None,
    })
}

/// Merges of bytes: GPT-2, GPT-NeoX, Llama 3, Qwen, SmolLM.
fn byte_level<'a>(values: &Values<'a>, pieces: &Pieces<'a>) -> Result<Whole<'a>, String> {
    const PRE: &str = "tokenizer.ggml.pre";
    let name = values.text(PRE)?.unwrap_or("default");
    let patterns = patterns(name).ok_or_else(|| {
        format!(
            "its {PRE} `{name}` is not supported; fovea reads default, gpt-2, llama-bpe, qwen2, smollm, gpt-4o and their variants: use the \
             model's Hugging Face folder"
        )
    })?;
    let split = |pattern: &&str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let mut steps: Vec<Value> = patterns.iter().map(split).collect();
    steps.push(bytes.clone());
    let llama_3 = patterns == [LLAMA_3];
    let merge = |text: &'a str| {
        let parts = text.split_once(' ');
        parts.ok_or_else(|| {
            "an entry of `tokenizer.ggml.merges` does not have two parts; download the model again".to_owned()
        })
    };
    let merges = values.texts("tokenizer.ggml.merges")?;
    let model = Model::Bpe {
        dropout: (),
        unk_token: None,
        continuing_subword_prefix: (),
        end_of_word_suffix: (),
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: llama_3,
        vocab: vocabulary(pieces, Cow::Borrowed),
        merges: merges.into_iter().map(merge).collect::<Result<_, _>>()?,
    };
    Ok(Whole {
        normalizer: match patterns == [QWEN_2] {
            true => json!({"type": "NFC"}),
            false => Value::Null,
        },
        pre_tokenizer: json!({"type": "Sequence", "pretokenizers": steps}),
        post_processor: json!({"type": "Sequence", "processors": [bytes.clone(), around(values, pieces, (llama_3, false))?]}),
        decoder: bytes,
        ..whole(pieces, model)
    })
}

/// BERT's WordPiece. The converter puts SentencePiece's space before entries that begin a word, and removes `##` from the others.
fn word_piece<'a>(values: &Values, pieces: &Pieces<'a>) -> Result<Whole<'a>, String> {
    let own = |text: &'a str| -> Cow<'a, str> {
        match text.strip_prefix(SPACE) {
            Some(word) => word.into(),
            None if text.starts_with('[') && text.ends_with(']') => text.into(),
            None => format!("##{text}").into(),
        }
    };
    let token = |names: &[&str]| -> Result<(Cow<'a, str>, u32), String> {
        for name in names {
            if let Some(id) = pieces.token(values, name)? {
                return Ok((own(pieces.text(id)), id));
            }
        }
        Err(missing(&format!("tokenizer.ggml.{}_token_id", names[0])))
    };
    let first = token(&["cls", "bos"])?;
    // llama.cpp has this spelling.
    let last = token(&["seperator", "separator", "eos"])?;
    let (unknown, _) = token(&["unknown"])?;
    // The metadata does not say whether texts are lower-cased, but a vocabulary with capitals implies that they are not.
    let words = pieces.texts.iter().zip(&pieces.kinds);
    let mut words = words.filter(|(text, kind)| **kind == Kind::Normal && !text.starts_with('['));
    let cased = words.any(|(text, _)| text.contains(|c: char| c.is_ascii_uppercase()));
    let model = Model::WordPiece {
        unk_token: unknown,
        continuing_subword_prefix: "##",
        max_input_chars_per_word: LONGEST_WORD,
        vocab: vocabulary(pieces, own),
    };
    Ok(Whole {
        added_tokens: added(pieces, own),
        normalizer: json!({
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": !cased,
        }),
        pre_tokenizer: json!({"type": "BertPreTokenizer"}),
        post_processor: template(&[first], &[last]),
        decoder: json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
        ..whole(pieces, model)
    })
}

/// The most probable pieces: T5, XLM-R.
fn unigram<'a>(values: &Values, pieces: &Pieces<'a>) -> Result<Whole<'a>, String> {
    let scores = pieces.scores()?;
    let prefix = values.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let scheme = if prefix { "always" } else { "never" };
    let spaces = json!({"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": true});
    let map = values.bytes("tokenizer.ggml.precompiled_charsmap")?;
    let model = Model::Unigram {
        unk_id: pieces.unknown,
        vocab: pieces.texts.iter().copied().zip(scores.iter().copied()).collect(),
        byte_fallback: pieces.kinds.contains(&Kind::Byte),
    };
    Ok(Whole {
        normalizer: match map.filter(|map| !map.is_empty()) {
            Some(map) => json!({"type": "Precompiled", "precompiled_charsmap": base64(&map)}),
            None => Value::Null,
        },
        pre_tokenizer: match values.flag("tokenizer.ggml.remove_extra_whitespaces")?.unwrap_or(true) {
            true => json!({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, spaces]}),
            false => spaces.clone(),
        },
        post_processor: around(values, pieces, (false, true))?,
        decoder: spaces,
        ..whole(pieces, model)
    })
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let held = three.iter().fold(0u32, |held, byte| held << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            match digit <= three.len() {
                true => text.push(char::from(DIGITS[(held >> (18 - 6 * digit)) as usize & 63])),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_encoded_according_to_its_standard() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"fovea", "Zm92ZWE="),
            (&[0xFB, 0xFF], "+/8="),
        ] {
            assert_eq!(base64(bytes), text);
        }
    }
}
