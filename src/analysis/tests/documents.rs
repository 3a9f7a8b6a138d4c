//! Work on whole documents: what is computed, when, and in which order.

use super::*;

const NAMES: [&str; 20] = [
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima",
    "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango",
];

#[test]
fn a_whole_document_is_explained_in_packed_passes() {
    let bench = Bench::new(NEVER);
    let text = functions(&NAMES);
    let (id, _) = bench.open("a", &text);
    let report = bench.completed(1);
    assert_eq!(report.id, id);
    assert!(report.units.len() >= NAMES.len());
    assert_eq!(report.segments.units.len(), report.units.len());
    for (unit, explanation) in report.segments.units.iter().zip(&report.units) {
        let expected = report_of(&text[unit.range.clone()], Method::Decomposition);
        assert_eq!(**explanation.as_ref().expect("complete"), expected);
    }
    let passes = lock(&bench.script.passes);
    assert!(passes.len() < report.units.len(), "several units share a pass");
    for pass in passes.iter().filter(|pass| pass.len() > 1) {
        let tokens: usize = pass.iter().map(|text| source_words(text).len() + 2).sum();
        assert!(tokens <= 384, "{tokens} tokens in one pass");
    }
    drop(passes);
    assert!(bench.analysis.report(&id, 1).is_some_and(|report| report.complete()));
    assert!(bench.analysis.report(&id, 2).is_none());
}

#[test]
fn an_edit_recomputes_only_the_unit_that_it_touches() {
    let bench = Bench::new(Duration::ZERO);
    let text = functions(&NAMES);
    let (id, _) = bench.open("a", &text);
    bench.completed(1);
    bench.script.forget();
    let counted = bench.script.counted.load(Ordering::SeqCst);
    let edited = text.replace("hotel_3 = ", "hotel_3 = 7 + ");
    bench.analysis.update(&id, rust(&edited, 2));
    let report = bench.completed(2);
    assert_eq!(report.snapshot.len(), edited.len());
    let texts = bench.script.texts();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].contains("fn hotel"));
    let counted = bench.script.counted.load(Ordering::SeqCst) - counted;
    assert!(counted < 20, "{counted} texts counted again");
}

#[test]
fn only_later_analyses_wait_for_the_debounce() {
    let bench = Bench::new(NEVER);
    let (id, _) = bench.open("a", &functions(&["alpha"]));
    bench.completed(1);
    bench.script.forget();
    let changed = rust(&functions(&["bravo"]), 2);
    bench.analysis.update(&id, changed.clone());
    assert!(bench.analysis.report(&id, 2).is_none());
    // A request for the whole document skips the debounce.
    let report = wait(bench.analysis.explain_document(&id, changed, no_cancel())).expect("an answer");
    assert!(report.complete() && report.snapshot.version() == 2);
}

#[test]
fn only_the_last_of_ten_thousand_updates_is_analyzed() {
    let script = Arc::new(Script::default());
    script.loading.shut();
    let bench = Bench::with(script, options(Duration::from_millis(1)));
    let started = Instant::now();
    for version in 1..=10_000 {
        bench.analysis.update(
            &id("a"),
            rust(&format!("fn f() {{ let version = {version}; }}"), version),
        );
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    bench.script.loading.open();
    bench.completed(10_000);
    assert_eq!(bench.script.texts().len(), 1);
}

#[test]
fn a_flood_of_updates_rarely_wakes_the_model_thread() {
    let bench = Bench::new(Duration::from_secs(60));
    bench.open("a", "fn f() {}");
    bench.completed(1);
    until(|| !bench.analysis.works());
    let before = bench.analysis.wakeups();
    for version in 2..1000 {
        bench
            .analysis
            .update(&id("a"), rust(&format!("fn f() {{ {version} }}"), version));
    }
    assert!(bench.analysis.wakeups() - before < 20);
}

#[test]
fn an_idle_model_thread_does_not_wake_up() {
    let bench = Bench::new(Duration::from_millis(1));
    bench.open("a", &functions(&NAMES));
    bench.completed(1);
    bench.event(|event| matches!(event, Event::Neighbors).then_some(()));
    bench.event(|event| matches!(event, Event::Busy(false)).then_some(()));
    let before = bench.analysis.wakeups();
    // The test must wait to see that nothing happens.
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        bench.analysis.wakeups() - before <= 1,
        "{} wake-ups",
        bench.analysis.wakeups() - before
    );
}

