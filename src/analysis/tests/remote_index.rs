//! A team's store in addition to open documents and workspace, with the embedded model.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::super::{IndexStage, ShownFile, StoreStage};
use super::workspace::{AREA, LOAD, READ, bench, indexed, write};
use super::*;
use crate::model::{Model, UNSTOPPED};
use crate::segment::ItemKind;
use crate::similar::index::{
    Asked, Collection, Elsewhere, Filter, Found, Index, IndexError, Limits, Query, VectorIndex,
};

/// Controls a store from a test.
#[derive(Debug, Default)]
struct Switch {
    away: AtomicBool,
    asked: AtomicUsize,
    /// If set, each query waits until the test sends or drops the other end.
    gate: Mutex<Option<Receiver<()>>>,
}

#[derive(Debug)]
struct Shelf(VectorIndex, Arc<Switch>);

impl Shelf {
    fn answer(&self, found: Result<Vec<Found>, IndexError>) -> Result<Vec<Found>, IndexError> {
        self.1.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &*lock(&self.1.gate) {
            let _ = gate.recv();
        }
        if self.1.away.load(Ordering::SeqCst) {
            return Err(IndexError::Store {
                store: "code on db".into(),
                why: "it is being moved".into(),
            });
        }
        let mut found = found?;
        for found in &mut found {
            found.root = Path::new("team/backend").into();
            found.link = Some(format!("https://git.example/{}", found.path.display()));
        }
        Ok(found)
    }
}

