//! The numbers of the page of `fovea view`: they are PyTorch's, and each operation can be computed again from its inputs.

use std::path::Path;

use fovea::model::{Model, Source};
use fovea::text::{Language, Snapshot};
use fovea::view::question::Question;
use fovea::view::{Answer, Explorer};
use serde_json::Value;

fn explorer(source: &Source, text: &str) -> Explorer {
    let model = Model::interpreted(source).unwrap();
    Explorer::new(model, Snapshot::new(text, 0, Language::Prose), "text".to_owned()).unwrap()
}

fn fixture(name: &str) -> Source {
    Source::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name))
}

fn json(explorer: &Explorer, question: Question) -> Value {
    match explorer.answer(question).unwrap() {
        Answer::Json(value) => value,
        Answer::Bytes(_) => panic!("{question} is answered by bytes"),
    }
}

/// Floats from base64.
fn floats(value: &Value) -> Vec<f32> {
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

/// Computes every operation of a layer again from what the page is told of it, and counts them.
fn compute_again(explorer: &Explorer, layer: usize, token: usize) -> usize {
    let answer = json(explorer, Question::Steps(0, layer, token));
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
            other => panic!("{other} is no operation"),
        }
    }
    steps.len()
}

/// Scores, softmax and weighted values of every head.
fn mix_again(explorer: &Explorer, layer: usize, token: usize, mixed: &[f32]) {
    let heads = json(explorer, Question::Head(0, layer, 0))["heads"].as_u64().unwrap() as usize;
    for number in 0..heads {
        let head = json(explorer, Question::Head(0, layer, number));
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
    let answer = json(&explorer, Question::Steps(0, 0, 1));
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
    assert!(json(&explorer, Question::Steps(0, 1, 1))["embedding"].is_null());
}

#[test]
fn shares_of_words_sum_to_one_behind_every_layer() {
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
fn without_a_word_the_embedding_is_that_of_the_tokens_that_are_left() {
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
fn what_is_not_there_is_said() {
    let explorer = explorer(&fixture("tiny-llama"), "hello");
    for question in [
        Question::Unit(7),
        Question::Attention(0, 99),
        Question::Head(0, 0, 99),
        Question::Steps(0, 0, 999),
        Question::Steps(0, 99, 0),
        Question::Row(0, 0, 0),
        Question::Row(0, 999_999_999, 0),
        Question::Row(0, 1, 999_999_999),
        Question::Pool(0, 999),
        Question::Without(0, 999),
    ] {
        let said = explorer.answer(question).unwrap_err().to_string();
        assert!(said.starts_with("there is no "), "{question}: {said}");
    }
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
        // A text of several paragraphs is several units here, and one text there.
        if explorer.units() != 1 || json(&explorer, Question::Unit(0))["tokens"].as_array().unwrap().len() != ids.len()
        {
            continue;
        }
        let n = ids.len();
        for (layer, heads) in golden["attention"].as_array().unwrap().iter().enumerate() {
            let Answer::Bytes(bytes) = explorer.answer(Question::Attention(0, layer)).unwrap() else {
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
                let steps = json(&explorer, Question::Steps(0, layer, token));
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
