//! Questions: priorities, replacement, cancellation.

use super::super::Refusal;
use super::super::queue::{MAX_INTERRUPTIONS, MAX_WAITING};
use super::*;

/// A bench with an analyzed document, whose next engine call waits at the gate.
fn analyzed(text: &str) -> (Bench, (DocumentId, Snapshot)) {
    let bench = Bench::new(NEVER);
    let document = bench.open("a", text);
    bench.completed(1);
    bench.script.gate.shut();
    (bench, document)
}

#[test]
fn a_word_is_explained_with_its_unit_and_its_sources() {
    let bench = Bench::new(NEVER);
    let text = functions(&["alpha", "bravo"]);
    let (id, snapshot) = bench.open("a", &text);
    let offset = text.find("fn bravo").expect("there") + 4;
    let found = wait(bench.analysis.explain_at(&id, snapshot.clone(), offset, no_cancel())).expect("an answer");
    let found = found.expect("a unit");
    let word = &found.report.words[found.word.expect("a word")];
    let start = found.unit.range.start;
    assert_eq!(&text[start + word.range.start..start + word.range.end], "bravo");
    assert_eq!(found.sources.words, found.report.words.len());
    let behind = wait(bench.analysis.explain_at(&id, snapshot, offset - 2, no_cancel())).expect("an answer");
    assert_eq!(
        behind.expect("a unit").word,
        Some(0),
        "right behind a word is still that word"
    );
    assert_eq!(
        bench.script.sources.load(Ordering::SeqCst),
        1,
        "the second question was answered from the cache"
    );
}

#[test]
fn cached_answers_come_at_once_while_the_model_thread_is_busy() {
    let (bench, document) = analyzed(&functions(&["alpha", "bravo"]));
    let (id, snapshot) = document.clone();
    bench.script.gate.open();
    wait(bench.analysis.explain_at(&id, snapshot.clone(), 4, no_cancel()))
        .expect("an answer")
        .expect("a unit");
    bench.script.gate.shut();
    bench.open("b", &functions(&["other"]));
    let before = bench.script.gate.arrived();
    until(|| bench.script.gate.arrived() > before || bench.analysis.works());
    let mut times: Vec<Duration> = (0..1000)
        .map(|i| {
            let started = Instant::now();
            let known = wait(bench.analysis.explain_at(&id, snapshot.clone(), i % 40, no_cancel()));
            assert!(known.expect("an answer").is_some());
            started.elapsed()
        })
        .collect();
    times.sort();
    assert!(times[990] < Duration::from_millis(5), "p99 {:?}", times[990]);
    bench.script.gate.open();
}

#[test]
fn a_newer_question_for_the_same_purpose_replaces_waiting_and_running_ones() {
    let text = functions(&["alpha", "bravo", "charlie"]);
    let (bench, document) = analyzed(&text);
    let at = |name: &str| text.find(&format!("fn {name}")).expect("there") + 4;
    let before = bench.script.gate.arrived();
    let running = ask_at(&bench, &document, at("alpha"), no_cancel());
    until(|| bench.script.gate.arrived() > before);
    let (analysis, (id, snapshot), offset) = (bench.analysis.clone(), document.clone(), at("alpha") + 20);
    let other = ask(async move {
        analysis
            .explain_at_for("highlight", &id, snapshot, offset, no_cancel())
            .await
    });
    until(|| bench.analysis.status().queued == 1);
    let waiting = ask_at(&bench, &document, at("bravo"), no_cancel());
    assert_eq!(running.join().expect("no panic").expect_err("replaced"), Refusal::Stale);
    let newest = ask_at(&bench, &document, at("charlie"), no_cancel());
    let replaced = waiting.join().expect("no panic");
    bench.script.gate.open();
    assert!(matches!(replaced, Err(Refusal::Stale)));
    assert!(newest.join().expect("no panic").expect("an answer").is_some());
    assert!(
        other
            .join()
            .expect("no panic")
            .expect("another purpose is not replaced")
            .is_some()
    );
}

#[test]
fn equal_questions_share_one_computation() {
    let (bench, document) = analyzed(&functions(&["alpha"]));
    let before = bench.script.gate.arrived();
    let first = ask_at(&bench, &document, 4, no_cancel());
    until(|| bench.script.gate.arrived() > before);
    let cancel = no_cancel();
    let others: Vec<_> = (0..4).map(|_| ask_at(&bench, &document, 4, cancel.clone())).collect();
    std::thread::yield_now();
    bench.script.gate.open();
    assert!(first.join().expect("no panic").is_ok());
    assert!(others.into_iter().all(|other| other.join().expect("no panic").is_ok()));
    assert_eq!(bench.script.sources.load(Ordering::SeqCst), 1);
}

