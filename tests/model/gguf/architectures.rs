//! GGUF files of each architecture against folders with the same weights.

use super::converted::case;
use super::*;

const CASES: [&str; 15] = [
    "llama",
    "llama3-rope",
    "qwen2-tied",
    "qwen3",
    "phi3",
    "phi3-longrope",
    "gemma2",
    "gemma3",
    "gpt2",
    "gpt-neox",
    "gpt-neox-sequential",
    "bert",
    "nomic-bert",
    "t5",
    "t5-gated",
];

#[test]
fn a_file_of_each_architecture_computes_what_its_folder_does() {
    for name in CASES {
        let (case, tensors) = case(name);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gguf");
        write(&path, &case.metadata, &quantized(tensors, GgmlDType::F32));
        let file = network(&Source::File(path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = case.folder_network();
        assert_eq!(file.spec.window, expected.spec.window, "{name}");
        let off = apart(&expected, &file, name.starts_with("t5"));
        assert!(off < 1e-5, "{name}: off by {off}");
    }
}
