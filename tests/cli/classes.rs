//! Classes by a model's head, by described labels and by a probe, and the words that decided.

use std::path::Path;

use serde_json::Value;

use super::{fovea_cached as fovea, json, refusal, stdout};

const CLASSIFIER: &str = "tests/fixtures/tiny-classifier";
const TAGGER: &str = "tests/fixtures/tiny-tagger";

fn golden(fixture: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(Path::new(fixture).join("golden.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Checks that words, special tokens and biases sum to the value, except for the residual.
fn sums(why: &Value, tolerance: f64) {
    let words: f64 = why["words"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word["score"].as_f64().unwrap())
        .sum();
    let number = |key: &str| why[key].as_f64().unwrap();
    let off = (number("value") - words - number("special") - number("bias")).abs();
    assert!(off < tolerance && number("residual") < tolerance, "{off}: {why}");
}

#[test]
fn a_head_gives_the_logits_of_transformers_and_the_words_that_decided() {
    for case in golden(CLASSIFIER) {
        let text = case["text"].as_str().unwrap();
        let of = |more: &[&str]| {
            let all = [
                &["classify", "--text", text, "--model", CLASSIFIER, "--format", "json"],
                more,
            ]
            .concat();
            json(&fovea(&all, b""))[0].clone()
        };
        let found = of(&[]);
        let logits = numbers(&case["logits"]);
        let classes = found["classes"].as_array().unwrap();
        let names = ["calm", "angry", "lost"];
        let mut sum = 0.0;
        for class in classes {
            let at = names.iter().position(|name| class["label"] == *name).unwrap();
            assert!(
                (class["score"].as_f64().unwrap() - logits[at]).abs() < 1e-4,
                "{text}: {class} {logits:?}"
            );
            sum += class["probability"].as_f64().unwrap();
        }
        assert!((sum - 1.0).abs() < 1e-5 && found["label"] == classes[0]["label"]);
        let why = &found["why"];
        assert!(why["target"] == "logit" && why["label"] == classes[0]["label"]);
        assert_eq!(why["value"], classes[0]["score"]);
        sums(why, 1e-4);
        let against = of(&["--why", "lost", "--rather-than"])["why"].clone();
        assert!(against["target"] == "difference" && against["label"] == "lost" && against["rather_than"] != "lost");
        sums(&against, 1e-4);
    }
}

#[test]
fn words_get_the_classes_that_transformers_gives_their_first_tokens() {
    for case in golden(TAGGER) {
        let text = case["text"].as_str().unwrap();
        let found = json(&fovea(
            &["classify", "--text", text, "--model", TAGGER, "--format", "json"],
            b"",
        ));
        let entities = found[0]["entities"].as_array().unwrap();
        // Every word of these texts is one token; the first token is special.
        let words: Vec<&str> = text
            .split_whitespace()
            .flat_map(|word| word.split_inclusive(char::is_alphanumeric))
            .collect();
        assert!(!words.is_empty());
        for entity in entities {
            assert_eq!(entity["label"], "NAME");
            let byte = |end: &str| entity[end]["byte"].as_u64().unwrap() as usize;
            assert_eq!(&text[byte("start")..byte("end")], entity["text"].as_str().unwrap());
            sums(&entity["why"], 1e-4);
            let value = entity["why"]["value"].as_f64().unwrap();
            let rows = case["logits"].as_array().unwrap();
            assert!(
                rows.iter().flat_map(numbers).any(|logit| (logit - value).abs() < 1e-4),
                "{value} is not a logit of {text}"
            );
        }
    }
}

#[test]
fn a_folder_is_classified_by_its_functions_types_and_headings_as_the_index_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| super::write(folder.path(), path, text);
    write(
        "src/shop.py",
        "def pay(card):\n    return card\n\n\ndef draw(canvas):\n    return canvas\n",
    );
    write("notes.txt", "A single text without headings.\n");
    write(".gitignore", "ignored.py\n");
    write("ignored.py", "def ignored():\n    return 1\n");
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    let root = folder.path().to_str().unwrap();
    let found = json(&fovea(
        &["classify", root, "--model", CLASSIFIER, "--format", "json"],
        b"",
    ));
    let paths: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["path"].as_str())
        .collect();
    let below = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(
        paths,
        [below("notes.txt"), below("src/shop.py:1"), below("src/shop.py:5")]
    );
    let lines = stdout(&fovea(&["classify", root, "--model", CLASSIFIER], b""));
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert!(lines.lines().all(|line| line.contains(" %  ")), "{lines}");
}

#[test]
fn invalid_input_of_classify_gets_one_line_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("labels.txt");
    std::fs::write(&file, "only one\n").unwrap();
    let labels = file.to_str().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let empty = empty.to_str().unwrap();
    for (arguments, code, expected) in [
        (vec!["classify", "--model", CLASSIFIER], 2, "name a FILE"),
        (
            vec!["classify", empty, "--model", CLASSIFIER],
            2,
            "no file in this folder has a text to classify",
        ),
        (
            vec!["classify", "--text", "", "--model", CLASSIFIER],
            2,
            "no text to classify",
        ),
        (
            vec!["classify", "--text", "x", "--model", "tests/fixtures/tiny-llama"],
            1,
            "no head that tells classes",
        ),
        (
            vec!["classify", "--text", "x", "--model", CLASSIFIER, "--why", "glad"],
            2,
            "calm, angry, lost",
        ),
        (vec!["classify", "--text", "x", "--labels", labels], 2, "write 2 to"),
        (vec!["classify", "--text", "x", "--probe", "../evil"], 2, "use letters"),
    ] {
        let line = refusal(&fovea(&arguments, b""), code);
        assert!(
            line.contains(expected) && line.lines().count() == 1,
            "{arguments:?}: {line}"
        );
    }
}

