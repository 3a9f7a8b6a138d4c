//! What the page of `fovea view` can be asked beside its first numbers: the weights and times of the model's parts, a text for the decoder,
//! scores of any method, answers to questions.

use std::collections::BTreeMap;

use candle_core::Device;
use fovea::view::Explorer;
use fovea::view::edit::Edit;
use fovea::view::question::{Look, Question};
use serde_json::Value;

use super::view::{explorer, fixture, floats, json};

const FAMILIES: [&str; 11] = [
    "tiny-answers",
    "tiny-classifier",
    "tiny-gemma",
    "tiny-gpt2",
    "tiny-llama",
    "tiny-masked",
    "tiny-multilingual",
    "tiny-sentence",
    "tiny-t5",
    "tiny-tagger",
    "tiny-xlm-roberta",
];

/// The parts with weights, with their tensor's name, shape and number, in the order of the tree.
fn parts(part: &Value, found: &mut Vec<(String, Vec<u64>, u64)>) {
    if let Some(number) = part["weights"].as_u64() {
        let shape = part["shape"]
            .as_array()
            .unwrap()
            .iter()
            .map(|size| size.as_u64().unwrap());
        let tensor = part["tensor"].as_str().unwrap_or_default().to_owned();
        found.push((tensor, shape.collect(), number));
    }
    for inner in part["parts"].as_array().into_iter().flatten() {
        parts(inner, found);
    }
}

fn weights_of(page: &Explorer) -> Vec<(String, Vec<u64>, u64)> {
    let mut found = Vec::new();
    parts(&json(page, Question::Structure)["tree"], &mut found);
    found
}

#[test]
fn each_part_of_each_family_shows_the_weights_of_its_own_tensor() {
    for family in FAMILIES {
        let page = explorer(&fixture(family), "The river flows.");
        let found = weights_of(&page);
        let bytes = json(&page, Question::Structure)["bytes"].as_array().unwrap().len();
        assert_eq!(bytes, found.len(), "{family}");
        let stored = candle_core::safetensors::load(
            std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/fixtures")
                .join(family)
                .join("model.safetensors"),
            &Device::Cpu,
        )
        .unwrap();
        let mut compared = 0;
        for (tensor, shape, number) in found {
            let shown = json(&page, Question::Weights(number as usize));
            let (rows, columns) = (shown["rows"].as_u64().unwrap(), shown["columns"].as_u64().unwrap());
            match shape.as_slice() {
                [width] => assert_eq!((1, *width), (rows, columns), "{family} {tensor}"),
                _ => assert_eq!([rows, columns], *shape, "{family} {tensor}"),
            }
            let bins = shown["bins"]
                .as_array()
                .unwrap()
                .iter()
                .map(|count| count.as_u64().unwrap());
            assert_eq!(bins.sum::<u64>(), rows * columns, "{family} {tensor}");
            // A tensor with several matrices, as in GPT-2, has more values than the part.
            let whole = stored.iter().find(|(name, tensor_of)| {
                name.ends_with(&tensor) && tensor_of.elem_count() as u64 == rows * columns && !tensor.is_empty()
            });
            let Some((_, values)) = whole else { continue };
            let values = values
                .to_dtype(candle_core::DType::F32)
                .unwrap()
                .flatten_all()
                .unwrap()
                .to_vec1::<f32>()
                .unwrap();
            // Gemma stores γ - 1.
            let stored_less = if family == "tiny-gemma" && shape.len() == 1 {
                1.0
            } else {
                0.0
            };
            let values: Vec<f32> = values.iter().map(|v| v + stored_less).collect();
            let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
            let low = values.iter().copied().fold(f32::INFINITY, f32::min);
            let number = |key: &str| shown[key].as_f64().unwrap();
            assert!(
                (number("mean") - mean).abs() < 1e-5,
                "{family} {tensor}: {} {mean}",
                number("mean")
            );
            assert!((number("low") - f64::from(low)).abs() < 1e-5, "{family} {tensor}");
            if rows <= 96 && columns <= 128 && rows * columns == values.len() as u64 {
                let mut cells = floats(&shown["cells"]);
                let mut values = values;
                // Order aside, since some are stored transposed.
                cells.sort_by(f32::total_cmp);
                values.sort_by(f32::total_cmp);
                assert!(
                    cells.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-5),
                    "{family} {tensor}"
                );
            }
            compared += 1;
        }
        assert!(compared >= 10, "{family}: only {compared} tensors were compared");
    }
}

#[test]
fn every_part_has_a_time_and_those_of_a_block_fit_into_it() {
    for (family, block, parts) in [
        ("tiny-sentence", "Block 0", &["Attention", "Feed-forward"][..]),
        ("tiny-llama", "Block 0", &["Attention", "Feed-forward"]),
        (
            "tiny-t5",
            "Decoder/Block 0",
            &["Attention", "Cross-attention", "Feed-forward"],
        ),
    ] {
        let page = explorer(&fixture(family), "The river flows.");
        let work = json(&page, Question::Work(0));
        let listed = work["parts"].as_array().unwrap().iter();
        let times: BTreeMap<String, f64> = listed
            .map(|own| {
                let names = own["part"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|name| name.as_str().unwrap());
                (names.collect::<Vec<_>>().join("/"), own["ms"].as_f64().unwrap())
            })
            .collect();
        let inside: f64 = parts.iter().map(|part| times[&format!("{block}/{part}")]).sum();
        assert!(inside > 0.0 && inside <= times[block], "{family}: {times:?}");
        let stages = work["stages"].as_array().unwrap();
        let forward = stages.iter().find(|own| own["stage"] == "layers").unwrap()["ms"]
            .as_f64()
            .unwrap();
        let blocks: f64 = times
            .iter()
            .filter(|(name, _)| name.rsplit('/').next().unwrap().starts_with("Block "))
            .map(|(_, ms)| ms)
            .sum();
        assert!(blocks <= forward, "{family}: {blocks} of {forward} ms");
    }
}

