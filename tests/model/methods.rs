//! Methods that need gradients or many passes, against PyTorch and Captum (tests/reference/methods.py).

use std::path::{Path, PathBuf};

use fovea::explain::{
    Goal, Heads, Method, Owner, Subject, TokenScores, WordMap, attention_flow, deletion::Deletions, globenc, gradient,
    integrated_gradients, leave_one_out, lime, salience, shap, smoothgrad, value_zeroing,
};
use fovea::model::{Model, Source, TraceLevel, UNSTOPPED, largest};
use fovea::text::Language;

use super::{ReadText, embedded, pairs, traced};

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    gradient: Vec<f32>,
    integrated: Vec<f32>,
    gain: f32,
    deleted: Vec<f32>,
    zeroed: Vec<f32>,
    smooth: Vec<f32>,
    lime: Vec<f32>,
    owen: Vec<f32>,
    globenc: Vec<f32>,
    flow: Vec<f32>,
}

fn golden(model: &str) -> Vec<Golden> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/methods.json");
    let all = std::fs::read_to_string(path).unwrap();
    let mut all: std::collections::HashMap<String, Vec<Golden>> = serde_json::from_str(&all).unwrap();
    all.remove(model).unwrap()
}

fn read<'a>(model: &Model, text: &'a str) -> ReadText<'a> {
    ReadText::new(model, text, Language::Prose, TraceLevel::Everything)
}

/// Compares every method on every text of a model.
fn meets(model: &Model, name: &str) {
    for golden in golden(name) {
        let read = read(model, &golden.text);
        let subject = read.subject(Goal::Embedding);
        let (tokens, trace, embedding) = (&read.tokens, &read.trace, &read.embedding);
        assert_eq!(tokens.ids, golden.ids, "{name}: {}", golden.text);
        let near = |method: &str, found: &[f32], expected: &[f32]| {
            let off = largest(pairs(found, expected).map(|(a, b)| (a - b).abs()));
            let size = largest(expected.iter().map(|v| v.abs())).max(1.0);
            assert!(
                off < 1e-4 * size,
                "{name}: {method} of {:?} is off by {off} of {size}",
                golden.text
            );
        };
        near(
            "gradient",
            &gradient::scores(model, &subject).unwrap().tokens,
            &golden.gradient,
        );
        let integrated = integrated_gradients::scores(model, &subject, UNSTOPPED).unwrap();
        // Scores are relative to the gain over the blank text. A tiny gain makes them huge, so they are scaled back first.
        let moved = |scores: &[f32]| scores.iter().map(|score| score * golden.gain).collect::<Vec<_>>();
        near("integrated", &moved(&integrated.tokens), &moved(&golden.integrated));
        let each: Vec<Vec<usize>> = (0..tokens.len()).map(|token| vec![token]).collect();
        let deletions = Deletions::new(model, &tokens.ids, &each, embedding);
        let alone: Vec<Vec<bool>> = (0..tokens.len())
            .map(|token| (0..tokens.len()).map(|other| other == token).collect())
            .collect();
        near(
            "deletion",
            &deletions.changes(&alone, UNSTOPPED).unwrap(),
            &golden.deleted,
        );
        let zeroed = value_zeroing::scores(trace, model.pooling(), UNSTOPPED).unwrap();
        near("value zeroing", &zeroed.tokens, &golden.zeroed);
        let smooth = smoothgrad::scores(model, &subject, UNSTOPPED).unwrap();
        near("smoothgrad", &smooth.tokens, &golden.smooth);
        let pooling = model.pooling();
        near(
            "globenc",
            &globenc::scores(trace, pooling).unwrap().tokens,
            &golden.globenc,
        );
        let flow = attention_flow::scores(&subject, pooling, UNSTOPPED).unwrap();
        near("attention flow", &flow.tokens, &golden.flow);

        // Methods that delete words, with each token as one word.
        let own: Vec<usize> = (0..tokens.len()).filter(|token| !tokens.special[*token]).collect();
        let words = WordMap {
            words: own.iter().map(|token| tokens.spans[*token].clone()).collect(),
            owners: (0..tokens.len())
                .map(|token| {
                    own.iter()
                        .position(|place| *place == token)
                        .map_or(Owner::Special, Owner::Word)
                })
                .collect(),
        };
        let subject = Subject {
            words: &words,
            ..subject
        };
        let of_words = |scores: TokenScores| own.iter().map(|token| scores.tokens[*token]).collect::<Vec<f32>>();
        near(
            "lime",
            &of_words(lime::scores(model, &subject, UNSTOPPED).unwrap()),
            &golden.lime,
        );
        let values = of_words(shap::scores(model, &subject, UNSTOPPED).unwrap());
        assert!(
            (values.iter().sum::<f32>() - 1.0).abs() < 1e-4,
            "{name}: {:?}",
            golden.text
        );
        if !golden.owen.is_empty() {
            near("shap", &values, &golden.owen);
        }
    }
}

