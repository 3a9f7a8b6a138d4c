//! Commands for language models (`fovea trace`, `fovea predict`, `fovea generate`) with a tiny decoder that has random weights.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use serde_json::Value;

use super::{fovea, json, refusal, stdout};

const DECODER: &str = "tests/fixtures/tiny-llama";

fn trace(arguments: &[&str]) -> HashMap<String, Tensor> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pass.safetensors");
    let all = [&["trace", "--out", out.to_str().unwrap()], arguments].concat();
    let output = fovea(&all, b"");
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    candle_core::safetensors::load(out, &Device::Cpu).unwrap()
}

#[test]
fn a_trace_has_every_hidden_state_and_map_and_the_logits() {
    let tensors = trace(&["--text", "hello world", "--model", DECODER]);
    let dims = |name: &str| tensors[name].dims().to_vec();
    let n = dims("ids")[0];
    assert_eq!((dims("hidden.0"), dims("hidden.3")), (vec![n, 32], vec![n, 32]));
    assert_eq!(
        (dims("attention.0"), dims("attention.2")),
        (vec![4, n, n], vec![4, n, n])
    );
    assert_eq!(dims("logits"), [n, 116]);
    assert_eq!(tensors.len(), 1 + 4 + 3 + 1);
    let map: Vec<Vec<f32>> = tensors["attention.1"].get(2).unwrap().to_vec2().unwrap();
    for (i, row) in map.iter().enumerate() {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5 && row[i + 1..].iter().all(|v| *v == 0.0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_trace_is_written_through_a_link_and_to_a_device() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (
        folder.path().join("real.safetensors"),
        folder.path().join("link.safetensors"),
    );
    std::fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let written = |out: &std::path::Path| {
        fovea(
            &[
                "trace",
                "--text",
                "hello",
                "--model",
                DECODER,
                "--out",
                out.to_str().unwrap(),
            ],
            b"",
        )
    };
    assert!(written(&link).status.success());
    assert!(link.is_symlink() && std::fs::metadata(&file).unwrap().len() > 3);
    let full = written(std::path::Path::new("/dev/full"));
    assert_eq!(full.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&full.stderr).contains("cannot write /dev/full"));
}

#[test]
fn the_embedded_encoder_is_traced_as_well_and_predicts_nothing() {
    if !fovea::model::embedded_available() {
        return;
    }
    let tensors = trace(&["--text", "hello world"]);
    assert_eq!(tensors["attention.5"].dims()[0], 12);
    assert!(!tensors.contains_key("logits"));
    let line = refusal(&fovea(&["predict", "README.md"], b""), 1);
    assert!(
        line.contains("cannot predict the next token, and fills no masks"),
        "{line}"
    );
    let line = refusal(&fovea(&["generate", "--prompt", "x"], b""), 1);
    assert!(line.contains("cannot predict the next token"), "{line}");
}

#[test]
fn the_surprisal_of_a_word_is_the_excess_of_its_tokens_over_the_entropy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text.txt");
    std::fs::write(&file, "hello world, said the 我爱 world of hello\n").unwrap();
    let file = file.to_str().unwrap();
    let of = |arguments: &[&str]| {
        json(&fovea(
            &[arguments, &["--model", DECODER, "--format", "json"]].concat(),
            b"",
        ))
    };
    let tokens = of(&["predict", file]);
    let tokens = tokens["surprisal"].as_array().unwrap();
    // The surprisal comes from `predict`, the entropy from the logits of a trace.
    let logits: Vec<Vec<f32>> = trace(&[file, "--model", DECODER])["logits"].to_vec2().unwrap();
    let excess: Vec<f64> = tokens
        .iter()
        .zip(&logits)
        .map(|(token, row)| {
            let whole = row.iter().map(|logit| f64::from(*logit).exp()).sum::<f64>().ln();
            let terms = row.iter().map(|logit| f64::from(*logit) - whole);
            let entropy: f64 = terms.map(|term| -term.exp() * term).sum();
            (token["nats"].as_f64().unwrap() - entropy).max(0.0)
        })
        .collect();
    let explained = of(&["explain", file, "--method", "surprisal"]);
    let units = explained["units"].as_array().unwrap();
    assert_eq!((units.len(), &explained["method"]), (1, &Value::from("surprisal")));
    let whole: f64 = excess.iter().sum();
    let words = units[0]["words"].as_array().unwrap();
    let byte = |value: &Value, end: &str| value[end]["byte"].as_u64().unwrap();
    let mut sum = 0.0;
    for (index, word) in words.iter().enumerate() {
        // A token of spaces belongs to the next word, and at the end to the last one.
        let low = index.checked_sub(1).map_or(0, |before| byte(&words[before], "end"));
        let high = if index + 1 < words.len() {
            byte(word, "end")
        } else {
            u64::MAX
        };
        let inside = |token: &Value| byte(token, "end") > low && byte(token, "start") < high;
        let own = tokens.iter().zip(&excess).filter(|(token, _)| inside(token));
        let own: f64 = own.map(|(_, excess)| excess).sum();
        let score = word["score"].as_f64().unwrap();
        assert!((score - own / whole).abs() < 1e-4, "{word} {own} of {whole}");
        sum += score;
    }
    let special = units[0]["special_share"].as_f64().unwrap();
    assert!((sum + special - 1.0).abs() < 1e-4 && sum > 0.5, "{sum} {special}");
}