#[test]
fn visible_units_go_first_then_those_near_the_cursor() {
    let script = Arc::new(Script::default());
    script.loading.shut();
    let bench = Bench::with(script, options(NEVER));
    let text = functions(&NAMES);
    let document = bench.open("a", &text);
    let at = |name: &str| text.find(&format!("fn {name}")).expect("there");
    bench.analysis.set_visible(&document.0, at("sierra")..at("tango"));
    let cancel = no_cancel();
    let question = ask_at(&bench, &document, at("juliett") + 4, cancel.clone());
    until(|| bench.analysis.status().queued == 1);
    cancel.cancel();
    assert_eq!(
        question.join().expect("no panic").expect_err("cancelled"),
        super::super::Refusal::Cancelled
    );
    bench.script.loading.open();
    bench.completed(1);
    let texts = bench.script.texts();
    let order = |name: &str| {
        texts
            .iter()
            .position(|text| text.contains(&format!("fn {name}")))
            .expect("explained")
    };
    assert_eq!(order("sierra"), 0);
    assert!(order("juliett") < order("alpha") && order("india") < order("alpha"));
}

#[test]
fn sources_of_words_on_screen_are_prefetched() {
    let bench = Bench::new(NEVER);
    let text = functions(&NAMES);
    let document = bench.open("a", &text);
    bench.completed(1);
    assert_eq!(
        bench.script.sources.load(Ordering::SeqCst),
        0,
        "nothing is on screen yet"
    );
    let at = |name: &str| text.find(&format!("fn {name}")).expect("there");
    bench.analysis.set_visible(&document.0, at("sierra")..at("tango"));
    until(|| bench.script.sources.load(Ordering::SeqCst) == 1);
    bench.script.gate.shut();
    let known = ask_at(&bench, &document, at("sierra") + 4, no_cancel());
    assert!(
        known.join().expect("no panic").expect("answered").is_some(),
        "without the model"
    );
}

#[test]
fn the_document_with_the_latest_activity_goes_first() {
    let script = Arc::new(Script::default());
    script.loading.shut();
    let bench = Bench::with(script, options(NEVER));
    for name in ["alpha", "bravo", "charlie"] {
        bench.open(name, &functions(&[name]));
    }
    bench.script.loading.open();
    until(|| bench.script.texts().len() >= 3);
    let texts = bench.script.texts();
    assert!(texts[0].contains("charlie") && texts[1].contains("bravo") && texts[2].contains("alpha"));
}

