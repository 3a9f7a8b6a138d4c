//! What a language model wrote, and why: `fovea generate --why`, and `fovea ask` with a model that writes. The tiny decoder has random weights.

use candle_core::{Device, Tensor};
use serde_json::Value;

use super::{fovea_cached as fovea, json, refusal, stdout};

const DECODER: &str = "tests/fixtures/tiny-llama";
/// The same with a chat template and a larger window.
const CHAT: &str = "tests/fixtures/tiny-chat";
const PROMPT: &str = "hello world, said the 我爱 world of hello";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn written(method: &str) -> Value {
    let answer = json(&fovea(
        &[
            "generate",
            "--prompt",
            PROMPT,
            "--model",
            DECODER,
            "--max-tokens",
            "6",
            "--why",
            "--method",
            method,
            "--format",
            "json",
        ],
        b"",
    ));
    let tokens = answer["tokens"].as_array().unwrap();
    let text = format!("{PROMPT}{}", answer["text"].as_str().unwrap());
    let mut end = PROMPT.len();
    for token in tokens {
        let why = &token["why"];
        let words = why["words"].as_array().unwrap();
        let sum: f64 = words.iter().map(|word| number(&word["score"])).sum();
        if method != "gradient" {
            let whole = sum + number(&why["special"]) + number(&why["bias"]);
            assert!((whole - number(&why["value"])).abs() < 1e-4, "{why}");
            assert!(number(&why["residual"]) < 1e-4, "{why}");
        }
        for word in words {
            let byte = |end: &str| word[end]["byte"].as_u64().unwrap() as usize;
            assert_eq!(&text[byte("start")..byte("end")], word["text"].as_str().unwrap());
            assert!(byte("end") <= end, "a word behind the token: {word}");
        }
        end += token["text"].as_str().unwrap().len();
    }
    answer
}

#[test]
fn the_words_before_a_written_token_sum_to_its_logit() {
    let logits = |answer: &Value| -> Vec<f64> {
        let tokens = answer["tokens"].as_array().unwrap().iter();
        tokens.map(|token| number(&token["why"]["value"])).collect()
    };
    let (decomposed, gradient) = (logits(&written("decomposition")), logits(&written("gradient")));
    assert!(decomposed.len() > 1);
    for (own, other) in decomposed.iter().zip(&gradient) {
        assert!((own - other).abs() < 1e-4);
    }
    // The first of them is predicted after the prompt alone.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prompt.txt");
    std::fs::write(&file, PROMPT).unwrap();
    let file = file.to_str().unwrap();
    let predicted = json(&fovea(
        &["predict", file, "--model", DECODER, "--why", "--format", "json"],
        b"",
    ));
    let (own, other) = (&written("decomposition")["tokens"][0]["why"], &predicted["why"]);
    for (word, expected) in own["words"]
        .as_array()
        .unwrap()
        .iter()
        .zip(other["words"].as_array().unwrap())
    {
        assert_eq!(word["text"], expected["text"]);
        assert!(
            (number(&word["score"]) - number(&expected["score"])).abs() < 1e-4,
            "{word} {expected}"
        );
    }
}

#[test]
fn attention_of_a_written_token_is_the_mean_of_the_maps_of_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let (text, out) = (folder.path().join("prompt.txt"), folder.path().join("pass.safetensors"));
    std::fs::write(&text, PROMPT).unwrap();
    let (text, out) = (text.to_str().unwrap(), out.to_str().unwrap());
    assert!(
        fovea(&["trace", text, "--model", DECODER, "--out", out], b"")
            .status
            .success()
    );
    let tensors = candle_core::safetensors::load(out, &Device::Cpu).unwrap();
    let maps: Vec<&Tensor> = (0..)
        .map_while(|layer| tensors.get(&format!("attention.{layer}")))
        .collect();
    // (heads, n, n): the last row, averaged over heads and layers.
    let row = |map: &&Tensor| -> Vec<f32> {
        let n = map.dims()[1];
        map.mean(0).unwrap().get(n - 1).unwrap().to_vec1().unwrap()
    };
    let rows: Vec<Vec<f32>> = maps.iter().map(row).collect();
    let why = &written("attention")["tokens"][0]["why"];
    // The first token and the last one are special.
    let special: f32 = rows.iter().map(|row| row[0] + row[row.len() - 1]).sum::<f32>() / rows.len() as f32;
    assert!((number(&why["special"]) - f64::from(special)).abs() < 1e-5, "{why}");
    assert_eq!((&why["target"], number(&why["value"])), (&"attention".into(), 1.0));
}

