//! The multilingual model beside the embedded one: the texts that it reads, and that the vectors of the two are never compared.

use fovea::analysis::{UnitReport, analyze};
use fovea::explain::{Method, Pair};
use fovea::model::{EmbeddedModel, Model, Reader, Source, UNSTOPPED, verify};
use fovea::text::Language;

use super::{cosine, embedded};

const ENGLISH: &str = "The server reads its configuration when it starts and keeps it in memory until it ends.";
const GERMAN: &str =
    "Der Server liest die Konfiguration beim Start aus einer Datei und behält sie bis zum Ende im Speicher.";
const CODE: &str =
    "fn read_settings(path: &Path) -> Result<Settings, Error> {\n    toml::from_str(&read_to_string(path)?)\n}\n";

fn explained(model: &Model, texts: &[(&str, Language)]) -> Vec<UnitReport> {
    analyze(model, texts, Method::Decomposition, UNSTOPPED).unwrap()
}

#[test]
fn the_multilingual_model_reads_other_languages_and_the_chosen_model_english_and_code() {
    let model = embedded();
    for (text, language, expected) in [
        ("我爱编程", Language::Prose, Reader::Multilingual),
        ("プログラミングが大好きです。", Language::Prose, Reader::Multilingual),
        (
            "Поиск похожих функций в исходном коде",
            Language::Markdown,
            Reader::Multilingual,
        ),
        (GERMAN, Language::Prose, Reader::Multilingual),
        (
            "// 读取配置文件，检查每一个选项是否有效\nfunc Load(p string) error { return nil }",
            Language::Go,
            Reader::Multilingual,
        ),
        (ENGLISH, Language::Prose, Reader::Chosen),
        (CODE, Language::Rust, Reader::Chosen),
        ("", Language::Prose, Reader::Chosen),
        ("🎉 42", Language::Prose, Reader::Chosen),
        ("let name = \"名\";", Language::Rust, Reader::Chosen),
    ] {
        assert_eq!(model.reader(text, language), expected, "{text}");
    }
    let alone = Model::load(&Source::Embedded(EmbeddedModel::Multilingual)).unwrap();
    assert_eq!(alone.reader("我爱编程", Language::Prose), Reader::Chosen);
}

#[test]
fn a_text_longer_than_the_window_of_the_multilingual_model_stays_with_the_chosen_one() {
    let long = "读取配置文件然后检查每一个选项是否有效。".repeat(100);
    assert_eq!(embedded().reader(&long, Language::Prose), Reader::Chosen);
    // Of a query the beginning is enough.
    assert_eq!(embedded().reader_of_query(&long), Reader::Multilingual);
}

#[test]
fn the_mark_of_a_words_beginning_makes_no_letter_known() {
    let alone = Model::load(&Source::Embedded(EmbeddedModel::Multilingual)).unwrap();
    let coverage = |text: &str| alone.tokenize(text, Language::Prose).unwrap().coverage;
    assert_eq!(coverage("\u{13000}\u{13001} \u{13002}"), 0.0);
    assert_eq!(coverage("hello"), 1.0);
}

#[test]
fn each_text_of_a_batch_is_explained_by_its_own_reader_as_if_it_stood_alone() {
    let model = embedded();
    let texts = [
        (ENGLISH, Language::Prose),
        ("我爱编程", Language::Prose),
        (CODE, Language::Rust),
        (GERMAN, Language::Prose),
    ];
    let together = explained(&model, &texts);
    let readers: Vec<Reader> = together.iter().map(UnitReport::reader).collect();
    assert_eq!(
        readers,
        [
            Reader::Chosen,
            Reader::Multilingual,
            Reader::Chosen,
            Reader::Multilingual
        ]
    );
    for (text, report) in texts.iter().zip(&together) {
        let alone = explained(&model, &[*text]).remove(0);
        assert_eq!(report.words.len(), alone.words.len());
        let off = |(a, b): (&fovea::analysis::WordScore, &fovea::analysis::WordScore)| (a.score - b.score).abs();
        assert!(
            report.words.iter().zip(&alone.words).map(off).all(|off| off < 1e-4),
            "{}",
            text.0
        );
        let sum: f32 =
            report.words.iter().map(|word| word.score).sum::<f32>() + report.bias_share + report.special_share;
        assert!((sum - 1.0).abs() < 1e-3 && report.residual < 1e-3, "{}: {sum}", text.0);
        assert!(report.coverage > 0.99, "{}", text.0);
    }
}

/// The example of the survey.
#[test]
fn 我爱编程_is_three_words_and_programming_counts_more_than_the_pronoun() {
    let report = explained(&embedded(), &[("我爱编程", Language::Prose)]).remove(0);
    let score = |word: &str| {
        let found = report
            .words
            .iter()
            .find(|found| &"我爱编程"[found.range.clone()] == word);
        found.map(|found| found.score).unwrap()
    };
    assert_eq!(report.words.len(), 3);
    assert!(score("编程") > score("我") && score("爱") > score("我") && score("我") > 0.1);
}

#[test]
fn embeddings_come_from_the_chosen_model_whichever_model_explains() {
    let model = embedded();
    let report = explained(&model, &[(GERMAN, Language::Prose)]).remove(0);
    let chosen = fovea::similar::index::embed_query(&model, GERMAN).unwrap();
    assert!(cosine(&report.embedding, &chosen) > 0.9999);
    let read = report.read_by_chosen();
    let tokens = model.tokenize(GERMAN, Language::Prose).unwrap();
    assert_eq!((read.tokens, read.tokens + 2), (tokens.of_text(), tokens.len()));
    assert_ne!(tokens.len(), report.tokens);
    let chinese = explained(&model, &[("我爱编程", Language::Prose)]).remove(0);
    assert!(chinese.read_by_chosen().coverage < 0.5 && chinese.coverage > 0.99);
}

#[test]
fn two_passages_are_compared_by_one_model_and_the_answer_names_it() {
    let model = embedded();
    let name = |a: &str, b: &str| {
        let pair = Pair::read(&model, (a, Language::Prose), (b, Language::Prose), UNSTOPPED).unwrap();
        let report = pair.totals(None, UNSTOPPED).unwrap();
        assert!(report.residual < 1e-4);
        report.model
    };
    assert_eq!(name(ENGLISH, "It reads a file."), "all-MiniLM-L6-v2");
    assert_eq!(name(ENGLISH, GERMAN), "multilingual-e5-small");
    assert_eq!(name("我爱编程", ENGLISH), "multilingual-e5-small");
}

#[test]
fn the_files_of_the_multilingual_model_are_those_that_were_recorded() {
    let checks = verify(&Source::Embedded(EmbeddedModel::Multilingual)).unwrap();
    assert!(checks.len() >= 6);
    for check in checks {
        assert!(check.holds() && check.expected.is_some(), "{}", check.file);
    }
}
