//! Properties that every explanation has, on the embedded model and real code.

use fovea::analysis::{analyze, sources};
use fovea::explain::{Heads, Method, alti, attention, norm};
use fovea::model::{Packed, Pooling, Trace, TraceLevel, UNSTOPPED};
use fovea::text::Language;

use super::{embedded, pairs, real_units};

#[test]
fn shares_special_tokens_and_bias_sum_to_one_on_every_unit() {
    let model = embedded();
    for (text, language) in real_units(&model) {
        let report = analyze(&model, &[(&text, language)], Method::Decomposition, UNSTOPPED)
            .unwrap()
            .remove(0);
        assert!(report.residual < 1e-4, "{} on {text:.60}", report.residual);
        let sum: f32 = report.words.iter().map(|word| word.score).sum();
        assert!((sum + report.bias_share + report.special_share - 1.0).abs() < 1e-4);
    }
}

#[test]
fn scores_of_a_batch_equal_scores_of_each_text_alone() {
    let model = embedded();
    let units = real_units(&model);
    let texts: Vec<(&str, Language)> = units
        .iter()
        .take(6)
        .map(|(text, language)| (text.as_str(), *language))
        .collect();
    for method in Method::LIVE {
        let together = analyze(&model, &texts, method, UNSTOPPED).unwrap();
        for (text, together) in pairs(&texts, together) {
            let alone = analyze(&model, &[*text], method, UNSTOPPED).unwrap().remove(0);
            for (a, b) in pairs(&alone.words, &together.words) {
                assert!((a.score - b.score).abs() < 1e-5, "{method:?}");
            }
        }
    }
}

#[test]
fn scores_of_methods_that_distribute_a_whole_sum_to_one() {
    let model = embedded();
    let text = (
        "The cat sits outside while the dog plays in the garden",
        Language::Prose,
    );
    for method in [Method::Alti, Method::Attention, Method::Rollout, Method::Norm] {
        let report = analyze(&model, &[text], method, UNSTOPPED).unwrap().remove(0);
        let sum: f32 = report.words.iter().map(|word| word.score).sum::<f32>() + report.special_share;
        assert!((sum - 1.0).abs() < 1e-4, "{method:?}: {sum}");
    }
}

