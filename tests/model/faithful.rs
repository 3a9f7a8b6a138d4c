//! Measures whether shares predict the effect of deleting a word, with and without a reference.
//!
//! `Model::reference` was chosen by these measurements.

use std::path::PathBuf;

use fovea::explain::{WordMap, decomposition};
use fovea::model::{Model, Packed, Source, Trace, TraceLevel, UNSTOPPED, largest};
use fovea::text::Language;

const ENGLISH: [&str; 8] = [
    "The river rose overnight and carried the old bridge away.",
    "She sold her grandmother's violin to pay for the operation.",
    "Interest rates will stay where they are until inflation falls.",
    "A cookie keeps the session of a signed-in user.",
    "Penguins cannot fly but they swim faster than most fish.",
    "The committee rejected the proposal because of its cost.",
    "Add the flour slowly and stir until the dough is smooth.",
    "He missed the last train and walked home in the rain.",
];

const CHINESE: [&str; 8] = [
    "我爱编程",
    "昨天晚上河水上涨冲走了旧桥。",
    "她卖掉了祖母的小提琴来支付手术费。",
    "企鹅不会飞但是游泳很快。",
    "委员会因为费用太高否决了这个提案。",
    "慢慢加入面粉并搅拌直到面团光滑。",
    "这个函数读取配置文件并返回设置。",
    "他错过了最后一班火车，只好冒雨走回家。",
];

const CODE: [&str; 6] = [
    "def load_config(path):\n    with open(path) as handle:\n        return json.load(handle)\n",
    "fn median(values: &mut [f64]) -> f64 { values.sort_by(f64::total_cmp); values[values.len() / 2] }",
    "function debounce(callback, delay) { let timer; return () => { clearTimeout(timer); timer = setTimeout(callback, delay); }; }",
    "func (c *Cache) Evict() { for key, entry := range c.entries { if entry.Expired() { delete(c.entries, key) } } }",
    "public boolean isPalindrome(String text) { return new StringBuilder(text).reverse().toString().equals(text); }",
    "def sign_cookie(value, secret):\n    digest = hmac.new(secret, value, sha256).hexdigest()\n    return f\"{value}.{digest}\"\n",
];

fn traced(model: &Model, ids: &[u32]) -> Trace {
    model
        .encoder()
        .forward(&Packed::new([ids]), TraceLevel::Layers, UNSTOPPED)
        .unwrap()
        .remove(0)
}

fn embed(model: &Model, text: &str, language: Language) -> Vec<f32> {
    let tokens = model.tokenize(text, language).unwrap();
    model.pool(&traced(model, &tokens.ids)).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Spearman's rank correlation.
fn spearman(a: &[f32], b: &[f32]) -> f32 {
    let ranks = |values: &[f32]| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|x, y| values[*x].total_cmp(&values[*y]));
        let mut ranks = vec![0f32; values.len()];
        order
            .iter()
            .enumerate()
            .for_each(|(rank, index)| ranks[*index] = rank as f32);
        let mean = (values.len() - 1) as f32 / 2.0;
        ranks.iter_mut().for_each(|rank| *rank -= mean);
        ranks
    };
    cosine(&ranks(a), &ranks(b))
}

/// The mean correlation over texts for each reference, and the mean share of biases without a reference.
fn measure(model: &Model, texts: &[&str], language: Language, references: &[Vec<f32>]) -> (Vec<f32>, f32) {
    let mut sums = vec![0f32; references.len()];
    let mut bias = 0f32;
    for text in texts {
        let tokens = model.tokenize(text, language).unwrap();
        let trace = traced(model, &tokens.ids);
        let embedding = model.pool(&trace).unwrap();
        let words = WordMap::new(text, &tokens);
        let deleted: Vec<f32> = words
            .words
            .iter()
            .map(|span| {
                let rest = format!("{}{}", &text[..span.start], &text[span.end..]);
                1.0 - cosine(&embedding, &embed(model, &rest, language))
            })
            .collect();
        for (sum, reference) in sums.iter_mut().zip(references) {
            let shares = decomposition::shares_beyond(model, &trace, model.pooling(), (&embedding, reference)).unwrap();
            let scores = words.collect(&shares, true);
            *sum += spearman(&scores.words, &deleted) / texts.len() as f32;
        }
        let plain = decomposition::shares_of(model, &trace, model.pooling(), &embedding).unwrap();
        bias += plain.bias / texts.len() as f32;
    }
    (sums, bias)
}

#[test]
#[ignore = "needs FOVEA_REAL_MODELS"]
fn shares_of_real_models_predict_what_deleting_a_word_does() {
    let root = PathBuf::from(std::env::var_os(super::REAL_MODELS).unwrap());
    for source in [Source::EMBEDDED, Source::Folder(root.join("multilingual-e5-small"))] {
        let model = Model::load(&source).unwrap();
        let zero = vec![0f32; model.hidden()];
        let nothing = embed(&model, "", Language::Prose);
        let mut mean = vec![0f32; model.hidden()];
        let unrelated = include_str!("../../src/similar/calibration/unrelated.txt")
            .split("=== ")
            .skip(1);
        let mixed: Vec<&str> = unrelated.filter_map(|part| Some(part.split_once('\n')?.1)).collect();
        for text in mixed.iter().chain(&ENGLISH).chain(&CHINESE) {
            let own = embed(&model, text, Language::Prose);
            mean.iter_mut()
                .zip(own)
                .for_each(|(m, v)| *m += v / (mixed.len() + 16) as f32);
        }
        let both: Vec<f32> = nothing.iter().zip(&mean).map(|(a, b)| (a + b) / 2.0).collect();
        let references = [zero.clone(), nothing, mean, both];
        for (name, texts, language) in [
            ("english", &ENGLISH[..], Language::Prose),
            ("code", &CODE[..], Language::Python),
            ("chinese", &CHINESE[..], Language::Prose),
        ] {
            let (found, bias) = measure(&model, texts, language, &references);
            let chosen = references
                .iter()
                .position(|reference| model.reference().unwrap().unwrap_or(&zero) == reference);
            eprintln!("used: {chosen:?}");
            // The chosen reference may be worse than the best one only by the spread over so few texts.
            assert!(
                found[chosen.unwrap()] > largest(found.iter().copied()) - 0.05,
                "{name}: {found:?}"
            );
            eprintln!(
                "{} {name}: zero, nothing, mean, both {found:.2?}; biases {bias:.2}",
                model.info().name
            );
        }
    }
}