#[test]
fn a_model_that_predicts_nothing_has_no_surprisal_and_says_what_to_do() {
    if !fovea::model::embedded_available() {
        return;
    }
    let line = refusal(&fovea(&["explain", "CONTRIBUTING.md", "--method", "surprisal"], b""), 1);
    assert!(
        line.contains("all-MiniLM-L6-v2 does not predict the next token") && line.contains("use a model that does"),
        "{line}"
    );
}

#[test]
fn generation_is_the_same_as_json_and_on_the_terminal_and_by_its_seed() {
    let with = |more: &[&str]| {
        let all = [
            &[
                "generate",
                "--prompt",
                "我爱 hello",
                "--model",
                DECODER,
                "--max-tokens",
                "9",
            ],
            more,
        ]
        .concat();
        fovea(&all, b"")
    };
    let answer = json(&with(&["--format", "json"]));
    let text = answer["text"].as_str().unwrap();
    assert_eq!(stdout(&with(&[])), format!("{text}\n"));
    let tokens = answer["tokens"].as_array().unwrap();
    assert!(!tokens.is_empty() && tokens.len() <= 9);
    let pieces: String = tokens.iter().map(|token| token["text"].as_str().unwrap()).collect();
    assert_eq!(pieces, text);
    assert!(
        tokens
            .iter()
            .all(|token| token["logprob"].as_f64().unwrap() < 0.0 && token["id"].is_u64())
    );
    let drawn =
        |seed: &str| json(&with(&["--format", "json", "--temperature", "1.5", "--seed", seed]))["tokens"].clone();
    assert!(drawn("1") == drawn("1") && drawn("1") != drawn("2"));
    let line = refusal(&with(&["--top-p", "1.5"]), 2);
    assert!(line.contains("--top-p 1.5") && line.contains("from 0 to 1"), "{line}");
}

#[test]
fn a_prediction_tells_surprise_by_token_and_what_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text.md");
    std::fs::write(&file, "hello world\nnaïve café 我爱编程 kebab-case\nlast line\n").unwrap();
    let place = format!("{}:2", file.display());
    let answer = json(&fovea(
        &["predict", &place, "--model", DECODER, "--top", "3", "--format", "json"],
        b"",
    ));
    let next = answer["next"].as_array().unwrap();
    let probability = |next: &Value| next["probability"].as_f64().unwrap();
    assert!(
        next.len() == 3
            && next
                .windows(2)
                .all(|pair| probability(&pair[0]) >= probability(&pair[1]))
    );
    let surprisal = answer["surprisal"].as_array().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    for token in surprisal {
        let byte = |end: &str| token[end]["byte"].as_u64().unwrap() as usize;
        assert_eq!(&text[byte("start")..byte("end")], token["text"].as_str().unwrap());
        assert!(token["nats"].as_f64().unwrap() > 0.0);
        assert!(byte("end") <= text.find("\nlast").unwrap());
    }
    assert!(surprisal.iter().any(|token| token["start"]["line"] == 1));
    let beyond = format!("{}:9", file.display());
    let line = refusal(&fovea(&["predict", &beyond, "--model", DECODER], b""), 2);
    assert!(line.contains("line 9 does not exist"), "{line}");
}

