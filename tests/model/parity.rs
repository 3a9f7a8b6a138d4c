//! Hidden states, attention maps and embeddings of the f32 model against PyTorch (`tests/reference/golden.py`).

use candle_core::Tensor;
use fovea::model::{Model, Packed, Trace, TraceLevel, UNSTOPPED, largest};
use fovea::text::Language;

use super::{f32_model, normalize, pairs};

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    embedding: Vec<f32>,
    hidden: Vec<Vec<f32>>,
    attention: Vec<Vec<Vec<f32>>>,
}

fn golden() -> Vec<Golden> {
    serde_json::from_str(include_str!("../reference/golden.json")).unwrap()
}

/// The same indices as `picks` in tests/reference/golden.py.
pub(super) fn picks(count: usize, size: usize) -> Vec<usize> {
    let mut state = 12345u64;
    let mut next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((state >> 33) % size as u64) as usize
    };
    (0..count).map(|_| next()).collect()
}

/// The largest difference between sampled entries of a tensor and PyTorch's.
fn furthest(tensor: &Tensor, expected: &[f32]) -> f32 {
    let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    assert!(!expected.is_empty());
    let places = picks(expected.len(), values.len());
    let sampled = pairs(places, expected);
    largest(sampled.map(|(place, expected)| (values[place] - expected).abs()))
}

fn check(model: &Model, trace: &Trace, golden: &Golden) {
    let context = || format!("text of {} tokens: {:.40}", golden.ids.len(), golden.text);
    assert_eq!(trace.len(), golden.ids.len());
    // Hidden states are the inputs of all layers and the output of the last one.
    assert_eq!(golden.hidden.len(), trace.layers.len() + 1);
    assert_eq!(golden.attention.len(), trace.layers.len());
    for (layer, expected) in golden.hidden.iter().enumerate() {
        let hidden = trace.layers.get(layer).map_or(&trace.hidden, |layer| &layer.input);
        assert!(
            furthest(hidden, expected) < 1e-4,
            "hidden state {layer} of {}",
            context()
        );
    }
    for (layer, heads) in golden.attention.iter().enumerate() {
        for (head, expected) in heads.iter().enumerate() {
            let map = trace.layers[layer].attention.get(head).unwrap();
            assert!(
                furthest(&map, expected) < 1e-4,
                "layer {layer} head {head} of {}",
                context()
            );
        }
    }
    let embedding = normalize(&model.pool(trace).unwrap());
    let off = largest(pairs(&embedding, &golden.embedding).map(|(a, b)| (a - b).abs()));
    assert!(off < 1e-5, "embedding of {}", context());
}

#[test]
#[ignore = "needs the f32 model in FOVEA_F32_MODEL"]
fn every_layer_and_head_equals_pytorch_one_text_at_a_time() {
    let model = f32_model();
    for golden in golden() {
        let batch = Packed::new([golden.ids.as_slice()]);
        let traces = model.encoder().forward(&batch, TraceLevel::Layers, UNSTOPPED).unwrap();
        check(&model, &traces[0], &golden);
    }
}

#[test]
#[ignore = "needs the f32 model in FOVEA_F32_MODEL"]
fn every_layer_and_head_equals_pytorch_packed_together() {
    let model = f32_model();
    let golden = golden();
    let batch = Packed::new(golden.iter().map(|golden| golden.ids.as_slice()));
    let traces = model.encoder().forward(&batch, TraceLevel::Layers, UNSTOPPED).unwrap();
    for (trace, golden) in pairs(&traces, &golden) {
        check(&model, trace, golden);
    }
}