#[test]
fn a_text_given_to_the_decoder_changes_what_it_reads_and_nothing_else() {
    let page = explorer(&fixture("tiny-t5"), "The river flows.");
    let given = |question: Question| Question::Given("and the sea".to_owned(), Box::new(question));
    let (own, other) = (json(&page, Question::Unit(0)), json(&page, given(Question::Unit(0))));
    assert_eq!(own["tokens"], other["tokens"]);
    assert_ne!(own["written"], other["written"]);
    let sources = |unit: &Value| -> Vec<String> {
        let tokens = unit["written"].as_array().unwrap().iter();
        tokens
            .map(|token| token["piece"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(sources(&other).len() > 1, "{:?}", sources(&other));
    // What the encoder does is the same; what the decoder does has a row for each of its tokens.
    assert_eq!(
        page.answer(&Question::Attention(0, Look::Reading, 0)).unwrap(),
        page.answer(&given(Question::Attention(0, Look::Reading, 0))).unwrap()
    );
    let head = json(&page, given(Question::Head(0, Look::Cross, 0, 0)));
    assert_eq!(head["n"].as_u64().unwrap() as usize, sources(&other).len());
    // The page's own text is still there.
    assert_eq!(json(&page, Question::Unit(0))["written"], own["written"]);
}

#[test]
fn the_page_has_scores_of_every_method_on_demand() {
    let page = explorer(&fixture("tiny-llama"), "hello world, hello river");
    let names = json(&page, Question::Salience(0))["all"].as_array().unwrap().clone();
    assert_eq!(names.len(), fovea::explain::Method::ALL.len());
    for name in names {
        let path = format!("scores/0/{}", name.as_str().unwrap());
        let scores = json(&page, Question::parse(&path).unwrap());
        let words: Vec<f64> = scores["words"]
            .as_array()
            .unwrap()
            .iter()
            .map(|score| score.as_f64().unwrap())
            .collect();
        assert!(
            words.len() == 5 && words.iter().any(|score| *score != 0.0),
            "{path}: {words:?}"
        );
        if scores["additive"] == true {
            let rest = |key: &str| scores[key].as_f64().unwrap();
            let sum = words.iter().sum::<f64>() + rest("special") + rest("bias");
            assert!((sum - 1.0).abs() < rest("residual") + 1e-4, "{path}: {sum}");
        }
    }
}

#[test]
fn a_head_for_questions_answers_with_the_span_of_transformers_before_and_after_an_edit() {
    let golden = include_str!("../fixtures/tiny-answers/golden.json");
    let golden: Vec<Value> = serde_json::from_str(golden).unwrap();
    let (mut some, mut none) = (0, 0);
    for case in golden {
        let text = case["passage"].as_str().unwrap();
        let page = explorer(&fixture("tiny-answers"), text);
        let asked = |edit: &str| {
            let question = case["question"].as_str().unwrap().to_owned();
            json(&page, Question::Answer(0, Edit::parse(edit).unwrap(), question))
        };
        let answer = asked("-");
        assert_eq!(answer["before"], answer["after"], "{text}");
        let lacks = case["none"].as_f64() >= case["score"].as_f64();
        assert_eq!(answer["before"]["none"], lacks, "{text}");
        if lacks {
            none += 1;
            continue;
        }
        some += 1;
        let unit = json(&page, Question::Unit(0));
        let runs = unit["runs"].as_array().unwrap();
        let place = |side: usize| {
            let found = runs
                .iter()
                .position(|run| run["word"] == answer["before"]["words"][side]);
            found.unwrap_or_else(|| panic!("{text}: {answer}"))
        };
        let found: String = runs[place(0)..=place(1)]
            .iter()
            .map(|run| run["text"].as_str().unwrap())
            .collect();
        assert_eq!(found, case["answer"].as_str().unwrap(), "{text}");
        // Without the first word of the answer, it is another one, or less or more likely.
        let edited = asked(&format!("d{}", answer["before"]["words"][0]));
        assert_eq!(edited["before"], answer["before"], "{text}");
        assert_ne!(edited["after"], answer["after"], "{text}");
        // A head that is off changes it as well.
        assert_ne!(asked("h0.0,h1.1")["after"], answer["after"], "{text}");
    }
    assert!(some > 2 && none > 1, "{some} answers, {none} texts without one");
    let other = explorer(&fixture("tiny-masked"), "hello world");
    let refused = other.answer(&Question::Answer(0, Edit::default(), "who".to_owned()));
    assert!(refused.is_err_and(|error| error.to_string().contains("answer questions")));
}