#[test]
fn a_terminal_lists_each_token_with_the_words_that_decided() {
    let with = |more: &[&str]| {
        let all = ["generate", "--prompt", PROMPT, "--model", DECODER, "--max-tokens", "3"];
        fovea(&[&all, more].concat(), b"")
    };
    let shown = stdout(&with(&["--why"]));
    assert!(
        shown.contains("decided, as a part of the logit (decomposition)"),
        "{shown}"
    );
    assert_eq!(shown.lines().filter(|line| line.contains(" % ")).count(), 3, "{shown}");
    let line = refusal(&with(&["--why", "--method", "lime"]), 2);
    assert!(
        line.contains("choose one of decomposition, gradient, attention"),
        "{line}"
    );
}

#[test]
fn an_answer_that_a_model_writes_names_what_it_read_and_what_each_sentence_loses_without_it() {
    if !fovea::model::embedded_available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("roses.md", "# Roses\n\nWater the roses twice a week in summer.\n");
    write(
        "shed.md",
        "# Shed\n\nRoses need water, which stands in the shed: two cans a week.\n",
    );
    let place = folder.path().to_str().unwrap();
    let question = "How often should roses be watered?";
    let of = |more: &[&str]| fovea(&[&["ask", question, place, "--model", CHAT], more].concat(), b"");
    let answer = json(&of(&["--format", "json"]));
    let passages = answer["passages"].as_array().unwrap();
    assert_eq!(passages.len(), 2, "{answer}");
    let sentences = answer["sentences"].as_array().unwrap();
    assert!(!sentences.is_empty(), "{answer}");
    for sentence in sentences {
        let without: Vec<f64> = sentence["without"].as_array().unwrap().iter().map(number).collect();
        assert!(
            without.len() == 2 && without.iter().all(|nats| *nats != 0.0),
            "{sentence}"
        );
        assert!(number(&sentence["logprob"]) < 0.0 && number(&sentence["without_all"]) != 0.0);
        let needed = without.iter().filter(|nats| **nats >= std::f64::consts::LN_10).count();
        assert_eq!(sentence["sources"].as_array().unwrap().len(), needed, "{sentence}");
        assert!(
            answer["answer"]
                .as_str()
                .unwrap()
                .contains(sentence["text"].as_str().unwrap())
        );
    }
    let shown = stdout(&of(&[]));
    assert!(
        shown.contains("sentence  is less likely without")
            && shown.contains("wrote this, and each passage was left out in turn"),
        "{shown}"
    );
    let line = refusal(&of(&["--method", "shap"]), 2);
    assert!(line.contains("leaving passages out"), "{line}");
    let other = [
        "ask",
        "Which treaty ended the Thirty Years' War?",
        place,
        "--model",
        DECODER,
    ];
    assert_eq!(stdout(&fovea(&other, b"")), "nothing here answers that\n");
    let narrow = fovea(&["ask", question, place, "--model", DECODER], b"");
    let line = refusal(&narrow, 1);
    assert!(line.contains("larger window"), "{line}");
}

