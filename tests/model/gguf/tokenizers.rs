//! Each kind of tokenizer against that of a folder, or against known results.

use super::*;

/// Texts that need different steps of a tokenizer.
const TEXTS: [&str; 10] = [
    "",
    "Hello, World! It's 12345 o'clock.",
    "naïve café, ÀÉÎ",
    "fn main() {\n    let x_1 = \"a  b\";\n\n\treturn;\r\n}",
    "我爱编程 😀",
    "unaffable undoubtedly antidisestablishmentarianism",
    " leading and trailing  ",
    "ﬁne ½ Ⅷ ｗｉｄｅ",
    "[CLS] <s> </s> [MASK] x",
    "x\u{200b}y\u{00a0}z\0",
];

#[test]
fn word_pieces_of_bert_equal_those_of_its_own_tokenizer() {
    let json = json_of("assets/all-MiniLM-L6-v2/tokenizer.json");
    let words = json["model"]["vocab"].as_object().unwrap();
    let mut pieces = vec![String::new(); words.len()];
    for (word, id) in words {
        pieces[id.as_u64().unwrap() as usize] = match word.strip_prefix("##") {
            _ if word.starts_with('[') && word.ends_with(']') => word.clone(),
            Some(rest) => rest.to_owned(),
            None => format!("\u{2581}{word}"),
        };
    }
    let special = |word: &String| ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].contains(&word.as_str());
    let (case, tensors) = with_vocabulary(wide_llama(), pieces.len());
    let case = case
        .and("tokenizer.ggml.model", Value::String("bert".into()))
        .and("tokenizer.ggml.tokens", texts(pieces.iter().map(String::as_str)))
        .and(
            "tokenizer.ggml.token_type",
            kinds(pieces.iter().map(|word| if special(word) { 3 } else { 1 })),
        )
        .and("tokenizer.ggml.unknown_token_id", Value::U32(100))
        .and("tokenizer.ggml.cls_token_id", Value::U32(101))
        .and("tokenizer.ggml.seperator_token_id", Value::U32(102));
    let file = written(&case.metadata, &tensors);
    let model = Model::load(&Source::at(&file.path)).unwrap();
    let expected = super::super::embedded();
    for text in TEXTS {
        assert_eq!(ids(&model, text), ids(&expected, text), "{text:?}");
    }
}

#[test]
fn pieces_of_xlm_r_equal_those_of_its_own_tokenizer() {
    for name in ["tiny-multilingual", "tiny-xlm-roberta"] {
        let json = json_of(&format!("tests/fixtures/{name}/tokenizer.json"));
        let vocabulary = json["model"]["vocab"].as_array().unwrap();
        let pieces: Vec<&str> = vocabulary.iter().map(|piece| piece[0].as_str().unwrap()).collect();
        let special = |piece: &&str| ["<s>", "<pad>", "</s>", "<unk>", "<mask>"].contains(piece);
        let id = |text: &str| Value::U32(pieces.iter().position(|piece| *piece == text).unwrap() as u32);
        let (case, tensors) = with_vocabulary(wide_llama(), pieces.len() + 1);
        let case = case
            .and("tokenizer.ggml.model", Value::String("t5".into()))
            .and("tokenizer.ggml.tokens", texts(pieces.iter().copied()))
            .and(
                "tokenizer.ggml.scores",
                numbers(vocabulary.iter().map(|piece| piece[1].as_f64().unwrap())),
            )
            .and(
                "tokenizer.ggml.token_type",
                kinds(pieces.iter().map(|piece| if special(piece) { 3 } else { 1 })),
            )
            .and("tokenizer.ggml.unknown_token_id", id("<unk>"))
            .and("tokenizer.ggml.bos_token_id", id("<s>"))
            .and("tokenizer.ggml.eos_token_id", id("</s>"))
            .and("tokenizer.ggml.add_bos_token", Value::Bool(true))
            .and("tokenizer.ggml.add_eos_token", Value::Bool(true));
        let load = |collapse: bool| {
            let mut metadata = case.metadata.clone();
            metadata.push(("tokenizer.ggml.remove_extra_whitespaces".into(), Value::Bool(collapse)));
            let file = written(&metadata, &tensors);
            Model::load(&Source::at(&file.path)).unwrap()
        };
        let (model, collapsing) = (load(false), load(true));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let expected = Model::load(&Source::Folder(folder)).unwrap();
        for text in ["hello world", "Hello, rust!  hello", "我爱编程", "", "xyz", " a "] {
            assert_eq!(ids(&model, text), ids(&expected, text), "{name}: {text:?}");
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(ids(&collapsing, text), ids(&expected, &words), "{name}: {text:?}");
        }
    }
}

