//! The precision of the compressed embedded weights, and folders that loading refuses.

use std::path::{Path, PathBuf};

use fovea::model::{LoadError, Model, ModelInfo, Packed, Source, TraceLevel, UNSTOPPED, verify};

use super::{cosine, embedded, f32_model, pairs};

/// Texts of one to forty lines from this repository's files, and sentences in several languages and scripts.
fn varied_texts() -> Vec<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("src"), root.join("tests"), root.join("editors")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            match path.is_dir() {
                true => folders.push(path),
                false => files.extend(std::fs::read_to_string(path)),
            }
        }
    }
    let mut texts: Vec<String> = [
        "我爱编程",
        "Ich liebe Programmieren.",
        "J'adore la programmation.",
        "プログラミングが大好きです。",
        "Привет, мир!",
        "🎉 released 🎉",
        "3.14159 2.71828 1.41421",
        "a",
        "TODO",
        "{}",
        "SELECT id FROM users WHERE name = 'x'",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut size = 1;
    for file in &files {
        let lines: Vec<&str> = file.lines().collect();
        let mut at = 0;
        while at < lines.len() && texts.len() < 2000 {
            let text = lines[at..(at + size).min(lines.len())].join("\n");
            if !text.trim().is_empty() {
                texts.push(text);
            }
            at += size;
            size = size % 40 + 1;
        }
    }
    let step = (texts.len() / 500).max(1);
    texts.into_iter().step_by(step).take(500).collect()
}

#[test]
#[ignore = "needs the f32 model in FOVEA_F32_MODEL"]
fn embedded_weights_keep_the_embedding_of_five_hundred_varied_texts() {
    let original = f32_model();
    let ours = embedded();
    let embed = |model: &Model, ids: &[Vec<u32>]| -> Vec<Vec<f32>> {
        let batch = Packed::new(ids.iter().map(Vec::as_slice));
        let traces = model
            .encoder()
            .forward(&batch, TraceLevel::LastHidden, UNSTOPPED)
            .unwrap();
        traces.iter().map(|trace| model.pool(trace).unwrap()).collect()
    };
    let texts = varied_texts();
    assert_eq!(texts.len(), 500);
    let mut lowest = 1f32;
    for texts in texts.chunks(20) {
        let read = |text: &String| {
            let mut ids = original.tokenize(text, fovea::text::Language::Prose).unwrap().ids;
            ids.truncate(original.window());
            ids
        };
        let ids: Vec<Vec<u32>> = texts.iter().map(read).collect();
        let both: Vec<_> = pairs(embed(&original, &ids), embed(&ours, &ids)).collect();
        for (text, (a, b)) in pairs(texts, both) {
            let found = cosine(&a, &b);
            assert!(found >= 0.9995, "{found} on {text:?}");
            lowest = lowest.min(found);
        }
    }
    eprintln!("lowest cosine of 500: {lowest}");
}

#[test]
fn the_embedded_files_are_those_whose_hashes_are_recorded() {
    let checks = verify(&Source::EMBEDDED).unwrap();
    assert!(checks.iter().any(|check| check.file == "model.gguf"));
    for check in checks.iter().filter(|check| check.file != "sha256.json") {
        assert!(check.expected.is_some() && check.holds(), "{check:?}");
    }
}

#[test]
fn the_assets_folder_loads_as_a_model_folder_with_the_same_identity() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/all-MiniLM-L6-v2");
    let model = Model::load(&Source::Folder(folder)).unwrap();
    // Only the embedded model has the multilingual model beside it.
    let embedded = ModelInfo {
        multilingual: None,
        ..embedded().info().clone()
    };
    assert_eq!(*model.info(), embedded);
    assert_eq!(
        (model.info().layers, model.info().heads, model.hidden(), model.window()),
        (6, 12, 384, 256)
    );
}

/// Loads a copy of the tiny model after `change`.
fn changed(change: impl FnOnce(&Path)) -> Result<Model, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-multilingual");
    for entry in std::fs::read_dir(&original).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    change(folder.path());
    Model::load(&Source::Folder(folder.path().to_owned()))
}

fn message(result: Result<Model, LoadError>) -> String {
    result.err().expect("the model loaded").to_string()
}

#[test]
fn a_missing_folder_is_named() {
    let error = message(Model::load(&Source::Folder("no/such/folder".into())));
    assert!(error.starts_with("no/such/folder: no such folder"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = message(changed(|folder| {
        std::fs::remove_file(folder.join("tokenizer.json")).unwrap()
    }));
    assert!(error.contains("tokenizer.json is missing"), "{error}");
    let error = message(changed(|folder| {
        std::fs::remove_file(folder.join("model.safetensors")).unwrap()
    }));
    assert!(error.contains("model.safetensors is missing"), "{error}");
}

#[test]
fn truncated_weights_are_refused_at_any_length() {
    for keep in [0, 4, 8, 100, 3000, 50_000] {
        let error = message(changed(|folder| {
            let path = folder.join("model.safetensors");
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..keep]).unwrap();
        }));
        assert!(error.contains("damaged or incomplete"), "{keep}: {error}");
    }
}

#[test]
fn weights_with_a_monstrous_header_are_refused() {
    let error = message(changed(|folder| {
        std::fs::write(folder.join("model.safetensors"), u64::MAX.to_le_bytes()).unwrap();
    }));
    assert!(error.contains("damaged or incomplete"), "{error}");
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let error = message(changed(|folder| {
        let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/all-MiniLM-L6-v2/tokenizer.json");
        std::fs::copy(other, folder.join("tokenizer.json")).unwrap();
    }));
    assert!(error.contains("different models"), "{error}");
}

#[test]
fn files_that_are_not_json_are_named() {
    for file in ["config.json", "tokenizer.json"] {
        let error = message(changed(|folder| std::fs::write(folder.join(file), b"\xff{").unwrap()));
        assert!(error.contains(file), "{error}");
    }
}

#[test]
fn a_configuration_that_does_not_fit_the_weights_names_the_tensor() {
    let error = message(changed(|folder| {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            path,
            text.replace("\"intermediate_size\": 64", "\"intermediate_size\": 65"),
        )
        .unwrap();
    }));
    assert!(error.contains("intermediate.dense.weight"), "{error}");
}

#[test]
fn an_architecture_fovea_does_not_run_is_named() {
    let error = message(changed(|folder| {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            path,
            text.replace("\"model_type\": \"bert\"", "\"model_type\": \"mamba\""),
        )
        .unwrap();
    }));
    assert!(error.contains("mamba"), "{error}");
}