fn fixture(name: &str) -> Source {
    Source::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name))
}

#[test]
fn references_of_tiny_models_are_those_of_pytorch_and_captum() {
    for name in ["tiny-xlm-roberta", "tiny-llama"] {
        meets(&Model::interpreted(&fixture(name)).unwrap(), name);
    }
}

#[test]
#[ignore = "needs FOVEA_F32_MODEL"]
fn references_of_the_original_are_those_of_pytorch_and_captum() {
    let folder = std::env::var_os(super::F32_MODEL).unwrap();
    let model = Model::interpreted(&Source::Folder(PathBuf::from(folder))).unwrap();
    meets(&model, "all-MiniLM-L6-v2");
}

/// The token scores of a text by a method.
fn explained(model: &Model, text: &str, method: Method) -> TokenScores {
    let read = read(model, text);
    let subject = read.subject(Goal::Embedding);
    match method {
        Method::IntegratedGradients => integrated_gradients::scores(model, &subject, UNSTOPPED).unwrap(),
        Method::LeaveOneOut => leave_one_out::scores(model, &subject, UNSTOPPED).unwrap(),
        _ => gradient::scores(model, &subject).unwrap(),
    }
}

const SENTENCE: &str = "The river rose overnight and carried the old bridge away.";

#[test]
fn more_steps_make_integrated_gradients_more_complete() {
    let model = Model::interpreted(&fixture("tiny-llama")).unwrap();
    let read = read(&model, "hello world");
    let subject = read.subject(Goal::Embedding);
    let missed = |steps: usize| {
        let scores = integrated_gradients::integrate(&model, &subject, steps, UNSTOPPED).unwrap();
        (1.0 - scores.tokens.iter().sum::<f32>()).abs()
    };
    let (few, many) = (missed(4), missed(400));
    assert!(many < 5e-3 && many < few, "{few} {many}");
}

#[test]
fn every_method_explains_the_next_token_of_a_decoder() {
    let (model, text) = (Model::interpreted(&fixture("tiny-llama")).unwrap(), "hello world");
    let read = read(&model, text);
    for logarithm in [false, true] {
        let goal = Goal::next(&model, &read.trace, logarithm).unwrap();
        let value = goal.value(&model, &read.trace).unwrap();
        let subject = read.subject(goal);
        let of = |method: Method| salience(&model, &subject, method, Heads::default(), UNSTOPPED).unwrap();
        for method in Method::ALL {
            let scores = of(method);
            assert!(scores.words.iter().all(|score| score.is_finite()), "{method:?}");
            assert!(scores.words.iter().any(|score| *score != 0.0), "{method:?}");
        }
        let shares = of(Method::Decomposition);
        let sum = shares.words.iter().sum::<f32>() + shares.special + shares.bias;
        assert!((f64::from(sum) - value).abs() < 1e-4, "{sum} {value}");
        // Owen values sum to the fall of the value without any word.
        let deletions = Deletions::of(&model, &subject, &read.words.tokens_of_words()).unwrap();
        let falls = deletions
            .changes(&[vec![true; read.words.words.len()]], UNSTOPPED)
            .unwrap()[0];
        let values = of(Method::Shap).words.iter().sum::<f32>();
        assert!((values - falls).abs() < 1e-4, "{values} {falls}");
    }
}

#[test]
fn words_lines_and_sentences_are_left_out_by_deletion_mask_or_attention() {
    use fovea::explain::{Choice, Extent, Operator};
    let model = Model::interpreted(&Source::EMBEDDED).unwrap();
    let text = "The river rose overnight. It carried the old bridge away.\nNobody was hurt.";
    let read = read(&model, text);
    let subject = read.subject(Goal::Embedding);
    let scores = |operator: Operator, extent: Extent| {
        let choice = Choice {
            operator,
            extent,
            ..Choice::default()
        };
        salience(&model, &subject, Method::LeaveOneOut, choice, UNSTOPPED)
            .unwrap()
            .words
    };
    let all = [Operator::Delete, Operator::Mask, Operator::Attention].map(|operator| scores(operator, Extent::Word));
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        assert_ne!(all[a], all[b]);
    }
    // Deleting the last word moves only `[SEP]`.
    let last = read.words.words.len() - 1;
    assert!((all[0][last] - all[2][last]).abs() < 0.05, "{:?} {:?}", all[0], all[2]);
    let different = |scores: &[f32]| {
        scores
            .iter()
            .map(|score| score.to_bits())
            .collect::<std::collections::HashSet<_>>()
            .len()
    };
    assert_eq!(different(&scores(Operator::Delete, Extent::Line)), 2);
    assert_eq!(different(&scores(Operator::Mask, Extent::Sentence)), 3);
}

