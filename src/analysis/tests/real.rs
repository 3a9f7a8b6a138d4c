//! The scheduler with the embedded model, on Fovea's own source.

use super::super::Refusal;
use super::*;
use crate::model::{Model, Source};

const SOURCE: &str = include_str!("../queue.rs");

#[test]
fn a_source_file_is_explained_live_by_the_embedded_model() {
    let (tell, events) = channel();
    let settings = Options {
        debounce: Duration::ZERO,
        ..Options::default()
    };
    let analysis = AnalysisHandle::start(
        || Model::load(&Source::EMBEDDED),
        settings,
        move |event| {
            let _ = tell.send(event);
        },
    );
    let bench = Bench {
        analysis,
        events,
        script: Arc::default(),
    };
    let (id, snapshot) = bench.open("queue.rs", SOURCE);
    let offset = SOURCE.find("fn withdrawn").expect("there") + 4;
    let at = wait(bench.analysis.explain_at(&id, snapshot.clone(), offset, no_cancel())).expect("an answer");
    let at = at.expect("a unit");
    let word = &at.report.words[at.word.expect("a word")].range;
    assert_eq!(
        &SOURCE[at.unit.range.start + word.start..at.unit.range.start + word.end],
        "withdrawn"
    );
    assert_eq!(at.sources.words, at.report.words.len());
    let report = bench.completed(1);
    for unit in report.units.iter().flatten() {
        let sum: f32 = unit.words.iter().map(|word| word.score).sum::<f32>() + unit.bias_share + unit.special_share;
        assert!((sum - 1.0).abs() < 1e-3 && unit.residual < 1e-3, "{sum}");
    }
    let edited = SOURCE.replacen("withdrawn(&self)", "gone_for_good(&self)", 1);
    let edited = rust(&edited, 2);
    let started = Instant::now();
    bench.analysis.update(&id, edited.clone());
    let after = bench.completed(2);
    assert!(started.elapsed() < Duration::from_secs(5));
    let kept = |unit: &Option<Arc<UnitReport>>| {
        let same = |other: &&Option<Arc<UnitReport>>| {
            unit.as_ref()
                .zip(other.as_ref())
                .is_some_and(|(a, b)| Arc::ptr_eq(a, b))
        };
        report.units.iter().any(|other| same(&other))
    };
    let computed = after.units.iter().filter(|unit| !kept(unit)).count();
    assert!((1..=3).contains(&computed), "{computed} units computed for one edit");
    let range = wait(
        bench
            .analysis
            .explain_range(&id, edited.clone(), 0..SOURCE.len() / 2, no_cancel()),
    );
    let range = range.expect("an answer");
    assert!(range.residual < 1e-3 && range.tokens > 256);
    let pair = |text: &str| (text.to_owned(), Language::Prose);
    let pair = wait(
        bench
            .analysis
            .compare(pair("How many carbs?"), pair("How much sugar?"), true, no_cancel()),
    );
    assert!(pair.expect("an answer").residual < 1e-3);
    until(|| bench.analysis.neighbors(&id, 2).is_some());
    let stale = wait(bench.analysis.explain_at(&id, snapshot, offset, no_cancel()));
    assert!(matches!(stale, Err(Refusal::Stale)));
}