impl Collection for Shelf {
    fn similar(&self, asked: &Asked, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError> {
        self.answer(self.0.similar(asked, filter, count))
    }

    fn search(&self, query: &Query, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError> {
        self.answer(self.0.search(query, filter, count))
    }

    fn len(&self) -> Result<usize, IndexError> {
        Ok(self.0.len())
    }
}

/// A bench with a team's store that contains some files.
fn beside(files: &[(&str, &str)], local: &[&Path]) -> (Bench, Arc<Switch>) {
    let folder = tempfile::tempdir().expect("a folder");
    files.iter().for_each(|(path, text)| write(folder.path(), path, text));
    let switch = Arc::<Switch>::default();
    let for_store = switch.clone();
    let open = move |model: &Model| -> Result<Box<dyn Collection>, IndexError> {
        let mut index = Index::in_memory()?;
        index.renew(model, folder.path(), &Limits::default(), UNSTOPPED, |_| {})?;
        let vector_index = index.vector_index(model, folder.path())?;
        Ok(Box::new(Shelf(vector_index, for_store.clone())))
    };
    let Bench {
        analysis,
        events,
        script,
    } = bench(local, None);
    let analysis = analysis.beside(Elsewhere {
        place: "code on db".into(),
        open: Box::new(open),
    });
    let bench = Bench {
        analysis,
        events,
        script,
    };
    (bench, switch)
}

fn names(bench: &Bench, id: &DocumentId) -> Vec<(String, Home)> {
    let items = bench.analysis.neighbors(id, 1).unwrap_or_default();
    let all = items.iter().flat_map(|item| item.neighbors.clone());
    all.map(|near| (near.item.name, near.home)).collect()
}

fn home_in_store(path: &str) -> Home {
    Home::Store {
        folder: Path::new("team/backend").into(),
        path: path.into(),
        link: Some(format!("https://git.example/{path}")),
    }
}

#[test]
fn an_open_document_has_neighbors_in_the_teams_store() {
    let (bench, _) = beside(&[("src/config.rs", READ), ("src/area.rs", AREA)], &[]);
    let (id, _) = bench.open("untitled:1", LOAD);
    bench.completed(1);
    let expected = [("read_settings".to_owned(), home_in_store("src/config.rs"))];
    until(|| names(&bench, &id) == expected);
    // A hover finds it as well.
    let around = bench.analysis.neighbors_at(&id, 1, 5).expect("analyzed");
    assert_eq!(around[0].neighbors[0].home, home_in_store("src/config.rs"));
    // The neighbors may arrive a moment before the status changes.
    let ready = Some(("code on db".to_owned(), StoreStage::Ready));
    until(|| bench.analysis.status().store == ready);
}

#[test]
fn the_store_is_queried_once_per_item_and_again_after_an_edit() {
    let (bench, switch) = beside(&[("src/config.rs", READ)], &[]);
    let text = format!("{LOAD}\n{AREA}");
    let (id, _) = bench.open("untitled:1", &text);
    bench.completed(1);
    let asked = || switch.asked.load(Ordering::SeqCst);
    until(|| !names(&bench, &id).is_empty());
    until(|| asked() == 2);
    bench
        .analysis
        .update(&id, rust(&text.replace("sum = 0.0", "total = 0.0"), 2));
    bench.completed(2);
    until(|| bench.analysis.neighbors(&id, 2).is_some_and(|items| items.len() == 1) && asked() == 3);
}

#[test]
fn items_of_the_open_folder_in_the_store_are_not_neighbors() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("there");
    write(&root, "src/config.rs", READ);
    write(&root, "src/load.rs", LOAD);
    let (bench, switch) = beside(&[("src/config.rs", READ), ("src/load.rs", LOAD)], &[&root]);
    indexed(&bench, 2);
    let id = id("file:///load.rs");
    bench
        .analysis
        .open(&id, rust(LOAD, 1), Some(ShownFile::itself(root.join("src/load.rs"))));
    bench.completed(1);
    let expected = [("read_settings".to_owned(), Home::File(root.join("src/config.rs")))];
    until(|| names(&bench, &id) == expected && switch.asked.load(Ordering::SeqCst) > 0);
    until(|| {
        bench
            .analysis
            .status()
            .store
            .is_some_and(|(_, stage)| stage == StoreStage::Ready)
    });
    assert_eq!(names(&bench, &id), expected);
}

#[test]
fn an_unavailable_store_costs_its_items_is_reported_once_and_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "src/settings.rs", READ);
    let (bench, switch) = beside(&[("src/config.rs", READ)], &[folder.path()]);
    switch.away.store(true, Ordering::SeqCst);
    indexed(&bench, 1);
    let (id, _) = bench.open("untitled:1", LOAD);
    bench.completed(1);
    until(|| names(&bench, &id).len() == 1);
    let reported = bench.event(|event| match event {
        Event::IndexProblem(why) => Some(why),
        _ => None,
    });
    assert_eq!(
        reported,
        "the store code on db: it is being moved; its items stay hidden until it answers"
    );
    let away = |stage: &StoreStage| matches!(stage, StoreStage::Away(why) if why.ends_with("it is being moved"));
    until(|| bench.analysis.status().store.is_some_and(|(_, stage)| away(&stage)));
    // After another failed query, the store answers again.
    until(|| switch.asked.load(Ordering::SeqCst) >= 2);
    switch.away.store(false, Ordering::SeqCst);
    until(|| {
        names(&bench, &id)
            .iter()
            .any(|(_, home)| *home == home_in_store("src/config.rs"))
    });
    let again = bench.events.try_iter();
    assert_eq!(again.filter(|event| matches!(event, Event::IndexProblem(_))).count(), 0);
}

#[test]
fn no_request_waits_for_a_store_that_does_not_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "src/settings.rs", READ);
    let (bench, switch) = beside(&[("src/config.rs", READ)], &[folder.path()]);
    let (open, gate): (Sender<()>, _) = channel();
    *lock(&switch.gate) = Some(gate);
    indexed(&bench, 1);
    let (id, _) = bench.open("untitled:1", LOAD);
    bench.completed(1);
    // While the query hangs, local neighbors are available, and a search finds local items.
    until(|| names(&bench, &id).len() == 1 && switch.asked.load(Ordering::SeqCst) == 1);
    let search = |beyond| {
        let query = "read the configuration from a file".to_owned();
        let functions = Filter {
            kinds: vec![ItemKind::Function],
            ..Filter::default()
        };
        let asked = bench.analysis.search(query, functions, 9, beyond, no_cancel());
        wait(asked).expect("an answer").found.len()
    };
    assert_eq!((search(false), search(true)), (2, 2));
    drop(open);
    until(|| names(&bench, &id).len() == 2);
    until(|| search(true) == 3);
    assert_eq!(bench.analysis.status().index.stage, IndexStage::Ready);
}