#[test]
fn the_largest_of_all_maps_is_no_less_than_their_mean() {
    use fovea::explain::{Over, attention};
    let model = embedded();
    let trace = read(&model, SENTENCE).trace;
    let of = |over| attention::received_over(&trace, Heads::default(), over).unwrap().tokens;
    let (mean, most) = (of(Over::Mean), of(Over::Max));
    assert!(pairs(&mean, &most).all(|(mean, most)| most > mean), "{mean:?} {most:?}");
    assert!((mean.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    let one = Heads {
        layer: Some(1),
        head: Some(2),
    };
    let own = |over| attention::received_over(&trace, one, over).unwrap().tokens;
    assert!(pairs(&own(Over::Mean), &own(Over::Max)).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn a_unit_that_is_too_long_for_attention_flow_is_refused_in_a_sentence() {
    let (model, text) = (embedded(), "word ".repeat(attention_flow::MOST_TOKENS));
    let error = fovea::analysis::analyze(
        &model,
        &[(text.as_str(), Language::Prose)],
        Method::AttentionFlow,
        UNSTOPPED,
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("attention-flow") && error.contains("160"), "{error}");
}

#[test]
fn leave_one_out_scores_a_telling_word_high_and_special_tokens_zero() {
    let model = embedded();
    let scores = explained(&model, SENTENCE, Method::LeaveOneOut);
    let tokens = model.tokenize(SENTENCE, Language::Prose).unwrap();
    let special = pairs(&scores.tokens, &tokens.special).filter(|(_, special)| **special);
    assert!(special.into_iter().all(|(score, _)| *score == 0.0));
    let bridge = tokens
        .spans
        .iter()
        .position(|span| &SENTENCE[span.clone()] == "bridge")
        .unwrap();
    let the = tokens
        .spans
        .iter()
        .position(|span| &SENTENCE[span.clone()] == "The")
        .unwrap();
    assert!(scores.tokens[bridge] > 3.0 * scores.tokens[the], "{:?}", scores.tokens);
}

#[test]
fn methods_with_further_passes_stop_when_canceled() {
    use fovea::analysis::analyze;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let model = Model::interpreted(&fixture("tiny-llama")).unwrap();
    for method in [
        Method::IntegratedGradients,
        Method::LeaveOneOut,
        Method::ValueZeroing,
        Method::SmoothGrad,
        Method::Lime,
        Method::Shap,
        Method::AttentionFlow,
    ] {
        let asked = AtomicUsize::new(0);
        analyze(&model, &[("hello world", Language::Prose)], method, &|| {
            asked.fetch_add(1, Ordering::Relaxed);
            false
        })
        .unwrap();
        let all = asked.load(Ordering::Relaxed);
        assert!(
            all > 6,
            "{method:?} asks only {all} times, hardly more than its first pass"
        );
        let left = AtomicUsize::new(all - 1);
        let error = analyze(&model, &[("hello world", Language::Prose)], method, &|| {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_err()
        })
        .unwrap_err();
        assert!(error.to_string().contains("stopped"), "{method:?}: {error}");
    }
}

#[test]
fn a_scrambled_model_reads_the_same_tokens_and_gives_another_embedding() {
    let source = Source::EMBEDDED;
    let (model, scrambled) = (Model::load(&source).unwrap(), Model::scrambled(&source, 1).unwrap());
    assert_ne!(model.info().id, scrambled.info().id);
    let tokens = model.tokenize(SENTENCE, Language::Prose).unwrap();
    assert_eq!(tokens, scrambled.tokenize(SENTENCE, Language::Prose).unwrap());
    let embed = |model: &Model| model.pool(&traced(model, &tokens.ids, TraceLevel::Everything)).unwrap();
    assert!(super::cosine(&embed(&model), &embed(&scrambled)).abs() < 0.5);
    assert_eq!(embed(&scrambled), embed(&Model::scrambled(&source, 1).unwrap()));
}