#[test]
fn a_decoder_is_explained_like_any_model_and_tells_what_it_can_do() {
    let report = json(&fovea(
        &["explain", "-", "--model", DECODER, "--format", "json"],
        "我爱编程 hello".as_bytes(),
    ));
    let unit = &report["units"][0];
    let words: f64 = unit["words"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word["score"].as_f64().unwrap())
        .sum();
    let rest = unit["bias_share"].as_f64().unwrap() + unit["special_share"].as_f64().unwrap();
    assert!(
        (words + rest - 1.0).abs() < 1e-3 && unit["residual"].as_f64().unwrap() < 1e-3,
        "{unit}"
    );
    let info = json(&fovea(&["model", "info", "--model", DECODER, "--format", "json"], b""));
    assert_eq!(
        info["abilities"],
        serde_json::json!(["embed", "next_token", "generate"])
    );
}

/// Checks that words, special tokens and biases sum to the value.
fn sums(why: &Value) {
    let words = why["words"].as_array().unwrap();
    let words: f64 = words.iter().map(|word| word["score"].as_f64().unwrap()).sum();
    let number = |key: &str| why[key].as_f64().unwrap();
    let off = (number("value") - words - number("special") - number("bias")).abs();
    assert!(off < 1e-4 && number("residual") < 1e-4, "{off}: {why}");
}

#[test]
fn a_prediction_tells_which_words_decided_for_a_token_and_against_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text.md");
    std::fs::write(&file, "hello world\nnaïve café 我爱 kebab-case").unwrap();
    let of = |more: &[&str]| {
        let start = [
            "predict",
            file.to_str().unwrap(),
            "--model",
            DECODER,
            "--format",
            "json",
        ];
        json(&fovea(&[&start, more].concat(), b""))
    };
    let found = of(&["--why"]);
    let (next, why) = (&found["next"][0], &found["why"]);
    assert!(why["target"] == "logit" && why["token"] == next["token"], "{why}");
    sums(why);
    let text = std::fs::read_to_string(&file).unwrap();
    for word in why["words"].as_array().unwrap() {
        let byte = |end: &str| word[end]["byte"].as_u64().unwrap() as usize;
        assert_eq!(&text[byte("start")..byte("end")], word["text"].as_str().unwrap());
    }
    let probability = of(&["--why", "--log-probability"])["why"].clone();
    let expected = next["probability"].as_f64().unwrap().ln();
    assert!((probability["value"].as_f64().unwrap() - expected).abs() < 1e-4);
    sums(&probability);
    // The difference of two logits equals that of the log-probabilities.
    let listed = found["next"].as_array().unwrap();
    let named = |next: &&Value| next["token"].as_str().unwrap().chars().all(char::is_alphabetic);
    let words: Vec<&Value> = listed.iter().filter(named).take(2).collect();
    let names: Vec<&str> = words.iter().map(|next| next["token"].as_str().unwrap()).collect();
    let against = of(&["--why", names[0], "--rather-than", names[1]])["why"].clone();
    assert!(
        against["target"] == "difference" && against["rather_than"] == names[1],
        "{against}"
    );
    let odds = (words[0]["probability"].as_f64().unwrap() / words[1]["probability"].as_f64().unwrap()).ln();
    assert!(
        (against["value"].as_f64().unwrap() - odds).abs() < 1e-3,
        "{against} {odds}"
    );
    sums(&against);
    let gradient = of(&["--why", "--method", "gradient"])["why"].clone();
    assert!(gradient.get("residual").is_none() && gradient["method"] == "gradient");
    assert_eq!(gradient["value"], why["value"]);
    let joint = of(&["--why", "--method", "shap"])["why"].clone();
    sums(&joint);
    let refused = [
        "predict",
        file.to_str().unwrap(),
        "--model",
        DECODER,
        "--why",
        "--method",
        "alti",
    ];
    let line = String::from_utf8(fovea(&refused, b"").stderr).unwrap();
    assert!(line.contains("no meaning for a number"), "{line}");
}
