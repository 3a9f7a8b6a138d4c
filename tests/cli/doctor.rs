//! `fovea doctor` and `fovea model verify`.

use std::path::Path;
use std::process::Command;

use super::{NO_CACHE, fovea, json, stdout};

#[test]
fn doctor_and_verify_find_the_embedded_model_sound() {
    let doctor = stdout(&fovea(&["doctor"], b""));
    assert!(
        doctor.contains("all is well") && doctor.contains("results: none kept yet"),
        "{doctor}"
    );
    assert!(!Path::new(env!("CARGO_MANIFEST_DIR")).join(NO_CACHE).exists());
    assert!(stdout(&fovea(&["model", "verify"], b"")).contains("as recorded"));
    let info = json(&fovea(&["model", "info", "--format", "json"], b""));
    assert_eq!(
        (info["layers"].as_u64(), info["heads"].as_u64(), info["hidden"].as_u64()),
        (Some(6), Some(12), Some(384))
    );
}

#[test]
fn doctor_names_a_broken_model_and_exits_with_one() {
    let output = fovea(&["doctor", "--model", "src"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("config.json is missing"));
}

#[test]
fn doctor_names_damaged_results_and_leaves_them_to_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.sqlite");
    std::fs::write(&file, "no database").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .arg("doctor")
        .env("FOVEA_CACHE_DIR", folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = String::from_utf8(output.stdout).unwrap();
    let line = lines.lines().find(|line| line.starts_with("! results: ")).unwrap();
    assert!(line.contains("is damaged") && line.contains("results.sqlite"), "{line}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "no database");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