#[test]
fn labels_are_told_apart_without_training_and_with_exact_shares() {
    if !fovea::model::embedded_available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("labels.txt");
    std::fs::write(
        &labels,
        "money: payments, invoices and prices\n\nweather: rain, wind and sun\n",
    )
    .unwrap();
    let of = |text: &str| {
        let all = [
            "classify",
            "--text",
            text,
            "--labels",
            labels.to_str().unwrap(),
            "--format",
            "json",
        ];
        json(&fovea(&all, b""))[0].clone()
    };
    let money = of("The customer has paid the bill for two tickets.");
    assert_eq!(money["label"], "money");
    assert_eq!(of("Tomorrow there will be storms in the north.")["label"], "weather");
    assert!(money["why"]["target"] == "cosine" && money["classes"][0].get("probability").is_none());
    assert_eq!(money["why"]["value"], money["classes"][0]["score"]);
    sums(&money["why"], 1e-4);
}

/// Labeled sentences of two kinds.
fn labeled() -> String {
    let mut csv = "text,label\n".to_owned();
    for (one, other) in [
        ("dog", "bread"),
        ("cat", "soup"),
        ("horse", "pasta"),
        ("fox", "cheese"),
        ("owl", "salad"),
        ("bear", "rice"),
        ("wolf", "cake"),
        ("sheep", "stew"),
    ] {
        csv += &format!("\"A {one} runs, quickly, through the forest.\",animal\nShe cooks {other} for dinner.,food\n");
    }
    csv
}

#[test]
fn a_probe_is_trained_tested_listed_and_explains_its_logit() {
    if !fovea::model::embedded_available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("kinds.csv");
    std::fs::write(&csv, labeled()).unwrap();
    let (csv, probe) = (csv.to_str().unwrap(), folder.path().join("kinds.json"));
    let probe = probe.to_str().unwrap();
    let trained = json(&fovea(
        &["probe", "train", csv, "--out", probe, "--format", "json"],
        b"",
    ));
    assert_eq!(trained["labels"], serde_json::json!(["animal", "food"]));
    assert!(trained["report"]["accuracy"].as_f64().unwrap() > 0.9, "{trained}");
    assert!(std::fs::metadata(probe).unwrap().len() < 20_000);
    let tested = json(&fovea(&["probe", "test", probe, csv, "--format", "json"], b""));
    assert_eq!(tested["accuracy"], 1.0);
    let of = |more: &[&str]| {
        let text = "The tiger sleeps in the shade.";
        let all = [
            &["classify", "--text", text, "--probe", probe, "--format", "json"],
            more,
        ]
        .concat();
        json(&fovea(&all, b""))[0].clone()
    };
    let found = of(&[]);
    assert_eq!(found["label"], "animal");
    sums(&found["why"], 1e-4);
    let score = found["classes"][0]["score"].as_f64().unwrap();
    assert!(
        (found["why"]["value"].as_f64().unwrap() - score).abs() < 1e-6,
        "{found}"
    );
    // With two classes, each logit is the negated other one.
    let other = of(&["--why", "food"]);
    let value = |found: &Value| found["why"]["value"].as_f64().unwrap();
    assert!((value(&found) + value(&other)).abs() < 1e-5);
    assert!(stdout(&fovea(&["probe", "train", csv, "--out", probe], b"")).contains("% right"));
    let line = refusal(
        &fovea(
            &[
                "classify",
                "--text",
                "x",
                "--probe",
                probe,
                "--model",
                "tests/fixtures/tiny-xlm-roberta",
            ],
            b"",
        ),
        1,
    );
    assert!(line.contains("reads embeddings of all-MiniLM-L6-v2"), "{line}");
}

#[test]
fn labels_that_nothing_can_be_learned_from_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("labels.csv");
    let out = folder.path().join("probe.json");
    for (text, expected) in [
        ("", "begin the file with"),
        ("words,kind\na,b\n", "begin the file with"),
        ("text,label\n", "no labeled items"),
        ("text,label\na,x\nb,x\n", "at least two labels"),
        ("text,label\na,x\nb,x\nc,y\n", "label at least two"),
        ("text,label\na,\n", "row 1: no label"),
        ("path,label\nnowhere.rs:3,x\n", "row 1"),
    ] {
        std::fs::write(&csv, text).unwrap();
        let model = "tests/fixtures/tiny-xlm-roberta";
        let all = [
            "probe",
            "train",
            csv.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
            "--model",
            model,
        ];
        let output = fovea(&all, b"");
        let line = String::from_utf8(output.stderr.clone()).unwrap();
        assert!(
            !output.status.success() && line.contains(expected) && line.lines().count() == 1,
            "{text:?}: {line}"
        );
        assert!(!out.exists());
    }
}