#[test]
fn pieces_are_joined_by_highest_score_first_and_bytes_represent_the_rest() {
    let (case, tensors) = tiny();
    let (pieces, ..) = pieces();
    let spell = |case: &Case, text: &str| -> Vec<String> {
        let file = written(&case.metadata, &tensors);
        let model = Model::load(&Source::at(&file.path)).unwrap();
        let tokens = model.tokenize(text, Language::Prose).unwrap();
        let marked: Vec<bool> = tokens.ids.iter().map(|id| (1..3).contains(id)).collect();
        assert_eq!(
            tokens.special, marked,
            "only the control tokens around a text are special"
        );
        tokens.ids.iter().map(|id| pieces[*id as usize].clone()).collect()
    };
    // "lo" has a higher score and is joined before "or".
    let expected = [
        "<s>",
        "\u{2581}hello",
        "\u{2581}",
        "lo",
        "r",
        "\u{2581}",
        "wor",
        "ld",
        "<0xC3>",
        "<0xA9>",
    ];
    assert_eq!(spell(&case, "hello lor worldé"), expected);
    assert_eq!(spell(&case, "he<|user|>"), ["<s>", "\u{2581}he", "<|user|>"]);
    let case = case
        .and("tokenizer.ggml.add_space_prefix", Value::Bool(false))
        .and("tokenizer.ggml.add_bos_token", Value::Bool(false))
        .and("tokenizer.ggml.add_eos_token", Value::Bool(true));
    assert_eq!(spell(&case, "hello"), ["he", "llo", "</s>"]);
}

#[test]
fn texts_are_split_by_the_pattern_of_the_file_before_bytes_are_joined() {
    let mut pieces: Vec<String> = vec!["<|end|>".into()];
    // GPT-2's characters for bytes: printable ones represent themselves, the others follow in order from 256.
    let prints = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut others = 256u32..;
    pieces.extend((0..=255u8).map(|byte| match prints(byte) {
        true => char::from(byte).to_string(),
        false => char::from_u32(others.next().unwrap()).unwrap().to_string(),
    }));
    let merges = [
        "1 2",
        "3 4",
        "12 34",
        "12 3",
        "\u{120} \u{120}",
        "\u{120} x",
        "' S",
        "\u{10A} \u{10A}",
    ];
    pieces.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    let (case, tensors) = with_vocabulary(wide_llama(), pieces.len());
    let case = case
        .and("tokenizer.ggml.model", Value::String("gpt2".into()))
        .and("tokenizer.ggml.tokens", texts(pieces.iter().map(String::as_str)))
        .and("tokenizer.ggml.merges", texts(merges))
        .and(
            "tokenizer.ggml.token_type",
            kinds((0..pieces.len()).map(|id| if id == 0 { 3 } else { 1 })),
        )
        .and("tokenizer.ggml.bos_token_id", Value::U32(0));
    let text = "1234  x'S\n\n";
    let (s, n) = ("\u{120}", "\u{10A}");
    let (ss, sx, nn) = (format!("{s}{s}"), format!("{s}x"), format!("{n}{n}"));
    for (pre, expected) in [
        ("gpt-2", vec!["1234", s, &sx, "'", "S", &nn]),
        ("llama-bpe", vec!["<|end|>", "123", "4", s, &sx, "'S", &nn]),
        ("qwen2", vec!["1", "2", "3", "4", s, &sx, "'S", &nn]),
        ("smollm", vec!["1", "2", "3", "4", s, &sx, "'", "S", &nn]),
        ("default", vec!["123", "4", s, &sx, "'", "S", &nn]),
    ] {
        let mut metadata = case.metadata.clone();
        metadata.push(("tokenizer.ggml.pre".into(), Value::String(pre.into())));
        let file = written(&metadata, &tensors);
        let model = Model::load(&Source::at(&file.path)).unwrap_or_else(|error| panic!("{pre}: {error}"));
        let found: Vec<&str> = ids(&model, text)
            .iter()
            .map(|id| pieces[*id as usize].as_str())
            .collect();
        assert_eq!(found, expected, "{pre} {ss}");
    }
    let mut metadata = case.metadata;
    metadata.push(("tokenizer.ggml.pre".into(), Value::String("mine".into())));
    let file = written(&metadata, &tensors);
    let error = Model::load(&Source::at(&file.path)).err().unwrap().to_string();
    assert!(
        error.contains("tokenizer.ggml.pre `mine`") && error.contains("folder"),
        "{error}"
    );
}