#[test]
fn neighbors_in_a_batch_never_change_a_result() {
    let model = super::embedded();
    let golden = golden();
    let packed = Packed::new(golden.iter().map(|golden| golden.ids.as_slice()));
    let together = model.encoder().forward(&packed, TraceLevel::Layers, UNSTOPPED).unwrap();
    for (together, golden) in pairs(&together, &golden) {
        let alone = Packed::new([golden.ids.as_slice()]);
        let alone = model
            .encoder()
            .forward(&alone, TraceLevel::LastHidden, UNSTOPPED)
            .unwrap();
        let difference = (&alone[0].hidden - &together.hidden).unwrap().abs().unwrap();
        let off = largest(difference.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        assert!(off < 1e-5, "{off} on {:.40}", golden.text);
    }
}

#[test]
#[ignore = "needs the f32 model in FOVEA_F32_MODEL"]
fn plain_reading_gives_the_token_ids_of_the_reference_pipeline() {
    let model = f32_model();
    let model = model.identifier_aware(false);
    for golden in golden() {
        let ours = model.tokenize(&golden.text, Language::Rust).unwrap().ids;
        // The reference cuts at 256 tokens; Fovea never cuts.
        let (kept, end) = golden.ids.split_at(golden.ids.len() - 1);
        assert!(ours.len() >= golden.ids.len(), "{:.40}", golden.text);
        assert_eq!(&ours[..kept.len()], kept, "{:.40}", golden.text);
        assert_eq!(ours.last(), end.last());
    }
}

/// Every entry of every hidden state and attention map.
#[test]
#[ignore = "needs the file that `golden.py --full` wrote in FOVEA_GOLDEN_FULL"]
fn every_entry_equals_pytorch_when_the_full_file_is_there() {
    let (file, model) = (std::env::var_os(super::GOLDEN_FULL).unwrap(), f32_model());
    let full = candle_core::safetensors::load(file, &candle_core::Device::Cpu).unwrap();
    let mut furthest = 0f32;
    for (index, golden) in golden().iter().enumerate() {
        let batch = Packed::new([golden.ids.as_slice()]);
        let trace = model
            .encoder()
            .forward(&batch, TraceLevel::Layers, UNSTOPPED)
            .unwrap()
            .remove(0);
        let mut off = |ours: &Tensor, name: String| {
            let difference = (ours - &full[&name]).unwrap().abs().unwrap().flatten_all().unwrap();
            let off = largest(difference.to_vec1::<f32>().unwrap());
            assert!(off < 1e-4, "{name}: {off}");
            furthest = largest([furthest, off]);
        };
        for (layer, found) in trace.layers.iter().enumerate() {
            off(&found.input, format!("{index}.hidden.{layer}"));
            off(&found.attention, format!("{index}.attention.{layer}"));
        }
        off(&trace.hidden, format!("{index}.hidden.{}", trace.layers.len()));
    }
    eprintln!("largest difference of any entry: {furthest:e}");
}

#[test]
#[ignore = "needs the f32 model in FOVEA_F32_MODEL"]
fn published_numbers_of_the_model_are_met() {
    let model = f32_model();
    let model = model.identifier_aware(false);
    let embed = |text: &str| {
        let tokens = model.tokenize(text, Language::Prose).unwrap();
        let batch = Packed::new([tokens.ids.as_slice()]);
        model
            .pool(
                &model
                    .encoder()
                    .forward(&batch, TraceLevel::LastHidden, UNSTOPPED)
                    .unwrap()[0],
            )
            .unwrap()
    };
    let cosine = |a: &str, b: &str| super::cosine(&embed(a), &embed(b));
    let near = |found: f32, expected: f32| assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    // sentence-transformers, quickstart
    let weather = [
        "The weather is lovely today.",
        "It's so sunny outside!",
        "He drove to the stadium.",
    ];
    near(cosine(weather[0], weather[1]), 0.6660);
    near(cosine(weather[0], weather[2]), 0.1046);
    near(cosine(weather[1], weather[2]), 0.1411);
    // sentence-transformers, semantic textual similarity
    near(cosine("The new movie is awesome", "The new movie is so great"), 0.8939);
    near(cosine("The cat sits outside", "The dog plays in the garden"), 0.2838);
    // text-embeddings-inference, test_bert__bert_single.snap: it is not normalized and has length 7.5809. PyTorch's first value is
    // -0.590237, so the test compares the snapshot at unit length, as `embed` writes it.
    let deep = normalize(&embed("What is Deep Learning?"));
    for (found, expected) in deep
        .into_iter()
        .zip([-0.59059864, -0.25252345, 0.14972475, 0.05487579, -0.11783009])
    {
        near(found, expected / 7.5809);
    }
    // fastembed, test_text_onnx_embeddings.py
    for (found, expected) in normalize(&embed("hello world"))
        .into_iter()
        .zip([-0.034478, 0.03102, 0.00673, 0.02611, -0.039362])
    {
        near(found, expected);
    }
    // fastembed-rs, tests/text-embeddings.rs
    near(normalize(&embed("Hello, World!")).iter().sum(), 0.59605527);
}