#[test]
fn rows_of_every_mixing_matrix_sum_to_one() {
    let model = embedded();
    let tokens = model
        .tokenize("fn load_config(path: &Path) -> Result<Config>", Language::Rust)
        .unwrap();
    let trace = model
        .encoder()
        .forward(&Packed::new([tokens.ids.as_slice()]), TraceLevel::Layers, UNSTOPPED)
        .unwrap()
        .remove(0);
    let mut matrices = vec![
        alti::rollout(&trace).unwrap(),
        norm::rollout(&trace).unwrap(),
        attention::rollout(&trace).unwrap(),
    ];
    for layer in 0..6 {
        matrices.push(attention::map(&trace, layer, None).unwrap());
        matrices.extend((0..12).map(|head| attention::map(&trace, layer, Some(head)).unwrap()));
    }
    for matrix in matrices {
        for i in 0..matrix.n {
            assert!((matrix.row(i).iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }
    assert!(attention::map(&trace, 6, None).is_err());
    assert!(attention::map(&trace, 0, Some(12)).is_err());
}

#[test]
fn scores_of_rolled_out_methods_are_the_pooled_rows_of_their_matrices() {
    let model = embedded();
    let tokens = model.tokenize("while index < items.len() { index += 1 }", Language::Rust);
    let tokens = tokens.unwrap();
    let trace = model
        .encoder()
        .forward(&Packed::new([tokens.ids.as_slice()]), TraceLevel::Layers, UNSTOPPED)
        .unwrap()
        .remove(0);
    for pooling in [Pooling::Mean, Pooling::Cls] {
        let both = [
            (alti::rollout(&trace).unwrap(), alti::scores(&trace, pooling).unwrap()),
            (norm::rollout(&trace).unwrap(), norm::scores(&trace, pooling).unwrap()),
            (
                attention::rollout(&trace).unwrap(),
                attention::rollout_scores(&trace, pooling).unwrap(),
            ),
        ];
        for (matrix, scores) in both {
            let n = matrix.n;
            let rows = pooling.freeze(&trace.hidden).unwrap().shares();
            for (token, score) in scores.tokens.iter().enumerate() {
                let pooled = |i: usize| rows[i] * matrix.row(i)[token];
                assert!(((0..n).map(pooled).sum::<f32>() - score).abs() < 1e-6);
            }
        }
    }
}

#[test]
fn kept_values_give_the_same_scores_as_recomputed_ones_and_can_be_reused() {
    let model = embedded();
    let texts = ["while index < items.len() { index += 1 }", "我爱编程", "x"];
    let read = texts.map(|text| model.tokenize(text, Language::Rust).unwrap());
    let batch = Packed::new(read.iter().map(|tokens| tokens.ids.as_slice()));
    let traces = |keep| model.encoder().forward(&batch, keep, UNSTOPPED).unwrap();
    let (with, without) = (traces(TraceLevel::LayersAndValues), traces(TraceLevel::Layers));
    for (with, without) in pairs(&with, &without) {
        assert!(with.layers.iter().all(|layer| layer.values.is_some()));
        assert!(without.layers.iter().all(|layer| layer.values.is_none()));
        type Scores = fn(&Trace, Pooling) -> candle_core::Result<fovea::explain::TokenScores>;
        for method in [alti::scores as Scores, norm::scores] {
            let of = |trace: &Trace| method(trace, Pooling::Mean).unwrap().tokens;
            let (first, again) = (of(with), of(with));
            assert_eq!(first, again);
            for (a, b) in pairs(first, of(without)) {
                assert!((a - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }
}

#[test]
fn attention_received_is_the_mean_over_the_layers_and_heads_chosen() {
    let model = embedded();
    let tokens = model.tokenize("the cat sits outside", Language::Prose).unwrap();
    let batch = Packed::new([tokens.ids.as_slice()]);
    let trace = model
        .encoder()
        .forward(&batch, TraceLevel::Layers, UNSTOPPED)
        .unwrap()
        .remove(0);
    let received = |layer, head| attention::received(&trace, Heads { layer, head }).unwrap().tokens;
    let mut mean = vec![0f32; tokens.len()];
    for layer in 0..6 {
        for head in 0..12 {
            pairs(&mut mean, received(Some(layer), Some(head))).for_each(|(sum, v)| *sum += v / 72.0);
        }
    }
    for (all, mean) in pairs(received(None, None), mean) {
        assert!((all - mean).abs() < 1e-5, "{all} {mean}");
    }
    assert_ne!(received(Some(0), None), received(Some(5), None));
    assert!(
        attention::received(
            &trace,
            Heads {
                layer: Some(6),
                head: None
            }
        )
        .is_err()
    );
}

#[test]
fn a_word_draws_on_words_by_shares_of_at_most_one() {
    let model = embedded();
    let text = (
        "def read_settings(path): return json.load(open(path))",
        Language::Python,
    );
    let report = sources(&model, text, UNSTOPPED).unwrap();
    let words = analyze(&model, &[text], Method::Decomposition, UNSTOPPED)
        .unwrap()
        .remove(0)
        .words;
    assert_eq!(report.words, words.len());
    for i in 0..report.words {
        let sum: f32 = report.row(i).iter().sum();
        assert!(sum > 0.5 && sum <= 1.0 + 1e-4, "{sum}");
    }
}

#[test]
fn ranks_follow_scores() {
    let model = embedded();
    let text = ("Carbs are broken down into sugar in your body", Language::Prose);
    let report = analyze(&model, &[text], Method::Decomposition, UNSTOPPED)
        .unwrap()
        .remove(0);
    let mut words = report.words.clone();
    words.sort_by_key(|word| word.rank);
    assert!(
        words
            .windows(2)
            .all(|pair| pair[0].score >= pair[1].score && pair[0].rank + 1 == pair[1].rank)
    );
}

#[test]
fn coverage_is_the_share_of_letters_in_the_vocabulary() {
    let model = embedded();
    let coverage = |text: &str| model.tokenize(text, Language::Prose).unwrap().coverage;
    assert_eq!(coverage("我爱编程"), 0.25);
    assert_eq!(coverage("programming"), 1.0);
    assert_eq!(coverage("naïve café"), 1.0);
    assert_eq!(coverage("🎉 123 !!"), 1.0);
    assert!((coverage("code 我爱编程") - 5.0 / 8.0).abs() < 1e-6);
}

#[test]
fn empty_and_blank_texts_are_explained_without_words() {
    let model = embedded();
    for text in ["", "  \n\t "] {
        let report = analyze(&model, &[(text, Language::Prose)], Method::Decomposition, UNSTOPPED)
            .unwrap()
            .remove(0);
        assert!(report.words.is_empty() && report.residual < 1e-4);
        assert!((report.special_share + report.bias_share - 1.0).abs() < 1e-4);
    }
    assert!(
        analyze(&model, &[], Method::Decomposition, UNSTOPPED)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn text_over_the_window_is_refused_and_never_cut() {
    let model = embedded();
    let long = "word ".repeat(600);
    let error = analyze(&model, &[(&long, Language::Prose)], Method::Decomposition, UNSTOPPED).unwrap_err();
    assert!(error.to_string().contains("does not fit"), "{error}");
}