#[test]
fn a_change_or_close_makes_questions_stale() {
    for close in [false, true] {
        let (bench, document) = analyzed(&functions(&["alpha", "bravo"]));
        let before = bench.script.gate.arrived();
        let running = ask_at(&bench, &document, 4, no_cancel());
        until(|| bench.script.gate.arrived() > before);
        let (id, snapshot) = document.clone();
        let (analysis, text) = (bench.analysis.clone(), snapshot.clone());
        let waiting = ask({
            let id = id.clone();
            async move { analysis.explain_range(&id, text, 0..10, no_cancel()).await }
        });
        until(|| bench.analysis.status().queued == 1);
        if close {
            bench.analysis.close(&id);
        } else {
            bench.analysis.update(&id, rust("fn other() {}", 2));
        }
        assert_eq!(running.join().expect("no panic").expect_err("stale"), Refusal::Stale);
        assert_eq!(waiting.join().expect("no panic").expect_err("stale"), Refusal::Stale);
        let late = wait(bench.analysis.explain_at(&id, snapshot.clone(), 4, no_cancel()));
        assert!(matches!(late, Err(Refusal::Stale)));
        let late = wait(bench.analysis.explain_document(&id, snapshot, no_cancel()));
        assert!(matches!(late, Err(Refusal::Stale)));
        bench.script.gate.open();
    }
}

#[test]
fn a_request_for_a_whole_document_is_refused_as_stale_when_it_changes() {
    let bench = Bench::new(NEVER);
    bench.script.gate.shut();
    let (id, snapshot) = bench.open("a", &functions(&["alpha"]));
    let analysis = bench.analysis.clone();
    let waiting = ask({
        let id = id.clone();
        async move { analysis.explain_document(&id, snapshot, no_cancel()).await }
    });
    until(|| bench.analysis.status().queued == 1);
    bench.analysis.update(&id, rust("fn other() {}", 2));
    assert_eq!(waiting.join().expect("no panic").expect_err("stale"), Refusal::Stale);
    bench.script.gate.open();
}

#[test]
fn cancelling_answers_at_once_and_stops_the_computation() {
    let (bench, document) = analyzed(&functions(&["alpha"]));
    let cancelled = no_cancel();
    cancelled.cancel();
    let before = bench.script.gate.arrived();
    assert_eq!(
        ask_at(&bench, &document, 4, cancelled)
            .join()
            .expect("no panic")
            .expect_err("before"),
        Refusal::Cancelled
    );
    assert_eq!(bench.script.gate.arrived(), before, "nothing was computed");
    // The end of the analysis is told.
    until(|| !bench.analysis.status().busy);
    let cancel = no_cancel();
    let running = ask_at(&bench, &document, 4, cancel.clone());
    until(|| bench.script.gate.arrived() > before);
    // A question is no work on a document: its end has no event, and a client that was told "busy" would show it for ever.
    assert!(bench.analysis.works() && !bench.analysis.status().busy);
    cancel.cancel();
    assert_eq!(
        running.join().expect("no panic").expect_err("while running"),
        Refusal::Cancelled
    );
    until(|| !bench.analysis.works());
    bench.script.gate.open();
    assert!(
        ask_at(&bench, &document, 4, cancel).join().expect("no panic").is_err(),
        "a token stays cancelled"
    );
    assert!(
        ask_at(&bench, &document, 4, no_cancel())
            .join()
            .expect("no panic")
            .is_ok()
    );
}

#[test]
fn dropping_a_future_stops_its_computation() {
    let (bench, (id, snapshot)) = analyzed(&functions(&["alpha"]));
    let before = bench.script.gate.arrived();
    {
        let question = bench.analysis.explain_at(&id, snapshot, 4, no_cancel());
        let mut question = std::pin::pin!(question);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(question.as_mut().poll(&mut context).is_pending());
        until(|| bench.script.gate.arrived() > before);
    }
    until(|| !bench.analysis.works());
    bench.script.gate.open();
}

#[test]
fn a_cursor_question_interrupts_a_batch_which_runs_afterwards() {
    let bench = Bench::new(NEVER);
    let near = bench.open("near", "fn near() { let one = two; }");
    bench.completed(1);
    bench.script.forget();
    bench.script.gate.shut();
    let before = bench.script.gate.arrived();
    let (far, snapshot) = bench.open("far", &functions(&["alpha"]));
    until(|| bench.script.gate.arrived() > before);
    let question = ask_at(&bench, &near, 4, no_cancel());
    // The batch stops while the gate is shut, and the question then waits at the gate.
    until(|| bench.script.gate.arrived() > before + 1);
    assert!(bench.script.texts().is_empty());
    bench.script.gate.open();
    assert!(question.join().expect("no panic").expect("an answer").is_some());
    assert!(wait(bench.analysis.explain_document(&far, snapshot, no_cancel())).is_ok());
    assert_eq!(bench.script.texts().len(), 1, "the batch ran to its end once");
}

