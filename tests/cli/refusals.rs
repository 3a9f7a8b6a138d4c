//! Input that every command refuses, and the errors.

use serde_json::Value;

use super::{fovea, refusal, tiny_model};

#[test]
fn bad_input_is_refused_in_one_line_that_says_what_and_where() {
    let line = refusal(&fovea(&["explain", "no/such/file.rs"], b""), 1);
    assert!(
        line.starts_with("fovea: no/such/file.rs:") && line.lines().count() == 1,
        "{line}"
    );
    let line = refusal(&fovea(&["explain", "-"], b"ok\nbroken \xff here"), 1);
    assert!(
        line.contains("byte 10") && line.contains("UTF-8") && line.lines().count() == 1,
        "{line}"
    );
    let line = refusal(&fovea(&["explain", "-"], b"a\0b"), 1);
    assert!(line.contains("NUL") && line.lines().count() == 1, "{line}");
    let line = refusal(&fovea(&["explain", "-"], "word ".repeat(10_000_000).as_bytes()), 1);
    assert!(
        line.contains("more than 4000000 bytes") && line.lines().count() == 1,
        "{line}"
    );
    let line = refusal(&fovea(&["explain", "-"], "x=1;".repeat(500_000).as_bytes()), 1);
    assert!(
        line.to_lowercase().contains("line") && line.lines().count() == 1,
        "{line}"
    );
    let line = refusal(&fovea(&["explain", "src/main.rs", "--model", "no/such/model"], b""), 1);
    assert!(line.contains("no/such/model: no such folder"), "{line}");
}

#[test]
fn wrong_usage_is_exit_code_two() {
    for arguments in [
        &["explain"][..],
        &["explain", "src/main.rs", "--method", "guess"],
        &["explain", "src/main.rs", "--language", "klingon"],
        &["explain", "src/main.rs", "--layer", "1"],
        &["explain", "src/main.rs", "--method", "attention", "--head", "12"],
        &["compare", "--text", "one"],
        &["compare", "src/main.rs:99999", "--text", "one"],
        &["bench", "--shapes", "huge"],
        &["bench", "--threads", "0"],
        &["bench", "--edit", "--lines", "5"],
        &["bench", "--edit", "--edits", "0"],
        &["bench", "--lines", "100"],
        &["frobnicate"],
    ] {
        let line = refusal(&fovea(arguments, b""), 2);
        assert!(!line.is_empty());
    }
}

#[test]
fn weights_that_are_not_finite_end_every_command_with_an_error_and_no_report() {
    let folder = tiny_model("model.safetensors", |bytes| {
        let last = bytes.len() - 4;
        bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    let model = folder.path().to_str().unwrap();
    for (command, input) in [
        (vec!["explain", "src/main.rs"], ""),
        (vec!["embed"], "\"hello\"\n"),
        (vec!["compare", "src/main.rs", "src/lib.rs"], ""),
    ] {
        let line = refusal(&fovea(&[command, vec!["--model", model]].concat(), input.as_bytes()), 1);
        assert!(line.contains("NaN or infinite") && line.contains("tensor `"), "{line}");
    }
    let output = fovea(&["doctor", "--model", model], b"");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.code() == Some(1) && !said.contains("all is well"),
        "{said}"
    );
}

#[test]
fn a_tokenizer_that_panics_is_an_error_in_one_line() {
    let folder = tiny_model("tokenizer.json", |bytes| {
        let mut json: Value = serde_json::from_slice(bytes).unwrap();
        json["pre_tokenizer"] = serde_json::json!({"type": "FixedLength", "length": 0});
        *bytes = serde_json::to_vec(&json).unwrap();
    });
    let line = refusal(
        &fovea(
            &["explain", "src/main.rs", "--model", folder.path().to_str().unwrap()],
            b"",
        ),
        1,
    );
    assert!(
        line.contains("tokenizer.json") && line.trim_end().lines().count() == 1,
        "{line}"
    );
}