#[test]
fn a_page_shows_choices_and_marks_the_words_that_decided() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a<b.txt");
    std::fs::write(&file, "hello world, said <i>the</i> world").unwrap();
    let file = file.to_str().unwrap();
    let pages: [(&[&str], &str); 3] = [
        (&["predict", file, "--model", DECODER, "--why"], "<h2>why "),
        (
            &[
                "generate",
                "--prompt",
                PROMPT,
                "--model",
                DECODER,
                "--max-tokens",
                "2",
                "--why",
            ],
            "<h2>text</h2>",
        ),
        (
            &["classify", file, "--model", "tests/fixtures/tiny-classifier"],
            "<h2>why ",
        ),
    ];
    for (arguments, heading) in pages {
        let page = stdout(&fovea(&[arguments, &["--format", "html"]].concat(), b""));
        assert!(
            page.starts_with("<!doctype html>") && page.ends_with("</html>\n"),
            "{page}"
        );
        assert!(page.contains(heading) && page.contains("class=\"bar\""), "{page}");
        assert!(!page.contains("<i>") && !page.contains("<script"), "{page}");
        if arguments[0] != "generate" {
            assert!(page.contains("<mark") && page.contains("&lt;"), "{page}");
        }
    }
    if !fovea::model::embedded_available() {
        return;
    }
    let place = folder.path().join("roses.md");
    std::fs::write(&place, "# Roses\n\nWater the roses twice a week in summer.\n").unwrap();
    let place = place.to_str().unwrap();
    let page = stdout(&fovea(
        &["ask", "How often should roses be watered?", place, "--format", "html"],
        b"",
    ));
    assert!(page.contains("roses.md:3") && page.contains(">roses</mark>"), "{page}");
    let page = stdout(&fovea(
        &["ask", "Which treaty ended the war?", place, "--format", "html"],
        b"",
    ));
    assert!(page.contains("<h2>nothing here answers that</h2>"), "{page}");
}

#[test]
fn a_chat_model_gets_the_prompt_as_a_message_and_another_one_is_refused() {
    let of = |model: &str, more: &[&str]| {
        let arguments = ["generate", "--max-tokens", "3", "--format", "json", "--model", model];
        fovea(&[&arguments[..], more].concat(), b"")
    };
    let asked = json(&of(CHAT, &["--chat", "--prompt", " hello "]));
    let written = json(&of(CHAT, &["--prompt", "[INST] hello [/INST]"]));
    assert_eq!(asked, written);
    let plain = json(&of(CHAT, &["--prompt", "hello"]));
    assert_ne!(asked["tokens"], plain["tokens"]);
    let line = refusal(&of(DECODER, &["--chat", "--prompt", "hello"]), 2);
    assert!(line.contains("tiny-llama has no chat template"), "{line}");
}

#[test]
fn words_of_both_texts_sum_to_the_logit_of_a_token_that_an_encoder_decoder_wrote() {
    let of = |more: &[&str]| {
        let arguments = [
            "generate",
            "--prompt",
            "hello world",
            "--max-tokens",
            "4",
            "--why",
            "--format",
            "json",
        ];
        let model = ["--model", "tests/fixtures/tiny-t5"];
        fovea(&[&arguments[..], &model, more].concat(), b"")
    };
    let sum = |why: &Value| {
        let words: f64 = why["words"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| number(&word["score"]))
            .sum();
        words + number(&why["special"]) + number(&why["bias"])
    };
    let answer = json(&of(&[]));
    let text = format!("hello world{}", answer["text"].as_str().unwrap());
    let tokens = answer["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 4);
    for (index, token) in tokens.iter().enumerate() {
        let why = &token["why"];
        let value = number(&why["value"]);
        assert!((sum(why) - value).abs() < 1e-4 * value.abs().max(1.0), "{why}");
        // The words of the text that was read, and those written before the token.
        let words = why["words"].as_array().unwrap();
        let byte = |word: &Value, end: &str| word[end]["byte"].as_u64().unwrap() as usize;
        assert!(
            words
                .iter()
                .all(|word| text[byte(word, "start")..byte(word, "end")] == *word["text"].as_str().unwrap())
        );
        assert_eq!(words.iter().filter(|word| byte(word, "start") < 11).count(), 2, "{why}");
        assert!(index > 0 || words.len() == 2, "{why}");
    }
    for token in json(&of(&["--method", "attention"]))["tokens"].as_array().unwrap() {
        let why = &token["why"];
        assert_eq!(
            why["words"].as_array().unwrap().len(),
            2,
            "cross-attention goes to the text that was read"
        );
        assert!((sum(why) - 1.0).abs() < 1e-5, "{why}");
    }
    let line = refusal(&of(&["--method", "gradient"]), 2);
    assert!(line.contains("choose decomposition or attention"), "{line}");
}
