//! Writes what fuzzing starts from: `corpus/TARGET/…`, made of the fixtures of the program's tests.

mod writer;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
use candle_core::{Device, Tensor};
use fovea_fuzz::{CONFIG_FILES, fixtures};

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder).expect("the corpus can be written");
        fs::write(folder.join(name), bytes).expect("the corpus can be written");
    };
    let models: Vec<PathBuf> = ["tiny-sentence", "tiny-multilingual", "tiny-xlm-roberta"]
        .iter()
        .map(|name| fixtures().join(name))
        .collect();
    for (number, model) in models.iter().enumerate() {
        for (at, name) in CONFIG_FILES.iter().enumerate() {
            if let Ok(bytes) = fs::read(model.join(name)) {
                write(
                    "config",
                    &format!("{number}-{at}"),
                    &[&[at as u8], bytes.as_slice()].concat(),
                );
            }
        }
        write(
            "tokenizer",
            &number.to_string(),
            &fs::read(model.join("tokenizer.json")).expect("a fixture"),
        );
    }
    let index =
        br#"{"metadata": {"total_size": 1}, "weight_map": {"embeddings.word_embeddings.weight": "model.safetensors"}}"#;
    let at = CONFIG_FILES
        .iter()
        .position(|name| *name == "model.safetensors.index.json")
        .expect("is one of them");
    write("config", "index", &[&[at as u8], index.as_slice()].concat());

    let safetensors = fs::read(models[0].join("model.safetensors")).expect("a fixture");
    write("safetensors", "0", &safetensors);
    let tensors = candle_core::safetensors::load_buffer(&safetensors, &Device::Cpu).expect("a fixture");
    for format in [GgmlDType::F32, GgmlDType::F16, GgmlDType::Q8_0, GgmlDType::Q4_0] {
        write("gguf", &format!("{format:?}"), &gguf(&tensors, format));
    }

    for format in writer::FORMATS {
        write("quantized", &format!("{format:?}"), &writer::gguf(format));
    }

    for file in files(&fixtures().join("segments")) {
        let text = fs::read(&file).expect("a fixture");
        let name = file.file_name().expect("has a name").to_string_lossy().into_owned();
        write("decode", &name, &text);
        let language = fovea::text::Language::from_path(&file);
        if let Some(at) = fovea_fuzz::LANGUAGES.iter().position(|known| *known == language) {
            write("sources", &name, &[&[at as u8], text.as_slice()].concat());
            write("answers", &name, &fovea_fuzz::answer(&text, language));
        }
        let cell = serde_json::json!({"cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# A é\n", "b"]},
            {"cell_type": "code", "outputs": [], "source": String::from_utf8_lossy(&text)},
        ], "metadata": {"kernelspec": {"language": language.name(), "name": "x"}}, "nbformat": 4});
        write("notebook", &name, cell.to_string().as_bytes());
    }
    write("notebook", "old", br#"{"worksheets": [{"cells": [{"cell_type": "code", "input": ["%f\n", "\u00e9\ud83d\ude00"]}]}], "metadata": {"language_info": {"name": "R"}}}"#);

    let bodies = [
        r#"{"jsonrpc":"2.0","method":"a","id":1,"params":{"textDocument":{"uri":"file:///a/[b]/é"}}}"#,
        r#"{"jsonrpc":"2.0","id":"x","result":null}"#,
        r#"{"jsonrpc":"2.0","method":"b","params":["\ud83d"]}"#,
        "{",
        "[]",
    ];
    let frames: String = bodies
        .iter()
        .map(|body| format!("Content-Length: {}\r\n\r\n{body}", body.len()))
        .collect();
    write("frames", "all", frames.as_bytes());
    for (number, body) in bodies.iter().enumerate() {
        write(
            "frames",
            &number.to_string(),
            format!("Content-Type: x\ncontent-length:{}\n\n{body}", body.len()).as_bytes(),
        );
    }
    for (number, uri) in [
        "file:///p/%5Bid%5d/a%20b.rs",
        "file:///p/é 編|^\\.py",
        "file:///p/c#/what?.cs",
        "C:\\p\\a.py",
        "untitled:Untitled 1",
        "git:/p/a b.py?{\"path\":\"/p/a b.py\",\"ref\":\"~\"}",
        "view://a b:c/d#e f",
        "gitsigns:///p/.git//:0:bank.py",
        "vscode-notebook-cell:/p/study.ipynb#W0sZmlsZQ%3D%3D",
        "vscode-remote://ssh-remote+h/p/[a].py",
        "http://[::1]:80/a",
    ]
    .iter()
    .enumerate()
    {
        write("uris", &number.to_string(), uri.as_bytes());
    }
}

/// A GGUF file with these tensors, the matrices in a format as far as their width allows.
fn gguf(tensors: &HashMap<String, Tensor>, format: GgmlDType) -> Vec<u8> {
    let quantized: Vec<(&str, QTensor)> = tensors
        .iter()
        .map(|(name, tensor)| {
            let tensor = tensor.to_dtype(candle_core::DType::F32).expect("floats");
            let fits = tensor.dims().len() == 2 && tensor.dims()[1].is_multiple_of(format.block_size());
            let format = if fits { format } else { GgmlDType::F32 };
            (name.as_str(), QTensor::quantize(&tensor, format).expect("fits"))
        })
        .collect();
    let listed: Vec<(&str, &QTensor)> = quantized.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let name = gguf_file::Value::String("tiny".to_owned());
    let mut bytes = std::io::Cursor::new(Vec::new());
    gguf_file::write(&mut bytes, &[("general.name", &name)], &listed).expect("writes to memory");
    bytes.into_inner()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the fixtures are there");
    entries
        .map(|entry| entry.expect("the fixtures are there").path())
        .collect()
}
