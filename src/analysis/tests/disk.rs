//! Results that outlive an analysis.

use super::super::store::{ResultsFile, examine};
use super::*;

fn kept_in(folder: &std::path::Path) -> Options {
    Options {
        disk: Some(ResultsFile {
            folder: folder.to_owned(),
            bytes: 64 << 20,
        }),
        ..options(NEVER)
    }
}

fn rows(folder: &std::path::Path) -> Option<i64> {
    examine(folder).expect("examined").1.map(|found| found.rows)
}

/// The complete report on a text, and the calls of the engine.
fn analyzed(text: &str, options: Options) -> (Arc<DocumentReport>, Arc<SourcesReport>, Arc<Script>) {
    let bench = Bench::with(Arc::default(), options);
    let (id, snapshot) = bench.open("a", text);
    let report = wait(bench.analysis.explain_document(&id, snapshot.clone(), no_cancel())).expect("an answer");
    let at = wait(bench.analysis.explain_at(&id, snapshot.clone(), 4, no_cancel())).expect("an answer");
    wait(
        bench
            .analysis
            .explain_range(&id, snapshot.clone(), 0..text.len(), no_cancel()),
    )
    .expect("an answer");
    bench.analysis.finish(DEADLINE);
    (report, at.expect("a unit").sources, bench.script.clone())
}

#[test]
fn a_second_process_on_the_same_file_computes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = functions(&["alpha", "bravo", "charlie", "delta"]);
    let (first, sources, script) = analyzed(&text, kept_in(folder.path()));
    assert!(!script.texts().is_empty());
    let (second, again, script) = analyzed(&text, kept_in(folder.path()));
    assert_eq!(script.texts(), Vec::<String>::new(), "the engine was asked");
    assert_eq!(script.sources.load(Ordering::SeqCst), 0);
    assert_eq!(second.units, first.units, "milliseconds and all");
    assert_eq!(again, sources);
}

#[test]
fn an_edit_after_a_restart_computes_what_it_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = functions(&["alpha", "bravo", "charlie", "delta"]);
    analyzed(&text, kept_in(folder.path()));
    let bench = Bench::with(Arc::default(), kept_in(folder.path()));
    let edited = text.replace("charlie_3 = ", "charlie_3 = 7 + ");
    let (id, snapshot) = bench.open("another name", &edited);
    wait(bench.analysis.explain_document(&id, snapshot, no_cancel())).expect("an answer");
    let texts = bench.script.texts();
    assert!(texts.len() == 1 && texts[0].contains("fn charlie"), "{texts:?}");
}

#[test]
fn another_method_or_splitting_shares_only_results_that_do_not_depend_on_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = functions(&["alpha", "bravo"]);
    analyzed(&text, kept_in(folder.path()));
    let alti = Options {
        method: Method::Alti,
        ..kept_in(folder.path())
    };
    let (report, _, script) = analyzed(&text, alti);
    assert!(!script.texts().is_empty());
    assert_eq!(
        script.sources.load(Ordering::SeqCst),
        0,
        "sources do not depend on the method"
    );
    assert!(report.units.iter().flatten().all(|unit| unit.method == Method::Alti));
    let plain = Options {
        identifier_aware: false,
        ..kept_in(folder.path())
    };
    assert!(!analyzed(&text, plain).2.texts().is_empty());
}

#[test]
fn the_results_file_can_be_switched_on_and_off_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::with(Arc::default(), options(NEVER));
    let (id, snapshot) = bench.open("a", &functions(&["alpha"]));
    wait(bench.analysis.explain_document(&id, snapshot, no_cancel())).expect("an answer");
    assert_eq!(rows(folder.path()), None);
    bench.analysis.configure(kept_in(folder.path()));
    let (id, snapshot) = bench.open("b", &functions(&["bravo"]));
    wait(bench.analysis.explain_document(&id, snapshot, no_cancel())).expect("an answer");
    bench.analysis.configure(options(NEVER));
    until(|| rows(folder.path()) == Some(1));
    let (id, snapshot) = bench.open("c", &functions(&["charlie"]));
    wait(bench.analysis.explain_document(&id, snapshot, no_cancel())).expect("an answer");
    bench.analysis.finish(DEADLINE);
    assert_eq!(rows(folder.path()), Some(1));
}

#[test]
fn answers_do_not_need_a_working_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    let (report, ..) = analyzed(&functions(&["alpha"]), kept_in(&file.join("below it")));
    assert!(report.complete());
}

#[test]
fn no_document_text_reaches_the_results_file() {
    let folder = tempfile::tempdir().expect("a folder");
    analyzed(&functions(&["c4n4ry_name"]), kept_in(folder.path()));
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        assert!(!bytes.windows(6).any(|part| part == b"c4n4ry" || part == b"comput"));
    }
}
