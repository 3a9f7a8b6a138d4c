//! `fovea compare`.

use serde_json::Value;

use super::{folder_of_code, fovea, json, stdout, with_cache};

#[test]
fn a_passage_that_the_model_cannot_read_is_named() {
    // Hieroglyphs, which neither model knows.
    let output = fovea(
        &["compare", "--text", "load the config", "--text", "\u{13000}\u{13001}"],
        b"",
    );
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && says.contains("knows only 0 % of the letters of the second passage"),
        "{says}"
    );
}

#[test]
fn compare_writes_pairs_that_sum_to_the_cosine() {
    let report = json(&fovea(
        &[
            "compare",
            "--text",
            "load the config",
            "--text",
            "read settings",
            "--format",
            "json",
        ],
        b"",
    ));
    let rows = report["pairs"].as_array().unwrap();
    assert_eq!(rows.len(), report["a"]["words"].as_array().unwrap().len() + 2);
    let sum: f64 = rows
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|v| v.as_f64().unwrap())
        .sum();
    assert!((sum - report["cosine"].as_f64().unwrap()).abs() < 1e-4);
    assert!(report["residual"].as_f64().unwrap() < 1e-4);
    for link in report["alignment"].as_array().unwrap() {
        assert!(link["a"].is_u64() && link["b"].is_u64() && link["cosine"].is_f64());
    }
    let word = &report["b"]["words"][1];
    assert_eq!(
        (word["text"].as_str(), word["start"]["column"].as_u64()),
        (Some("settings"), Some(5))
    );
}

#[test]
fn compare_takes_the_item_around_a_line() {
    let main = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs")).unwrap();
    let line = 1 + main.lines().position(|line| line.starts_with("fn main")).unwrap();
    let report = json(&fovea(
        &[
            "compare",
            &format!("src/main.rs:{line}"),
            "--text",
            "starts the program",
            "--format",
            "json",
        ],
        b"",
    ));
    let words = report["a"]["words"].as_array().unwrap();
    assert_eq!(words[0]["text"], "fn");
    assert_eq!(words[1]["text"], "main");
}

#[test]
fn compare_reports_the_common_part_of_languages_from_an_index() {
    let (folder, cache) = (folder_of_code(30), tempfile::tempdir().unwrap());
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (a, b, root) = (place("config.py:1"), place("settings.js:1"), place(""));
    let compare = |format: &str| {
        let arguments = ["compare", &a, &b, "--root", &root, "--format", format];
        with_cache(cache.path(), &arguments).output().unwrap()
    };
    let report = json(&compare("json"));
    let number = |value: &Value| value.as_f64().unwrap();
    let centered = &report["centered"];
    let pairs = centered["pairs"].as_array().unwrap().iter();
    let sum: f64 = pairs.flat_map(|row| row.as_array().unwrap()).map(number).sum();
    assert!((sum - number(&centered["cosine"])).abs() < 1e-4);
    let common = number(&centered["common"]);
    let own = number(&centered["own_length"]) * number(&centered["cosine"]);
    assert!((common + own - number(&report["cosine"])).abs() < 1e-4);
    let known = |side: &str| (centered[side]["language"].clone(), centered[side]["known"].clone());
    assert_eq!(known("a"), ("python".into(), true.into()));
    // The centered cosine is the score of `fovea similar`.
    let similar = [
        "similar",
        &a,
        "--root",
        &root,
        "--threshold",
        "0",
        "--language",
        "javascript",
        "--format",
        "json",
    ];
    let similar = json(&with_cache(cache.path(), &similar).output().unwrap());
    let score = number(&similar[0]["similar"][0]["score"]);
    assert!(
        (score - number(&centered["similarity"])).abs() < 2e-3,
        "{score} {centered}"
    );
    for (format, title) in [("terminal", "centered cosine"), ("markdown", "**centered cosine")] {
        let shown = stdout(&compare(format));
        assert!(
            shown.contains(title) && shown.contains("is common to the language (python, javascript)"),
            "{shown}"
        );
    }
}
