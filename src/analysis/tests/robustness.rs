//! Engines that panic, fail, or never load.

use super::super::{ModelStatus, Refusal};
use super::*;

fn panicked(event: Event) -> Option<(u32, bool)> {
    match event {
        Event::Panicked { restarts, given_up } => Some((restarts, given_up)),
        _ => None,
    }
}

fn failure<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    match result.expect_err("a refusal") {
        Refusal::Failed(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn after_a_panic_the_question_fails_without_its_text_and_the_next_is_answered() {
    let bench = Bench::new(NEVER);
    let text = "fn poisoned() { let one = 1; }\n";
    let (id, snapshot) = bench.open("a", text);
    bench.completed(1);
    *lock(&bench.script.poison) = Some("one = 1");
    let compare = |text: &str| {
        let pair = || (text.to_owned(), Language::Prose);
        wait(bench.analysis.compare(pair(), pair(), true, no_cancel()))
    };
    let why = failure(compare("one = 1"));
    assert!(why.contains("internal error") && !why.contains("one"), "{why}");
    assert_eq!(bench.event(panicked), (1, false));
    assert!(compare("harmless").is_ok(), "the engine answers again");
    assert_eq!(bench.script.loads.load(Ordering::SeqCst), 2);
    assert!(
        wait(bench.analysis.explain_at(&id, snapshot, 4, no_cancel()))
            .expect("known results stay")
            .is_some()
    );
}

#[test]
fn after_four_panics_in_a_minute_questions_are_refused_until_a_reload() {
    let bench = Bench::new(NEVER);
    bench.ready();
    *lock(&bench.script.poison) = Some("bad");
    let ask = || {
        let pair = || ("bad".to_owned(), Language::Prose);
        wait(bench.analysis.compare(pair(), pair(), true, no_cancel()))
    };
    for expected in [(1, false), (2, false), (3, false), (3, true)] {
        failure(ask());
        assert_eq!(bench.event(panicked), expected);
    }
    assert!(failure(ask()).contains("repeated internal errors"));
    assert!(matches!(bench.analysis.status().model, ModelStatus::Failed(_)));
    let (id, snapshot) = bench.open("a", "fn f() {}");
    failure(wait(bench.analysis.explain_at(&id, snapshot.clone(), 3, no_cancel())));
    failure(wait(bench.analysis.explain_document(
        &id,
        snapshot.clone(),
        no_cancel(),
    )));
    *lock(&bench.script.poison) = None;
    bench.analysis.reload(load(bench.script.clone(), "two"));
    assert!(wait(bench.analysis.explain_document(&id, snapshot, no_cancel())).is_ok());
}

#[test]
fn a_unit_that_panics_costs_neither_the_others_nor_the_next_edit() {
    let script = Arc::new(Script::default());
    *lock(&script.poison) = Some("fn bravo");
    let bench = Bench::with(script, options(Duration::ZERO));
    let text = functions(&["alpha", "bravo", "charlie"]);
    let (id, snapshot) = bench.open("a", &text);
    let why = failure(wait(bench.analysis.explain_document(&id, snapshot, no_cancel())));
    assert!(why.contains("internal error"), "{why}");
    let report = bench.analysis.report(&id, 1).expect("a report");
    assert_eq!(report.units.iter().filter(|unit| unit.is_none()).count(), 1);
    let loads = bench.script.loads.load(Ordering::SeqCst);
    assert!(loads <= 3, "one panic in a batch and one alone: {loads} loads");
    let edited = rust(&text.replace("charlie_3 = ", "charlie_3 = 7 + "), 2);
    bench.analysis.update(&id, edited.clone());
    failure(wait(bench.analysis.explain_document(&id, edited.clone(), no_cancel())));
    assert_eq!(
        bench.script.loads.load(Ordering::SeqCst),
        loads,
        "it did not panic again"
    );
    let at = text.find("fn bravo").expect("there") + 4;
    failure(wait(bench.analysis.explain_at(&id, edited, at, no_cancel())));
    assert_eq!(bench.script.loads.load(Ordering::SeqCst), loads);
}

#[test]
fn a_unit_that_the_model_refuses_does_not_cost_the_others() {
    let script = Arc::new(Script::default());
    *lock(&script.fault) = Some("fn bravo");
    let bench = Bench::with(script, options(NEVER));
    let (id, snapshot) = bench.open("a", &functions(&["alpha", "bravo", "charlie"]));
    let why = failure(wait(bench.analysis.explain_document(
        &id,
        snapshot.clone(),
        no_cancel(),
    )));
    assert!(why.contains("does not fit"), "{why}");
    let report = bench.analysis.report(&id, 1).expect("a report");
    assert_eq!(report.units.iter().filter(|unit| unit.is_none()).count(), 1);
    // A request after the end of the pass does not wait forever.
    failure(wait(bench.analysis.explain_document(&id, snapshot, no_cancel())));
}

#[test]
fn a_model_that_fails_to_load_fails_every_question_until_another_is_chosen() {
    for why in ["no such folder", "panic"] {
        let script = Arc::new(Script::default());
        script.fail_loading(Some(why));
        script.loading.shut();
        let bench = Bench::with(script, options(NEVER));
        let document = bench.open("a", "fn f() {}");
        let held = ask_at(&bench, &document, 3, no_cancel());
        until(|| bench.analysis.status().queued == 1);
        bench.script.loading.open();
        let reported = bench.event(|event| match event {
            Event::ModelFailed(why) => Some(why),
            _ => None,
        });
        assert_eq!(failure(held.join().expect("no panic")), reported);
        assert_eq!(
            failure(ask_at(&bench, &document, 3, no_cancel()).join().expect("no panic")),
            reported
        );
        bench.script.fail_loading(None);
        bench.analysis.reload(load(bench.script.clone(), "two"));
        assert!(
            ask_at(&bench, &document, 3, no_cancel())
                .join()
                .expect("no panic")
                .is_ok()
        );
    }
}

#[test]
fn while_the_model_loads_questions_wait_and_can_be_cancelled() {
    let script = Arc::new(Script::default());
    script.loading.shut();
    let bench = Bench::with(script, options(NEVER));
    let document = bench.open("a", "fn f() {}");
    assert!(matches!(bench.analysis.status().model, ModelStatus::Loading));
    let cancel = no_cancel();
    let cancelled = ask_at(&bench, &document, 3, cancel.clone());
    until(|| bench.analysis.status().queued == 1);
    cancel.cancel();
    assert_eq!(
        cancelled.join().expect("no panic").expect_err("cancelled"),
        Refusal::Cancelled
    );
    let held = ask_at(&bench, &document, 4, no_cancel());
    bench.script.loading.open();
    assert!(held.join().expect("no panic").is_ok());
}

#[test]
fn another_model_explains_all_documents_again() {
    let bench = Bench::new(NEVER);
    bench.open("a", &functions(&["alpha", "bravo"]));
    let units = bench.completed(1).units.len();
    bench.script.forget();
    bench.analysis.reload(load(bench.script.clone(), "two"));
    bench.completed(1);
    assert_eq!(bench.script.texts().len(), units);
    assert_eq!(
        bench.script.dropped.load(Ordering::SeqCst),
        1,
        "the first model is gone"
    );
    assert!(matches!(bench.analysis.status().model, ModelStatus::Ready(info) if info.id == "two"));
}

#[test]
fn shutdown_answers_waiting_requests_and_the_last_handle_ends_the_thread() {
    let bench = Bench::new(NEVER);
    bench.ready();
    bench.script.gate.shut();
    let document = bench.open("a", &functions(&["alpha"]));
    let waiting = ask_at(&bench, &document, 4, no_cancel());
    until(|| bench.analysis.status().queued == 1 || bench.script.gate.arrived() > 0);
    bench.analysis.shutdown();
    assert_eq!(
        waiting.join().expect("no panic").expect_err("ended"),
        Refusal::Cancelled
    );
    assert!(
        ask_at(&bench, &document, 4, no_cancel())
            .join()
            .expect("no panic")
            .is_err()
    );
    until(|| bench.script.dropped.load(Ordering::SeqCst) == 1);

    let Bench { analysis, script, .. } = Bench::new(NEVER);
    let clone = analysis.clone();
    drop(analysis);
    until(|| matches!(clone.status().model, ModelStatus::Ready(_)));
    drop(clone);
    until(|| script.dropped.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_listener_that_panics_does_not_stop_the_analysis() {
    let script = Arc::new(Script::default());
    let analysis = AnalysisHandle::start(load(script, "one"), options(NEVER), |_| panic!("the listener panics"));
    let snapshot = rust("fn f() {}", 1);
    analysis.update(&id("a"), snapshot.clone());
    assert!(wait(analysis.explain_document(&id("a"), snapshot, no_cancel())).is_ok());
}

#[test]
fn positions_and_ranges_outside_the_document_are_accepted() {
    let bench = Bench::new(NEVER);
    let (id, snapshot) = bench.open("a", "fn f() { 1 }");
    assert!(
        wait(bench.analysis.explain_at(&id, snapshot.clone(), 10_000, no_cancel()))
            .expect("an answer")
            .is_none()
    );
    let reversed = std::ops::Range { start: 9, end: 3 };
    for range in [5..10_000, 10_000..20_000, reversed] {
        assert!(wait(bench.analysis.explain_range(&id, snapshot.clone(), range, no_cancel())).is_ok());
    }
}