#[test]
fn reports_of_a_long_pass_are_coalesced_and_the_last_is_complete() {
    let bench = Bench::new(NEVER);
    let names: Vec<String> = (0..400).map(|i| format!("name{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let started = Instant::now();
    bench.open("a", &functions(&names));
    let (mut reports, mut complete) = (0, false);
    while let Ok(event) = bench.events.recv_timeout(DEADLINE) {
        match event {
            Event::Report(report) => (reports, complete) = (reports + 1, report.complete()),
            Event::Busy(false) => break,
            _ => {}
        }
    }
    let passes = lock(&bench.script.passes).len();
    assert!(passes > 50 && complete);
    let most = 2 + started.elapsed().as_millis() / 50;
    assert!(
        reports <= most,
        "{reports} reports on {passes} passes, at most {most} expected"
    );
}

#[test]
fn another_method_is_computed_and_the_previous_results_stay_cached() {
    let bench = Bench::new(NEVER);
    let (id, _) = bench.open("a", &functions(&["alpha", "bravo"]));
    let units = bench.completed(1).units.len();
    bench.script.forget();
    bench.analysis.configure(Options {
        method: Method::Alti,
        ..options(NEVER)
    });
    let report = bench.completed(1);
    assert!(report.units.iter().flatten().all(|unit| unit.method == Method::Alti));
    assert_eq!(bench.script.texts().len(), units);
    bench.analysis.configure(options(NEVER));
    let report = bench.completed(1);
    assert!(
        report
            .units
            .iter()
            .flatten()
            .all(|unit| unit.method == Method::Decomposition)
    );
    assert_eq!(bench.script.texts().len(), units, "the first results were kept");
    assert!(bench.analysis.report(&id, 1).is_some());
}

#[test]
fn a_finished_batch_is_kept_even_if_the_text_changed_meanwhile() {
    let bench = Bench::new(Duration::ZERO);
    bench.ready();
    bench.script.gate.shut();
    let text = functions(&["alpha", "bravo"]);
    let (id, _) = bench.open("a", &text);
    until(|| bench.script.gate.arrived() == 1);
    bench
        .analysis
        .update(&id, rust(&text.replace("bravo_3 = ", "bravo_3 = 7 + "), 2));
    bench.script.gate.open();
    bench.completed(2);
    let alphas = bench
        .script
        .texts()
        .iter()
        .filter(|text| text.contains("fn alpha"))
        .count();
    assert_eq!(alphas, 1, "{:?}", bench.script.texts());
}

#[test]
fn an_empty_document_is_complete_at_once() {
    let bench = Bench::new(NEVER);
    let (id, snapshot) = bench.open("a", "");
    let report = bench.completed(1);
    assert!(report.units.is_empty());
    assert!(
        wait(bench.analysis.explain_at(&id, snapshot.clone(), 0, no_cancel()))
            .expect("an answer")
            .is_none()
    );
    assert!(wait(bench.analysis.explain_document(&id, snapshot, no_cancel())).is_ok());
}

#[test]
fn the_debounce_grows_with_the_duration_of_a_pass_up_to_two_seconds() {
    use super::super::address::Setting;
    use super::super::document::{Prepared, Previous};
    use super::super::documents::Documents;
    use crate::segment::{Budget, Reading};
    let now = Instant::now();
    let debounce = Duration::from_millis(250);
    let pass = |documents: &mut Documents, took: Duration| {
        let document = documents.get_mut(&id("a")).expect("open");
        let budget = Budget {
            tokens: &|_, _| 1,
            window: 256,
        };
        let previous = Previous {
            reading: Reading::new(rust("", document.snapshot.version()), None, &budget),
            keys: Arc::from([]),
            tokens: Arc::from([]),
            setting: Setting {
                model: "m".into(),
                method: Method::Decomposition,
                heads: crate::explain::Heads::default(),
                identifier_aware: true,
            },
        };
        let prepared = Prepared {
            previous,
            units: Vec::new(),
            took,
        };
        document.segmented(&id("a"), prepared);
        assert!(document.finish_if_complete());
    };
    let due = |took: Duration| {
        let mut documents = Documents::default();
        documents.update(&id("a"), rust("", 1), debounce, now);
        assert_eq!(documents.deadline(now), Some(now), "the first has no debounce");
        pass(&mut documents, Duration::from_secs(30));
        documents.update(&id("a"), rust("x", 2), debounce, now);
        let first = documents.deadline(now).expect("work") - now;
        assert_eq!(first, debounce, "the first pass says nothing about the cost of an edit");
        pass(&mut documents, took);
        documents.update(&id("a"), rust("xy", 3), debounce, now);
        documents.deadline(now).expect("work") - now
    };
    assert_eq!(due(Duration::from_millis(10)), debounce);
    assert_eq!(due(Duration::from_millis(400)), Duration::from_millis(800));
    assert_eq!(due(Duration::from_secs(30)), Duration::from_secs(2));
}
