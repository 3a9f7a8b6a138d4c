//! `fovea bench`.

use super::{fovea, json};

#[test]
fn bench_measures_a_server_as_its_editor() {
    let report = json(&fovea(
        &["bench", "--edit", "--lines", "100", "--edits", "1", "--json"],
        b"",
    ));
    assert_eq!(report["debounce_ms"], 250.0);
    assert!(!report["model"].as_str().unwrap().is_empty());
    let row = &report["edit"][0];
    assert_eq!((row["lines"].as_u64(), row["edits"].as_u64()), (Some(100), Some(1)));
    assert!(row["units"].as_u64().unwrap() > 5 && row["ratio"] == 1.0);
    for key in [
        "p50_ms",
        "p99_ms",
        "hover_p99_ms",
        "highlight_p99_ms",
        "lens_p99_ms",
        "first_heat_ms",
    ] {
        assert!(row[key].as_f64().unwrap() > 0.0, "{key}: {row}");
    }
}

#[test]
fn bench_writes_medians_per_shape() {
    let report = json(&fovea(
        &["bench", "--shapes", "1x8,2x16", "--threads", "1", "--json"],
        b"",
    ));
    assert_eq!(report["threads"], 1);
    let rows = report["results"].as_array().unwrap();
    assert_eq!(
        (rows[1]["batch"].as_u64(), rows[1]["length"].as_u64()),
        (Some(2), Some(16))
    );
    for row in rows {
        for figure in ["forward_ms", "attention_ms", "explain_ms"] {
            assert!(row[figure].as_f64().unwrap() > 0.0);
        }
    }
}
