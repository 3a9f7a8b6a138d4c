//! `fovea evaluate` and `fovea explain --trust`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{fovea, json, refusal};

const SAMPLE: &str = "tests/fixtures/segments/sample.py";

fn evaluate(cache: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    command
        .arg("evaluate")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("FOVEA_MODEL")
        .env("FOVEA_CACHE_DIR", cache)
        .stdin(Stdio::null());
    command
}

fn measured(cache: &Path, more: &[&str]) -> Output {
    let arguments = [
        "--units",
        "3",
        "--format",
        "json",
        "--methods",
        "decomposition,attention,leave-one-out,random",
    ];
    evaluate(cache, &[&arguments[..], more].concat()).output().unwrap()
}

/// The results file in a cache folder.
fn kept(cache: &Path) -> Option<PathBuf> {
    let mut files = std::fs::read_dir(cache.join("evaluations")).ok()?;
    Some(files.next()?.unwrap().path())
}

#[test]
fn methods_score_above_chance_and_known_results_are_not_measured_again() {
    let cache = tempfile::tempdir().unwrap();
    let first = json(&measured(cache.path(), &[SAMPLE]));
    assert_eq!(
        (&first["model"], &first["units"]),
        (&"all-MiniLM-L6-v2".into(), &3.into())
    );
    let rows = first["methods"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    let row = |name: &str| rows.iter().find(|row| row["method"] == name).unwrap();
    let number = |name: &str, key: &str| row(name)[key].as_f64().unwrap();
    assert_eq!(rows[3]["method"], "random", "{first}");
    assert!(number("decomposition", "comprehensiveness") > 2.0 * number("random", "comprehensiveness"));
    assert!(number("decomposition", "sufficiency") < number("random", "sufficiency"));
    assert!((number("leave-one-out", "tau_loo") - 1.0).abs() < 1e-6);
    let [low, high] = [0, 1].map(|end| row("decomposition")["interval"][end].as_f64().unwrap());
    assert!((low..=high).contains(&number("decomposition", "comprehensiveness")));
    assert_eq!(row("decomposition")["survives_random_weights"], false, "{first}");

    // Equal times show that nothing was measured again. The unfinished line of a killed process is skipped.
    let file = kept(cache.path()).unwrap();
    let mut text = std::fs::read_to_string(&file).unwrap();
    text += "{\"unit\":\"0123\",\"measu";
    assert!(!text.contains("import"), "no text is kept");
    std::fs::write(&file, text).unwrap();
    assert_eq!(json(&measured(cache.path(), &[SAMPLE])), first);
    assert_ne!(json(&measured(cache.path(), &["--again", SAMPLE])), first);
}

#[test]
fn slow_methods_are_measured_on_the_requested_number_of_units() {
    let cache = tempfile::tempdir().unwrap();
    let arguments = [
        "--units",
        "3",
        "--slow-units",
        "1",
        "--sensitivity",
        "--format",
        "json",
        SAMPLE,
    ];
    let methods = ["--methods", "decomposition,globenc,shap,random"];
    let table = json(
        &evaluate(cache.path(), &[&arguments[..], &methods].concat())
            .output()
            .unwrap(),
    );
    let rows = table["methods"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["method"] == name).unwrap();
    let units = |name: &str| row(name)["units"].as_u64().unwrap();
    assert_eq!((units("shap"), units("globenc"), units("random")), (1, 3, 3), "{table}");
    // Only this unit is measured with random weights and small edits; all units are measured with soft erasure.
    let number = |name: &str, key: &str| row(name)[key].as_f64().unwrap();
    assert!(number("decomposition", "sensitivity") > 0.0 && number("decomposition", "random_weights") < 0.5);
    assert!(number("decomposition", "soft_comprehensiveness") > number("random", "soft_comprehensiveness"));
    assert!(number("decomposition", "deletion_area") > number("random", "deletion_area"));
    let agreement = table["agreement"]["tau"].as_array().unwrap();
    assert_eq!((agreement.len(), agreement[0][0].as_f64()), (4, Some(1.0)), "{table}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_evaluation_shows_what_it_measured_and_goes_on_from_there() {
    let cache = tempfile::tempdir().unwrap();
    let all = [
        "--units",
        "500",
        "--no-random-weights",
        "--format",
        "json",
        "tests/fixtures/segments",
        "docs",
    ];
    let child = evaluate(cache.path(), &all)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = std::time::Instant::now();
    while kept(cache.path()).is_none_or(|file| std::fs::metadata(file).unwrap().len() < 200) {
        assert!(start.elapsed().as_secs() < 120, "nothing was measured");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert!(
        line.contains("stopped after") && line.contains("goes on from there"),
        "{line}"
    );
    // What was measured is shown.
    let table: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (units, wanted) = (table["units"].as_u64().unwrap(), table["wanted"].as_u64().unwrap());
    assert!(units > 0 && units < wanted, "{units} of {wanted}");
    assert_eq!(table["methods"][0]["units"], units, "{table}");
}

#[test]
fn invalid_input_of_evaluate_gets_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let short = folder.path().join("short.txt");
    std::fs::write(&short, "Too few words.\n").unwrap();
    let short = short.to_str().unwrap();
    for (arguments, code, says) in [
        (&["evaluate", SAMPLE, "--methods", "vibes"][..], 2, "no such method"),
        (&["evaluate", SAMPLE, "--units", "0"], 2, "--units 0"),
        (&["evaluate", SAMPLE, "--target", "logit"], 2, "does not predict tokens"),
        (&["evaluate", "no such file"], 1, "no such file"),
        (&["evaluate", short, "--methods", "random"], 1, "no unit"),
    ] {
        let line = refusal(&fovea(arguments, b""), code);
        assert!(line.contains(says), "{line}");
    }
}

#[test]
fn an_explanation_of_a_unit_is_judged_against_random_words() {
    let judged = |arguments: &[&str]| {
        json(&fovea(
            &[&["explain"], arguments, &["--trust", "--format", "json"]].concat(),
            b"",
        ))
    };
    let one = judged(&["tests/fixtures/segments/sample.py:42"]);
    let [unit] = &one.as_array().unwrap()[..] else {
        panic!("{one}")
    };
    assert_eq!(
        (&unit["deleted"], &unit["sets"], &unit["method"]),
        (&5.into(), &40.into(), &"decomposition".into())
    );
    assert!(unit["ratio"].as_f64().unwrap() > 1.5, "{unit}");
    assert!(
        unit["sentence"]
            .as_str()
            .unwrap()
            .starts_with("Removing the five most telling words changes the embedding")
    );
    // The random sets are the same for the same text.
    let numbers = |one: &Value| ["marked", "random", "beats"].map(|key| one[0][key].clone());
    assert_eq!(
        numbers(&judged(&["tests/fixtures/segments/sample.py:42"])),
        numbers(&one)
    );
    let all = judged(&["tests/fixtures/segments/sample.py"]);
    assert!(all.as_array().unwrap().len() > 5);
    let line = refusal(
        &fovea(&["explain", "tests/fixtures/segments/sample.py:9999", "--trust"], b""),
        1,
    );
    assert!(line.contains("line 9999 has no text"), "{line}");
}

#[test]
fn a_comparison_and_an_answer_are_judged_against_random_words() {
    let sides = [
        "tests/fixtures/segments/sample.py:42",
        "tests/fixtures/segments/sample.py:10",
    ];
    let compared = json(&fovea(
        &[&["compare"][..], &sides, &["--trust", "--format", "json"]].concat(),
        b"",
    ));
    assert_eq!(compared["target"], "similarity");
    assert!(compared["ratio"].as_f64().unwrap() > 1.5, "{compared}");
    let told = fovea(&[&["compare"][..], &sides, &["--trust"]].concat(), b"");
    assert!(String::from_utf8_lossy(&told.stdout).contains("lowers the similarity"));

    let asked = [
        "ask",
        "Which pooling does a folder without 1_Pooling/config.json get?",
        "docs/models.md",
        "--trust",
    ];
    let answered = json(&fovea(&[&asked[..], &["--format", "json"]].concat(), b""));
    let trust = &answered[0]["trust"];
    assert_eq!(trust["target"], "answer", "{answered}");
    assert!(trust["sets"].as_u64().unwrap() >= 10 && trust["sentence"].as_str().unwrap().starts_with("Removing"));
    refusal(&fovea(&[&asked[..], &["--method", "lime"]].concat(), b""), 2);
}