#[test]
fn a_batch_interrupted_three_times_runs_to_its_end() {
    let bench = Bench::new(NEVER);
    let near = bench.open("near", &functions(&["alpha", "bravo", "charlie", "delta", "echo"]));
    bench.completed(1);
    bench.script.forget();
    bench.script.gate.shut();
    let mut arrived = bench.script.gate.arrived();
    bench.open("far", &functions(&["zulu"]));
    until(|| bench.script.gate.arrived() > arrived);
    arrived += 1;
    for _ in 0..MAX_INTERRUPTIONS {
        let cancel = no_cancel();
        let question = ask_at(&bench, &near, 4, cancel.clone());
        until(|| bench.script.gate.arrived() > arrived);
        cancel.cancel();
        assert!(question.join().expect("no panic").is_err());
        until(|| bench.script.gate.arrived() > arrived + 1);
        arrived += 2;
    }
    let question = ask_at(&bench, &near, 4, no_cancel());
    until(|| bench.analysis.status().queued == 1);
    bench.script.gate.open();
    assert!(question.join().expect("no panic").expect("an answer").is_some());
    assert!(
        bench.script.texts().iter().any(|text| text.contains("zulu")),
        "the batch went before the question"
    );
}

#[test]
fn questions_beyond_the_limit_are_refused_as_busy() {
    let script = Arc::new(Script::default());
    script.loading.shut();
    let bench = Bench::with(script, options(NEVER));
    let (id, snapshot) = bench.open("a", "fn f() {}");
    let mut waiting = Vec::new();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..MAX_WAITING {
        let pair = || ("a".to_owned(), Language::Prose);
        let mut question = Box::pin(bench.analysis.compare(pair(), pair(), true, no_cancel()));
        assert!(question.as_mut().poll(&mut context).is_pending());
        waiting.push(question);
    }
    let refused = wait(bench.analysis.explain_at(&id, snapshot.clone(), 3, no_cancel()));
    assert_eq!(refused.expect_err("full"), Refusal::Busy);
    // Withdrawn questions make room.
    waiting.pop();
    let question = ask_at(&bench, &(id, snapshot), 3, no_cancel());
    until(|| bench.analysis.status().queued == MAX_WAITING);
    drop(waiting);
    bench.script.loading.open();
    assert!(question.join().expect("no panic").is_ok());
}

#[test]
fn while_paused_only_cached_answers_are_given_and_resume_continues() {
    let bench = Bench::new(Duration::ZERO);
    let text = functions(&["alpha", "bravo"]);
    let (id, snapshot) = bench.open("a", &text);
    wait(bench.analysis.explain_at(&id, snapshot.clone(), 4, no_cancel())).expect("an answer");
    bench.completed(1);
    bench.script.gate.shut();
    let before = bench.script.gate.arrived();
    let running = ask_at(&bench, &(id.clone(), snapshot.clone()), text.len() - 10, no_cancel());
    until(|| bench.script.gate.arrived() > before);
    bench.analysis.pause();
    assert_eq!(running.join().expect("no panic").expect_err("paused"), Refusal::Paused);
    assert!(bench.analysis.status().paused);
    assert!(
        wait(bench.analysis.explain_at(&id, snapshot.clone(), 4, no_cancel()))
            .expect("known")
            .is_some()
    );
    let unknown = wait(
        bench
            .analysis
            .explain_at(&id, snapshot.clone(), text.len() - 10, no_cancel()),
    );
    assert_eq!(unknown.expect_err("unknown"), Refusal::Paused);
    assert!(
        wait(bench.analysis.explain_document(&id, snapshot, no_cancel())).is_ok(),
        "complete before the pause"
    );
    let changed = rust(&functions(&["charlie"]), 2);
    bench.analysis.update(&id, changed.clone());
    let waited = wait(bench.analysis.explain_document(&id, changed, no_cancel()));
    assert_eq!(waited.expect_err("paused"), Refusal::Paused);
    assert!(bench.analysis.report(&id, 2).is_none());
    bench.script.gate.open();
    bench.analysis.resume();
    bench.completed(2);
}

#[test]
fn a_range_is_one_unit_or_merged_from_several_and_its_shares_sum_to_one() {
    let bench = Bench::new(NEVER);
    let text = functions(&["alpha", "bravo", "charlie"]);
    let (id, snapshot) = bench.open("a", &text);
    bench.completed(1);
    let short = wait(bench.analysis.explain_range(&id, snapshot.clone(), 0..40, no_cancel())).expect("an answer");
    assert_eq!(*short, report_of(&text[..40], Method::Decomposition));
    let long = wait(
        bench
            .analysis
            .explain_range(&id, snapshot.clone(), 0..text.len(), no_cancel()),
    )
    .expect("an answer");
    assert!(long.residual < 1e-4, "{}", long.residual);
    let words: Vec<_> = long.words.iter().map(|word| &text[word.range.clone()]).collect();
    let expected: Vec<_> = source_words(&text)
        .iter()
        .map(|word| &text[word.range.clone()])
        .collect();
    assert_eq!(words, expected);
    bench.script.gate.shut();
    let again = wait(bench.analysis.explain_range(&id, snapshot, 0..text.len(), no_cancel())).expect("known");
    assert!(Arc::ptr_eq(&long, &again));
    bench.script.gate.open();
}
