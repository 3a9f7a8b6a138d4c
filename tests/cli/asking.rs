//! `fovea ask`: spans of a head against transformers, sentences by embeddings; and masks.

use serde_json::Value;

use super::{fovea_cached as fovea, json, refusal, stdout};

const ANSWERS: &str = "tests/fixtures/tiny-answers";
const MASKED: &str = "tests/fixtures/tiny-masked";

fn golden(fixture: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(std::path::Path::new(fixture).join("golden.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn a_head_answers_with_the_spans_of_transformers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passage.txt");
    let (mut some, mut none) = (0, 0);
    for case in golden(ANSWERS) {
        std::fs::write(&file, case["passage"].as_str().unwrap()).unwrap();
        let question = case["question"].as_str().unwrap();
        let all = [
            "ask",
            question,
            file.to_str().unwrap(),
            "--model",
            ANSWERS,
            "--trust",
            "--format",
            "json",
        ];
        let found = json(&fovea(&all, b""));
        let found = found.as_array().unwrap();
        // There is no answer if the head finds "no answer" more probable.
        if number(&case["none"]) >= number(&case["score"]) {
            assert!(found.is_empty(), "{case}");
            none += 1;
            continue;
        }
        some += 1;
        let answer = &found[0];
        assert_eq!(answer["text"], case["answer"], "{case}");
        assert_eq!(
            (&answer["start"]["byte"], &answer["end"]["byte"]),
            (&case["start"], &case["end"])
        );
        assert!(
            (number(&answer["value"]) - number(&case["score"])).abs() < 1e-4,
            "{answer} {case}"
        );
        assert!(answer["target"] == "span" && number(&answer["residual"]) < 1e-4);
        assert!((0.0..=1.0).contains(&number(&answer["score"])));
        // A colon is a separate word.
        let passage = case["passage"].as_str().unwrap().replace(':', " :");
        let words = answer["words"].as_array().unwrap();
        assert_eq!(words.len(), passage.split_whitespace().count());
        let trust = &answer["trust"];
        assert!(trust["target"] == "answer" && trust["words"] == words.len(), "{trust}");
    }
    assert!(some > 1 && none > 1, "{some} {none}");
}

#[test]
fn a_sentence_answers_and_its_words_say_what_they_answer() {
    if !fovea::model::embedded_available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("garden.md");
    let text = "# Garden\n\nTomatoes need sun. Water the roses twice a week in summer.\n\nThe shed is locked at night; the key hangs \
                behind the door.\n";
    std::fs::write(&file, text).unwrap();
    std::fs::write(
        folder.path().join("engine.py"),
        "def start(engine):\n    return engine.ignite(fuel=True)\n",
    )
    .unwrap();
    for place in [file.to_str().unwrap(), folder.path().to_str().unwrap()] {
        let of = |question: &str| json(&fovea(&["ask", question, place, "--format", "json"], b""));
        let found = of("How often should roses be watered?");
        let answer = &found[0];
        assert_eq!(answer["text"], "Water the roses twice a week in summer.", "{found}");
        let byte = |end: &str| answer[end]["byte"].as_u64().unwrap() as usize;
        assert_eq!(&text[byte("start")..byte("end")], answer["text"].as_str().unwrap());
        let words = answer["words"].as_array().unwrap();
        let best = words
            .iter()
            .max_by(|a, b| number(&a["score"]).total_cmp(&number(&b["score"])))
            .unwrap();
        assert!(best["rank"] == 1 && number(&answer["residual"]) < 1e-4, "{answer}");
        let roses = words.iter().find(|word| word["text"] == "roses").unwrap();
        assert!(
            roses["question"] == "roses" && roses["rank"].as_u64().unwrap() <= 3,
            "{answer}"
        );
        assert_eq!(of("Which treaty ended the Thirty Years' War?"), serde_json::json!([]));
    }
    let nothing = fovea(
        &[
            "ask",
            "Which treaty ended the Thirty Years' War?",
            file.to_str().unwrap(),
        ],
        b"",
    );
    assert_eq!(stdout(&nothing), "nothing here answers that\n");
}

#[test]
fn a_question_without_words_is_refused() {
    let line = refusal(&fovea(&["ask", "???", "src"], b""), 2);
    assert!(line.contains("contains no words"), "{line}");
    let line = refusal(&fovea(&["ask", "why", "src", "--threshold", "7"], b""), 2);
    assert!(line.contains("from 0 to 1"), "{line}");
}

#[test]
fn a_masked_model_predicts_the_words_at_a_position() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text.txt");
    for case in golden(MASKED) {
        let (before, after) = (case["before"].as_str().unwrap(), case["after"].as_str().unwrap());
        std::fs::write(&file, format!("{before}{after}")).unwrap();
        let place = format!("{}:1:{}", file.display(), before.chars().count() + 1);
        let all = [
            "predict", &place, "--model", MASKED, "--top", "5", "--why", "--format", "json",
        ];
        let found = json(&fovea(&all, b""));
        let next = found["next"].as_array().unwrap();
        for (found, expected) in next.iter().zip(case["next"].as_array().unwrap()) {
            assert_eq!(found["token"], expected["token"], "{case}");
            assert!((number(&found["probability"]) - number(&expected["probability"])).abs() < 1e-4);
        }
        assert_eq!(found["surprisal"], serde_json::json!([]));
        let why = &found["why"];
        let words = why["words"].as_array().unwrap();
        let sum: f64 = words.iter().map(|word| number(&word["score"])).sum();
        let off = number(&why["value"]) - sum - number(&why["special"]) - number(&why["bias"]);
        assert!(off.abs() < 1e-4 && why["token"] == next[0]["token"], "{why}");
        // Words after the mask have their positions in the file.
        let text = format!("{before}{after}");
        for word in words {
            let byte = |end: &str| word[end]["byte"].as_u64().unwrap() as usize;
            assert_eq!(&text[byte("start")..byte("end")], word["text"].as_str().unwrap());
        }
        assert!(
            words
                .iter()
                .any(|word| word["start"]["byte"].as_u64().unwrap() as usize >= before.len())
        );
    }
}
