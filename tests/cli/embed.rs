//! `fovea embed`.

use super::{fovea, refusal, stdout};

#[test]
fn embed_writes_one_unit_vector_per_line_in_order() {
    let texts = ["hello world", "goodbye", "hello world"];
    let input: String = texts
        .iter()
        .map(|text| serde_json::to_string(text).unwrap() + "\n")
        .collect();
    let output = stdout(&fovea(&["embed", "--plain"], input.as_bytes()));
    let vectors: Vec<Vec<f64>> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(vectors.len(), 3);
    assert_eq!(vectors[0], vectors[2]);
    assert_ne!(vectors[0], vectors[1]);
    for vector in &vectors {
        assert_eq!(vector.len(), 384);
        assert!((vector.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-5);
    }
    let line = refusal(&fovea(&["embed"], b"\"fine\"\nnot json\n"), 1);
    assert!(line.contains("line 2: not a JSON string"), "{line}");
}

#[test]
fn embed_reads_identifiers_as_words_unless_plain() {
    let embed = |arguments: &[&str], text: &str| -> Vec<f64> {
        let input = serde_json::to_string(text).unwrap();
        serde_json::from_str(stdout(&fovea(arguments, input.as_bytes())).trim()).unwrap()
    };
    let code = ["embed", "--language", "rust"];
    assert_eq!(embed(&code, "parseHTTPConfig"), embed(&code, "parse http config"));
    let plain = ["embed", "--plain", "--language", "rust"];
    assert_ne!(embed(&plain, "parseHTTPConfig"), embed(&plain, "parse http config"));
}
