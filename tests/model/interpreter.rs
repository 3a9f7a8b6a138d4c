//! The interpreter against other computations of the same: fused operations, transformers, passes without a cache.

use std::path::{Path, PathBuf};

use fovea::explain::{Goal, Heads, Method, salience};
use fovea::model::generate::{Ended, Limits, Sampling, Written};
use fovea::model::{Ability, Model, ModelInfo, Packed, Source, TraceLevel, UNSTOPPED, largest};
use fovea::text::Language;

use super::{ReadText, traced};

fn fixture(name: &str) -> Source {
    Source::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name))
}

const TEXTS: [&str; 3] = [
    "fn load(path: &Path) -> Config { read(path) }",
    "我爱编程 and hello world",
    "snake_case kebab-case naïve café",
];

/// The scores of a text by a method, with its bias and special tokens, and the residual.
fn scores(model: &Model, text: &str, method: Method) -> (Vec<f32>, f32) {
    let read = ReadText::new(model, text, Language::Rust, TraceLevel::LayersAndValues);
    let subject = read.subject(Goal::Embedding);
    let scores = salience(model, &subject, method, Heads::default(), UNSTOPPED).unwrap();
    (
        [scores.words, vec![scores.bias, scores.special]].concat(),
        scores.residual,
    )
}

#[test]
fn every_method_gives_the_same_scores_for_fused_and_interpreted_models() {
    let sources = [
        fixture("tiny-xlm-roberta"),
        fixture("tiny-multilingual"),
        Source::EMBEDDED,
    ];
    for source in sources
        .into_iter()
        .filter(|source| *source != Source::EMBEDDED || fovea::model::embedded_available())
    {
        let (fused, plain) = (Model::load(&source).unwrap(), Model::interpreted(&source).unwrap());
        assert!(fused.network().is_none() && plain.network().is_some());
        // Only the embedded model as shipped has the multilingual model beside it.
        let alone = ModelInfo {
            multilingual: None,
            ..fused.info().clone()
        };
        assert_eq!(alone, *plain.info());
        for text in TEXTS {
            for method in Method::LIVE {
                let (a, _) = scores(&fused, text, method);
                let (b, residual) = scores(&plain, text, method);
                let off = largest(a.iter().zip(&b).map(|(a, b)| (a - b).abs()));
                assert!(
                    off < 2e-3,
                    "{} {source:?} {text:?}: off by {off}\n{a:?}\n{b:?}",
                    method.name()
                );
                assert!(residual < 1e-3, "{} leaves {residual}", method.name());
            }
        }
    }
}

#[test]
fn every_method_explains_a_decoder_and_shares_sum_to_the_whole() {
    let model = Model::load(&fixture("tiny-llama")).unwrap();
    assert_eq!(
        model.info().abilities,
        [Ability::Embed, Ability::NextToken, Ability::Generate]
    );
    for text in TEXTS {
        for method in Method::LIVE {
            let (scores, residual) = scores(&model, text, method);
            assert!(
                scores.iter().all(|score| score.is_finite()),
                "{}: {scores:?}",
                method.name()
            );
            let sum: f32 = scores.iter().sum();
            assert!(
                (sum - 1.0).abs() < 1e-3 && residual < 1e-3,
                "{}: {sum} {residual}",
                method.name()
            );
        }
    }
}

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    written: Vec<(u32, f32)>,
}

/// Decoders, and what transformers writes with them. Gemma attends to a window, which its cache has to know.
const DECODERS: [(&str, &str); 2] = [
    ("tiny-llama", include_str!("../fixtures/tiny-llama/golden.json")),
    ("tiny-gemma", include_str!("../fixtures/tiny-gemma/golden.json")),
];

fn golden() -> Vec<Golden> {
    serde_json::from_str(DECODERS[0].1).unwrap()
}

fn write(model: &Model, ids: &[u32], sampling: Sampling, limits: &Limits) -> (Vec<Written>, Ended) {
    let mut written = Vec::new();
    let network = model.network().unwrap();
    let mut told = |token: &Written| {
        written.push(token.clone());
        true
    };
    let end = network
        .generate(ids, model.tokenizer(), sampling, limits, &mut told, UNSTOPPED)
        .unwrap();
    if let Some(last) = written.last_mut() {
        last.text += &end.rest;
    }
    (written, end.why)
}

fn twenty() -> Limits {
    Limits {
        tokens: 20,
        stops: Vec::new(),
    }
}

