//! The numbers of the page of `fovea view`: they equal PyTorch's, and each operation can be computed again from its inputs.

use std::path::Path;

use fovea::model::tape::HeadOff;
use fovea::model::{Model, Source, TraceLevel};
use fovea::text::{Language, Snapshot};
use fovea::view::edit::Edit;
use fovea::view::question::{Look, Question};
use fovea::view::{Answer, Explorer};
use serde_json::Value;

pub(super) fn explorer(source: &Source, text: &str) -> Explorer {
    let model = Model::interpreted(source).unwrap();
    Explorer::new(model, Snapshot::new(text, 0, Language::Prose), "text".to_owned()).unwrap()
}

pub(super) fn fixture(name: &str) -> Source {
    Source::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name))
}

pub(super) fn json(explorer: &Explorer, question: Question) -> Value {
    match explorer.answer(&question).unwrap() {
        Answer::Json(value) => value,
        Answer::Bytes(_) => panic!("{question} has an answer in bytes"),
    }
}

/// Decodes floats from base64.
pub(super) fn floats(value: &Value) -> Vec<f32> {
    let digits = value.as_str().unwrap().trim_end_matches('=').bytes();
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for digit in digits {
        let six = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        (bits, count) = (bits << 6 | u32::from(six), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    let numbers = bytes.chunks_exact(4);
    numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[track_caller]
fn near(a: f32, b: f32, what: &str) {
    assert!((a - b).abs() <= 2e-3 * (1.0 + b.abs()), "{what}: {a} and {b}");
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32
}

/// Computes every operation of a layer again from the page's data, and counts the operations.
fn compute_again(explorer: &Explorer, layer: usize, token: usize) -> usize {
    let answer = json(explorer, Question::Steps(0, Look::Reading, layer, token));
    let steps = answer["steps"].as_array().unwrap();
    let input = answer["input"]["id"].as_u64().unwrap();
    let value = |id: &Value| match id.as_u64().unwrap() == input {
        true => floats(&answer["input"]["value"]),
        false => floats(&steps.iter().find(|step| step["id"] == *id).unwrap()["value"]),
    };
    for step in steps {
        let y = floats(&step["value"]);
        let inputs: Vec<Vec<f32>> = step["inputs"].as_array().unwrap().iter().map(value).collect();
        let what = format!("{} of layer {layer}", step["role"]);
        let some = [0, y.len() / 2, y.len() - 1];
        match step["op"].as_str().unwrap() {
            "linear" => {
                for output in some {
                    let node = step["id"].as_u64().unwrap() as usize;
                    let row = json(explorer, Question::Row(0, node, output));
                    let bias = row["bias"].as_f64().unwrap() as f32;
                    near(dot(&inputs[0], &floats(&row["weights"])) + bias, y[output], &what);
                }
            }
            "norm" => {
                let (mean, inverse) = (&step["mean"].as_f64().unwrap(), &step["inverse"].as_f64().unwrap());
                let scale = floats(&step["scale"]);
                let shift = step["shift"].as_str().map(|_| floats(&step["shift"]));
                for at in some {
                    let shift = shift.as_ref().map_or(0.0, |shift| shift[at]);
                    near(
                        (inputs[0][at] - *mean as f32) * *inverse as f32 * scale[at] + shift,
                        y[at],
                        &what,
                    );
                }
            }
            "gate" => {
                let theta = floats(&step["theta"]);
                some.iter()
                    .for_each(|at| near(inputs[0][*at] * theta[*at], y[*at], &what));
            }
            "add" => {
                let sum = |at: usize| inputs.iter().map(|part| part[at]).sum();
                some.iter().for_each(|at| near(sum(*at), y[*at], &what));
            }
            "mix" => mix_again(explorer, layer, token, &y),
            other => panic!("unknown operation {other}"),
        }
    }
    steps.len()
}

/// Computes scores, softmax and weighted values of every head again.
fn mix_again(explorer: &Explorer, layer: usize, token: usize, mixed: &[f32]) {
    let heads = json(explorer, Question::Head(0, Look::Reading, layer, 0))["heads"]
        .as_u64()
        .unwrap() as usize;
    for number in 0..heads {
        let head = json(explorer, Question::Head(0, Look::Reading, layer, number));
        let (m, dim) = (
            head["m"].as_u64().unwrap() as usize,
            head["dim"].as_u64().unwrap() as usize,
        );
        let part = |name: &str, row: usize, width: usize| floats(&head[name])[row * width..(row + 1) * width].to_vec();
        let (q, scores, shares) = (
            part("q", token, dim),
            part("scores", token, m),
            part("probabilities", token, m),
        );
        let seen = head["seen"][token][0].as_u64().unwrap() as usize..head["seen"][token][1].as_u64().unwrap() as usize;
        let scale = head["scale"].as_f64().unwrap() as f32;
        let whole: f32 = seen.clone().map(|j| scores[j].exp()).sum();
        let mut out = vec![0f32; dim];
        for (j, (score, shown)) in super::pairs(&scores, &shares).enumerate() {
            if head["positions"] == false {
                near(dot(&q, &part("k", j, dim)) * scale, *score, "score");
            }
            let share = if seen.contains(&j) { score.exp() / whole } else { 0.0 };
            near(share, *shown, "share");
            out.iter_mut()
                .zip(part("v", j, dim))
                .for_each(|(sum, v)| *sum += shown * v);
        }
        let own = &mixed[number * dim..(number + 1) * dim];
        out.iter().zip(own).for_each(|(a, b)| near(*a, *b, "weighted values"));
    }
}

#[test]
fn every_operation_of_the_page_can_be_computed_again() {
    let mut sources = ["tiny-llama", "tiny-xlm-roberta", "tiny-multilingual"]
        .map(fixture)
        .to_vec();
    if fovea::model::embedded_available() {
        sources.push(Source::EMBEDDED);
    }
    for source in sources {
        let explorer = explorer(&source, "我爱编程 and a river");
        let unit = json(&explorer, Question::Unit(0));
        let layers = unit["layers"].as_u64().unwrap() as usize;
        assert!(layers >= 2, "{layers}");
        let last = unit["tokens"].as_array().unwrap().len() - 1;
        for layer in 0..layers {
            assert!(compute_again(&explorer, layer, last) >= 10);
        }
        compute_again(&explorer, 0, 1);
    }
}

#[test]
fn the_embedding_of_a_token_is_the_sum_that_the_page_shows() {
    let explorer = explorer(&fixture("tiny-xlm-roberta"), "hello river");
    let answer = json(&explorer, Question::Steps(0, Look::Reading, 0, 1));
    let embedding = &answer["embedding"];
    let parts: Vec<Vec<f32>> = embedding["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| floats(&part["value"]))
        .collect();
    assert_eq!(parts.len(), 3);
    let sum = floats(&embedding["sum"]);
    let (norm, input) = (&embedding["norm"], floats(&answer["input"]["value"]));
    let number = |name: &str| norm[name].as_f64().unwrap() as f32;
    let (scale, shift) = (floats(&norm["scale"]), floats(&norm["shift"]));
    for (at, whole) in sum.iter().enumerate() {
        near(parts.iter().map(|part| part[at]).sum(), *whole, "parts");
        let normed = (whole - number("mean")) * number("inverse") * scale[at] + shift[at];
        near(normed, input[at], "norm");
    }
    assert!(json(&explorer, Question::Steps(0, Look::Reading, 1, 1))["embedding"].is_null());
}

#[test]
fn shares_of_words_sum_to_one_after_every_layer() {
    let explorer = explorer(&fixture("tiny-llama"), "hello world, hello river");
    let through = json(&explorer, Question::Through(0));
    let (shares, n) = (floats(&through["shares"]), through["tokens"].as_u64().unwrap() as usize);
    assert_eq!(shares.len(), 4 * n);
    for layer in shares.chunks(n) {
        assert!((layer.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }
    let alti = json(&explorer, Question::Salience(0));
    let alti = alti["methods"]
        .as_array()
        .unwrap()
        .iter()
        .find(|method| method["name"] == "alti")
        .unwrap();
    let special = alti["special"].as_f64().unwrap();
    let words: f64 = alti["words"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_f64().unwrap())
        .sum();
    assert!((words + special - 1.0).abs() < 1e-4);
}

#[test]
fn the_embedding_without_a_word_is_that_of_the_other_tokens() {
    let explorer = explorer(&fixture("tiny-xlm-roberta"), "hello river world");
    let model = Model::interpreted(&fixture("tiny-xlm-roberta")).unwrap();
    let embed = |ids: &[u32]| {
        let batch = fovea::model::Packed::new([ids]);
        let keep = fovea::model::TraceLevel::LastHidden;
        let traces = model.encoder().forward(&batch, keep, fovea::model::UNSTOPPED).unwrap();
        model.pool(&traces[0]).unwrap()
    };
    let unit = json(&explorer, Question::Unit(0));
    let tokens = unit["tokens"].as_array().unwrap();
    let ids = |left_out: Option<u64>| -> Vec<u32> {
        let left = tokens
            .iter()
            .filter(|token| left_out.is_none() || token["word"].as_u64() != left_out);
        left.map(|token| token["id"].as_u64().unwrap() as u32).collect()
    };
    let whole = embed(&ids(None));
    for word in 0..3 {
        let rest = embed(&ids(Some(word)));
        let expected = 1.0 - super::cosine(&whole, &rest);
        let turned = json(&explorer, Question::Without(0, word as usize))["turned"]
            .as_f64()
            .unwrap();
        assert!(
            (turned - f64::from(expected)).abs() < 1e-5 && turned > 1e-6,
            "{turned} {expected}"
        );
    }
}

#[test]
fn questions_about_missing_parts_are_refused() {
    let explorer = explorer(&fixture("tiny-llama"), "hello");
    for question in [
        Question::Unit(7),
        Question::Attention(0, Look::Reading, 99),
        Question::Head(0, Look::Reading, 0, 99),
        Question::Steps(0, Look::Reading, 0, 999),
        Question::Steps(0, Look::Reading, 99, 0),
        Question::Row(0, 0, 0),
        Question::Row(0, 999_999_999, 0),
        Question::Row(0, 1, 999_999_999),
        Question::Pool(0, 999),
        Question::Without(0, 999),
    ] {
        let said = explorer.answer(&question).unwrap_err().to_string();
        assert!(said.starts_with("there is no "), "{question}: {said}");
    }
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../reference/view.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    let one = |value: &Value| value.as_f64().unwrap() as f32;
    match value.as_array() {
        Some(rows) => rows.iter().flat_map(numbers).collect(),
        None => vec![one(value)],
    }
}

/// A page about the text of the golden numbers; a decoder gets their target.
fn golden_page(name: &str, golden: &Value) -> Explorer {
    explorer(&fixture(name), golden["text"].as_str().unwrap()).with_target(golden["target"].as_str().map(str::to_owned))
}

#[test]
fn turning_a_head_off_equals_zeroing_its_columns_in_transformers() {
    let golden = golden();
    for case in golden["off"].as_array().unwrap() {
        let name = case["model"].as_str().unwrap();
        let model = Model::interpreted(&fixture(name)).unwrap();
        let network = model.network().unwrap();
        let ids: Vec<u32> = numbers(&golden["ids"]).into_iter().map(|id| id as u32).collect();
        let written: Vec<u32> = numbers(&golden["written"]).into_iter().map(|id| id as u32).collect();
        let edit = Edit::parse(case["off"].as_str().unwrap()).unwrap();
        let writing = name
            .ends_with("t5")
            .then(|| fovea::model::Packed::new([written.as_slice()]));
        let read = |off: &[HeadOff], keep| {
            let reading = fovea::model::Packed::new([ids.as_slice()]);
            network
                .read_without(&reading, writing.as_ref(), off, keep, fovea::model::UNSTOPPED)
                .unwrap()
        };
        let (read, whole) = (read(&edit.off, TraceLevel::Layers), read(&[], TraceLevel::LastHidden));
        for (found, expected) in super::pairs(read.hidden.iter().copied(), numbers(&case["hidden"])) {
            near(found, expected, name);
        }
        let turned = |a: &[f32], b: &[f32]| 1.0 - super::cosine(a, b);
        assert!(
            turned(&read.hidden, &whole.hidden) > 1e-3,
            "{name}: the head has no effect"
        );
        if let Some(logits) = case.get("logits") {
            let rows = read.written.as_ref().unwrap_or(&read.hidden);
            let width = network.spec.decoder.as_ref().unwrap_or(&network.spec.stack).hidden;
            let found = network.logits(&rows[rows.len() - width..]).unwrap().unwrap();
            for (found, expected) in super::pairs(found, numbers(logits)) {
                near(found, expected, name);
            }
        }
    }
}

#[test]
fn shares_of_a_model_with_heads_off_still_sum_to_one() {
    for (name, edit) in [
        ("tiny-xlm-roberta", "h0.1,h2.3,d1"),
        ("tiny-llama", "h1.0,r0.7269766572"),
    ] {
        let page = explorer(&fixture(name), "hello river world");
        let answer = json(&page, Question::WhatIf(0, Edit::parse(edit).unwrap()));
        let scores = &answer["salience"];
        let sum = numbers(&scores["words"]).iter().sum::<f32>()
            + numbers(&scores["special"])[0]
            + numbers(&scores["bias"])[0];
        assert!((sum - 1.0).abs() < 2e-3, "{name}: {sum}");
        assert!(
            answer["cosine"].as_f64().unwrap() < 0.9999,
            "{name}: the edit changed nothing"
        );
    }
}

#[test]
fn an_edit_changes_the_tokens_of_its_word_and_no_other() {
    let page = explorer(&fixture("tiny-masked"), "hello river world");
    let what_if = |edit: &str| json(&page, Question::WhatIf(0, Edit::parse(edit).unwrap()));
    let ids = |answer: &Value, not: Option<u64>| -> Vec<u64> {
        let tokens = answer["tokens"].as_array().unwrap().iter();
        let kept = tokens.filter(|token| not.is_none() || token["word"].as_u64() != not);
        kept.map(|token| token["id"].as_u64().unwrap()).collect()
    };
    let whole = what_if("-");
    assert!((whole["cosine"].as_f64().unwrap() - 1.0).abs() < 1e-6 && whole["outputs"].is_null());
    let deleted = what_if("d1");
    assert_eq!(ids(&deleted, None), ids(&whole, Some(1)));
    let turned = json(&page, Question::Without(0, 1))["turned"].as_f64().unwrap();
    assert!((1.0 - deleted["cosine"].as_f64().unwrap() - turned).abs() < 1e-6);
    let masked = what_if("m1");
    assert_eq!(ids(&masked, Some(1)), ids(&whole, Some(1)));
    assert_eq!(masked["outputs"]["kind"], "mask");
    let after = masked["outputs"]["rows"].as_array().unwrap().iter();
    let after: Vec<f64> = after.map(|row| row["after"].as_f64().unwrap()).collect();
    assert!(after.iter().all(|p| *p > 0.0) && after.iter().sum::<f64>() <= 1.0001);
    // Replacing a word by itself changes nothing.
    assert_eq!(ids(&what_if("r1.7269766572"), None), ids(&whole, None));
    let replaced = what_if("r1.68656c6c6f");
    assert_eq!(ids(&replaced, Some(1)), ids(&whole, Some(1)));
    assert_ne!(ids(&replaced, None), ids(&whole, None));
    for edit in ["d99", "h99.0", "h0.99", "x0.0"] {
        let said = page
            .answer(&Question::WhatIf(0, Edit::parse(edit).unwrap()))
            .unwrap_err();
        assert!(said.to_string().starts_with("there is no "), "{edit}: {said}");
    }
}

#[test]
fn classes_of_a_changed_text_are_those_of_the_classifier() {
    let page = explorer(&fixture("tiny-classifier"), "hello river world");
    let answer = json(&page, Question::WhatIf(0, Edit::parse("d1").unwrap()));
    assert_eq!(answer["outputs"]["kind"], "class");
    let rows = answer["outputs"]["rows"].as_array().unwrap();
    for side in ["before", "after"] {
        let sum: f64 = rows.iter().map(|row| row[side].as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{side} {sum}");
    }
    let network = std::sync::Arc::clone(
        Model::interpreted(&fixture("tiny-classifier"))
            .unwrap()
            .network()
            .unwrap(),
    );
    let ids: Vec<u32> = answer["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["id"].as_u64().unwrap() as u32)
        .collect();
    let batch = fovea::model::Packed::new([ids.as_slice()]);
    let read = network
        .read(&batch, None, TraceLevel::LastHidden, fovea::model::UNSTOPPED)
        .unwrap();
    let logits = network.logits(&read.hidden).unwrap().unwrap();
    let most = (0..logits.len())
        .max_by(|a, b| logits[*a].total_cmp(&logits[*b]))
        .unwrap();
    let whole: f32 = logits.iter().map(|logit| (logit - logits[most]).exp()).sum();
    near(
        rows[0]["after"].as_f64().unwrap() as f32,
        1.0 / whole,
        "the most probable class",
    );
}

#[test]
fn the_logit_lens_is_that_of_transformers() {
    let golden = golden();
    for case in golden["lens"].as_array().unwrap() {
        let name = case["model"].as_str().unwrap();
        let page = golden_page(name, &golden);
        let look = if name.ends_with("t5") {
            Look::Writing
        } else {
            Look::Reading
        };
        let answer = json(&page, Question::Lens(0, look, case["token"].as_u64().unwrap() as usize));
        let layers = answer["layers"].as_array().unwrap();
        for (layer, expected) in super::pairs(layers, case["lens"].as_array().unwrap()) {
            for (found, expected) in layer["top"]
                .as_array()
                .unwrap()
                .iter()
                .zip(expected.as_array().unwrap())
            {
                assert_eq!(found["id"], expected[0], "{name}");
                near(numbers(&found["probability"])[0], numbers(&expected[1])[0], name);
            }
        }
        let last = layers.last().unwrap();
        assert_eq!(
            (&last["rank"], &last["top"][0]["text"]),
            (&serde_json::json!(1), &answer["finally"])
        );
    }
    let said = explorer(&fixture("tiny-xlm-roberta"), "hello").answer(&Question::Lens(0, Look::Reading, 0));
    assert!(said.unwrap_err().to_string().contains("cannot predict tokens"));
}

#[test]
fn decoder_and_cross_attention_are_those_of_transformers_and_the_decoder_adds_up() {
    let golden = golden();
    let page = golden_page("tiny-t5", &golden);
    let unit = json(&page, Question::Unit(0));
    let written: Vec<f32> = unit["written"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| numbers(&token["id"])[0])
        .collect();
    assert_eq!(written, numbers(&golden["written"]));
    for (look, name) in [(Look::Writing, "own"), (Look::Cross, "cross")] {
        for (layer, expected) in golden[name].as_array().unwrap().iter().enumerate() {
            let Answer::Bytes(bytes) = page.answer(&Question::Attention(0, look, layer)).unwrap() else {
                panic!("maps are bytes")
            };
            let found = bytes
                .chunks(2)
                .map(|pair| f32::from(u16::from_le_bytes([pair[0], pair[1]])) / 65535.0);
            for (found, expected) in super::pairs(found, numbers(expected)) {
                assert!((found - expected).abs() < 1e-4, "{name} {layer}: {found} {expected}");
            }
        }
        let head = json(&page, Question::Head(0, look, 1, 2));
        let (n, m) = (
            head["n"].as_u64().unwrap() as usize,
            head["m"].as_u64().unwrap() as usize,
        );
        assert_eq!(floats(&head["scores"]).len(), n * m);
    }
    // Every addition in a layer of the decoder, computed from the page's data.
    let steps = json(&page, Question::Steps(0, Look::Writing, 1, 2));
    let listed = steps["steps"].as_array().unwrap();
    assert_eq!(listed.iter().filter(|step| step["op"] == "mix").count(), 2);
    let value = |id: &Value| match *id == steps["input"]["id"] {
        true => floats(&steps["input"]["value"]),
        false => floats(&listed.iter().find(|step| step["id"] == *id).unwrap()["value"]),
    };
    for step in listed.iter().filter(|step| step["op"] == "add") {
        let parts: Vec<Vec<f32>> = step["inputs"].as_array().unwrap().iter().map(value).collect();
        for (at, whole) in floats(&step["value"]).iter().enumerate() {
            near(parts.iter().map(|part| part[at]).sum(), *whole, "residual");
        }
    }
    assert!(page.answer(&Question::Steps(0, Look::Writing, 9, 0)).is_err());
}

#[test]
fn what_the_page_writes_token_by_token_is_what_generate_writes() {
    for name in ["tiny-llama", "tiny-gpt2", "tiny-t5"] {
        let text = "hello world, 我爱编程";
        let page = explorer(&fixture(name), text);
        let model = Model::interpreted(&fixture(name)).unwrap();
        let network = model.network().unwrap();
        let ids = model.tokenize(text, Language::Prose).unwrap().ids;
        let mut expected = Vec::new();
        let limits = fovea::model::generate::Limits {
            tokens: 9,
            ..Default::default()
        };
        let mut told = |written: &fovea::model::generate::Written| {
            expected.push((written.id, written.logprob));
            true
        };
        let sampling = fovea::model::generate::Sampling::default();
        network
            .generate(
                &ids,
                model.tokenizer(),
                sampling,
                &limits,
                &mut told,
                fovea::model::UNSTOPPED,
            )
            .unwrap();
        assert!(expected.len() > 2, "{name}: the text ends at once");
        let mut written = Vec::new();
        for (id, logprob) in &expected {
            let answer = json(&page, Question::Next(0, written.clone()));
            let best = &answer["next"][0];
            assert_eq!(best["id"], *id, "{name}");
            near(numbers(&best["probability"])[0], logprob.exp(), name);
            written.push(*id);
        }
        // After going back to the middle, nothing of the later text is left in the cache.
        let middle = written[..2].to_vec();
        let again = json(&page, Question::Next(0, middle.clone()));
        assert_eq!(again["next"][0]["id"], written[2]);
        near(numbers(&again["next"][0]["probability"])[0], expected[2].1.exp(), name);
        // The contributions of tokens and biases sum to the logit, or to the difference of logits if there is a second token.
        written.truncate(3);
        let why = json(&page, Question::Why(0, written.clone(), None));
        let parts = floats(&why["reading"])
            .iter()
            .chain(&floats(&why["writing"]))
            .sum::<f32>()
            + numbers(&why["bias"])[0];
        near(parts, numbers(&why["value"])[0], name);
        let (second, shares) = (&again["next"][1], &again["next"]);
        let rather = json(
            &page,
            Question::Why(0, written, Some(second["id"].as_u64().unwrap() as u32)),
        );
        let gap = (numbers(&shares[0]["probability"])[0] / numbers(&second["probability"])[0]).ln();
        near(numbers(&rather["value"])[0], gap, name);
        let own = floats(&why["own"]);
        let layers = why["layers"].as_u64().unwrap() as usize;
        for row in own.chunks(own.len() / layers) {
            assert!(
                (row.iter().sum::<f32>() - 1.0).abs() < 1e-4,
                "{name}: attention of a row"
            );
        }
        assert_eq!(why["cross"].is_null(), name != "tiny-t5");
    }
    let said = explorer(&fixture("tiny-masked"), "hello").answer(&Question::Next(0, Vec::new()));
    assert!(said.unwrap_err().to_string().contains("cannot predict the next token"));
}

#[test]
fn a_pair_of_items_has_the_cosine_of_its_vectors_in_matrix_and_comparison() {
    if !fovea::model::embedded_available() {
        return;
    }
    let text = include_str!("../reference/view.py");
    let model = Model::interpreted(&Source::EMBEDDED).unwrap();
    let page = Explorer::new(model, Snapshot::new(text, 0, Language::Python), "view.py".to_owned()).unwrap();
    let answer = json(&page, Question::Similarity);
    let n = answer["items"].as_array().unwrap().len();
    assert!(n >= 4, "{n}");
    let (cosines, centered) = (floats(&answer["cosines"]), floats(&answer["centered"]));
    for (a, b) in [(0, 1), (2, 3)] {
        let pair = json(&page, Question::Pair(a, b));
        let compared = numbers(&pair["cosine"])[0];
        assert!((compared - cosines[a * n + b]).abs() < 1e-4, "{a} {b}: {compared}");
        assert!((centered[a * n + b] - centered[b * n + a]).abs() < 1e-4);
        let side = |name: &str| {
            let side = &pair[name];
            numbers(&side["scores"]).iter().sum::<f32>() + numbers(&side["special"])[0] + numbers(&side["bias"])[0]
        };
        near(side("a"), compared, "the words of the first");
        near(side("b"), compared, "the words of the second");
    }
    assert!((0..n).all(|at| (cosines[at * n + at] - 1.0).abs() < 1e-4 && centered[at * n + at].is_nan()));
    assert!(page.answer(&Question::Pair(0, 99)).is_err());
    // Without an edit, a unit is as near to each item as before, and no item of its own is among them.
    let near = json(&page, Question::Near(0, Edit::default()));
    let near = near["neighbors"].as_array().unwrap();
    assert!(!near.is_empty() && near.iter().all(|own| own["before"] == own["after"]));
    let edited = json(&page, Question::Near(0, Edit::parse("h0.0,h1.1,h2.2").unwrap()));
    assert!(
        edited["neighbors"]
            .as_array()
            .unwrap()
            .iter()
            .any(|own| own["before"] != own["after"])
    );
}

/// The same indices as `picks` in tests/reference/golden.py.
fn picks(count: usize, size: usize) -> Vec<usize> {
    super::parity::picks(count, size)
}

#[test]
#[ignore = "needs the f32 model in FOVEA_F32_MODEL"]
fn the_page_shows_the_attention_and_hidden_states_of_pytorch() {
    let folder = std::env::var_os(super::F32_MODEL).expect("FOVEA_F32_MODEL names no folder");
    let golden: Vec<Value> = serde_json::from_str(include_str!("../reference/golden.json")).unwrap();
    let mut checked = 0;
    for golden in &golden {
        let explorer = explorer(&Source::Folder(folder.clone().into()), golden["text"].as_str().unwrap());
        let ids = golden["ids"].as_array().unwrap();
        // The page splits a text of several paragraphs into units; the reference does not.
        if explorer.units() != 1 || json(&explorer, Question::Unit(0))["tokens"].as_array().unwrap().len() != ids.len()
        {
            continue;
        }
        let n = ids.len();
        for (layer, heads) in golden["attention"].as_array().unwrap().iter().enumerate() {
            let Answer::Bytes(bytes) = explorer.answer(&Question::Attention(0, Look::Reading, layer)).unwrap() else {
                panic!("maps are bytes")
            };
            for (head, expected) in heads.as_array().unwrap().iter().enumerate() {
                let expected = expected.as_array().unwrap();
                for (place, expected) in super::pairs(picks(expected.len(), n * n), expected) {
                    let at = 2 * (head * n * n + place);
                    let shown = f64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]])) / 65535.0;
                    assert!(
                        (shown - expected.as_f64().unwrap()).abs() < 1e-4,
                        "layer {layer} head {head}"
                    );
                }
            }
        }
        for (layer, expected) in golden["hidden"].as_array().unwrap().iter().enumerate().take(6) {
            let rows = (0..n).flat_map(|token| {
                let steps = json(&explorer, Question::Steps(0, Look::Reading, layer, token));
                floats(&steps["input"]["value"])
            });
            let rows: Vec<f32> = rows.collect();
            let expected = expected.as_array().unwrap();
            for (place, expected) in super::pairs(picks(expected.len(), rows.len()), expected) {
                assert!(
                    (f64::from(rows[place]) - expected.as_f64().unwrap()).abs() < 1e-4,
                    "hidden state {layer}"
                );
            }
        }
        checked += 1;
    }
    assert!(checked >= 3, "only {checked} texts were compared");
}