#[test]
fn a_greedy_decoder_writes_what_transformers_writes() {
    for (name, golden) in DECODERS {
        let model = Model::load(&fixture(name)).unwrap();
        let golden: Vec<Golden> = serde_json::from_str(golden).unwrap();
        for golden in golden {
            assert_eq!(model.tokenize(&golden.text, Language::Prose).unwrap().ids, golden.ids);
            let (written, _) = write(&model, &golden.ids, Sampling::default(), &twenty());
            // The golden text of transformers continues after the end-of-text token.
            let expected = golden.written.iter().take_while(|(id, _)| *id != 2);
            for (token, (id, logprob)) in written.iter().zip(expected.clone()) {
                assert_eq!(token.id, *id, "{name}: {}", golden.text);
                let off = (token.logprob - logprob).abs();
                assert!(off < 1e-4, "{name}, {}: {token:?} {logprob}", golden.text);
            }
            assert_eq!(written.len(), expected.count());
        }
    }
}

#[test]
fn a_cache_does_not_change_hidden_states() {
    for (name, _) in DECODERS {
        caches(&Model::load(&fixture(name)).unwrap());
    }
}

fn caches(model: &Model) {
    let network = model.network().unwrap();
    let ids: Vec<u32> = (0..23).map(|i| 4 + (i * 7) % 100).collect();
    let whole = network
        .read(&Packed::new([ids.as_slice()]), None, TraceLevel::LastHidden, UNSTOPPED)
        .unwrap();
    for parts in [vec![23], vec![1; 23], vec![5, 1, 9, 8]] {
        let mut cache = fovea::model::tape::Cache::default();
        let (mut rest, mut hidden) = (ids.as_slice(), Vec::new());
        for part in parts {
            let (now, later) = rest.split_at(part);
            hidden.extend(network.next(now, None, &mut cache, UNSTOPPED).unwrap());
            rest = later;
        }
        let off = largest(hidden.iter().zip(whole.hidden.iter()).map(|(a, b)| (a - b).abs()));
        assert!(off < 1e-5 && hidden.len() == whole.hidden.len(), "off by {off}");
    }
}

#[test]
fn generation_stops_at_stop_texts_at_limits_and_when_canceled() {
    let model = Model::load(&fixture("tiny-llama")).unwrap();
    let of = |ids: &[u32]| -> String {
        let (free, _) = write(&model, ids, Sampling::default(), &twenty());
        free.iter().map(|token| token.text.as_str()).collect()
    };
    let golden = golden();
    let ids = &golden.iter().max_by_key(|golden| of(&golden.ids).len()).unwrap().ids;
    let text = of(ids);
    // A stop text of two characters from two tokens ends generation before it.
    let stop: String = text.chars().skip(3).take(2).collect();
    let limits = Limits {
        stops: vec![stop.clone()],
        ..twenty()
    };
    let (stopped, ended) = write(&model, ids, Sampling::default(), &limits);
    let before: String = stopped.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(
        (before.as_str(), ended),
        (&text[..text.find(&stop).unwrap()], Ended::Stop)
    );
    // The beginning of a stop text at the end of the output is not lost.
    let mut unfinished = text.chars().last().unwrap().to_string();
    unfinished.push('\u{1}');
    let limits = Limits {
        stops: vec![unfinished],
        ..twenty()
    };
    let (whole, _) = write(&model, ids, Sampling::default(), &limits);
    assert_eq!(whole.iter().map(|token| token.text.as_str()).collect::<String>(), text);
    let limits = Limits {
        tokens: 2,
        stops: Vec::new(),
    };
    assert_eq!(write(&model, ids, Sampling::default(), &limits).1, Ended::Tokens);
    let long = Limits {
        tokens: 1000,
        stops: Vec::new(),
    };
    let warm = Sampling {
        temperature: 2.0,
        seed: 3,
        ..Sampling::default()
    };
    let (_, ended) = write(&model, ids, warm, &long);
    assert!(matches!(ended, Ended::Window | Ended::Model), "{ended:?}");
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let checkpoint = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 6;
    let network = model.network().unwrap();
    let stopped = network.generate(ids, model.tokenizer(), warm, &long, &mut |_| true, &checkpoint);
    assert!(matches!(stopped, Err(fovea::model::ModelError::Stopped)));
}

/// Needs multilingual-e5-small in the folder that the variable names.
#[test]
#[ignore = "needs FOVEA_REAL_MODELS"]
fn a_real_model_gives_the_same_embedding_both_ways() {
    let folder = PathBuf::from(std::env::var_os(super::REAL_MODELS).unwrap());
    let source = Source::Folder(folder.join("multilingual-e5-small"));
    let (fused, plain) = (Model::load(&source).unwrap(), Model::interpreted(&source).unwrap());
    let ids = fused.tokenize("我爱编程", Language::Prose).unwrap().ids;
    let embedding = |model: &Model| model.pool(&traced(model, &ids, TraceLevel::LayersAndValues)).unwrap();
    let pairs = embedding(&fused).into_iter().zip(embedding(&plain));
    assert!(largest(pairs.map(|(a, b)| (a - b).abs())) < 1e-4);
}
