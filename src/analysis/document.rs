//! One open document: what is known of it, and what is to be done next.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cache::{Key, Setting};
use super::lenses::DocumentVectors;
use super::queue::{Answer, Asker, MAX_INTERRUPTIONS, Priority};
use super::{DocumentId, DocumentReport, Refusal, ShownFile, UnitReport};
use crate::segment::Reading;
use crate::text::{ByteRange, Snapshot};

/// Tokens of one packed forward pass, about: enough to use the machine, few enough to be soon over.
pub const BATCH_TOKENS: usize = 384;

/// The debounce is widened with the time a pass takes, up to this.
const WIDEST_DEBOUNCE: Duration = Duration::from_secs(2);

/// Units this near to the cursor, in bytes, are taken before the rest.
const NEAR: usize = 4096;

/// How often new results are announced while a pass goes on.
pub const ANNOUNCE_EVERY: Duration = Duration::from_millis(50);

/// How far the analysis of a document's current text has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is known yet.
    Changed,
    /// Units and items are known; `missing` says which units the model has not come to.
    Segmented,
    /// Its segments could not be made.
    Broken,
}

/// A text that was read, with what was looked up about its units: what the next version has in common with it is taken over.
pub struct Previous {
    /// The text, its tree, units and items.
    pub reading: Reading,
    /// One per unit: where its explanation is kept.
    pub keys: Arc<[Key]>,
    /// One per unit: how many tokens it has.
    pub tokens: Arc<[usize]>,
    /// What keys and tokens depend on besides the text.
    pub setting: Setting,
}

impl Previous {
    /// What of it holds under a setting: under another than its own the syntax alone.
    pub fn under(mut self, setting: &Setting) -> Previous {
        if self.setting != *setting {
            self.reading.forget_units();
        }
        self
    }

    /// Whether a report is about this text, unit by unit.
    pub fn is_of(&self, report: &DocumentReport) -> bool {
        Arc::ptr_eq(self.reading.segments(), &report.segments)
    }
}

/// What segmenting a document's text gave.
pub struct Prepared {
    /// The text, read.
    pub previous: Previous,
    /// One per unit: its explanation, where it was known.
    pub units: Vec<Option<Arc<UnitReport>>>,
    /// How long it took.
    pub took: Duration,
}

/// An open document.
pub struct Document {
    /// Its newest text.
    pub snapshot: Snapshot,
    /// Counts texts over all documents: a version may come again, after the document was closed, a revision never.
    pub revision: u64,
    /// How far the newest text is analyzed.
    pub stage: Stage,
    /// The text that was read last.
    pub previous: Option<Previous>,
    /// The latest report, which is of an older text until the newest is segmented.
    pub report: Option<Arc<DocumentReport>>,
    /// Where the explanations of the report's units are kept.
    pub keys: Arc<[Key]>,
    /// Vectors of its items, of the last text that was analyzed completely.
    pub vectors: Option<Arc<DocumentVectors>>,
    /// The file that it shows, where it shows one.
    pub file: Option<ShownFile>,
    /// Why units remain without explanation.
    pub failure: Option<String>,
    /// The cursor's last known place.
    pub cursor: Option<usize>,
    /// What the editor shows of it.
    pub visible: Option<ByteRange>,
    /// Whether its neighbors were asked for, so that they are worth computing beforehand.
    pub lenses_wanted: bool,
    /// When somebody turned to it last, counted over all documents.
    pub touched: u64,
    /// When its work may begin.
    pub due: Instant,
    tokens: Arc<[usize]>,
    missing: Vec<usize>,
    /// Those who wait until it is complete.
    pub waiters: Vec<Asker>,
    foreseen: HashSet<usize>,
    interruptions: u8,
    pass: Duration,
    /// How long the last pass after an edit took; `None` before the document was explained for the first time.
    last_pass: Option<Duration>,
    announced: Option<Instant>,
    unannounced: bool,
    /// Nothing was explained since the units are known, and one forward pass explains what is missing.
    soon_over: bool,
}

impl Document {
    /// A document that was just opened.
    pub fn new(snapshot: Snapshot, revision: u64, now: Instant) -> Document {
        Document {
            snapshot,
            revision,
            stage: Stage::Changed,
            previous: None,
            report: None,
            keys: Arc::from([]),
            vectors: None,
            file: None,
            failure: None,
            cursor: None,
            visible: None,
            lenses_wanted: false,
            touched: revision,
            due: now,
            tokens: Arc::from([]),
            missing: Vec::new(),
            waiters: Vec::new(),
            foreseen: HashSet::new(),
            interruptions: 0,
            pass: Duration::ZERO,
            last_pass: None,
            announced: None,
            unannounced: false,
            soon_over: false,
        }
    }

    /// Its text changed; work on it begins again when due.
    pub fn change(&mut self, snapshot: Snapshot, revision: u64, due: Instant) {
        self.refuse_waiters(&Refusal::Stale);
        self.snapshot = snapshot;
        self.revision = revision;
        self.touched = revision;
        self.due = due;
        self.restart();
    }

    /// Forgets how far the analysis has come, not what it found before.
    pub fn restart(&mut self) {
        self.stage = Stage::Changed;
        self.missing.clear();
        self.foreseen.clear();
        self.failure = None;
        self.interruptions = 0;
        self.pass = Duration::ZERO;
        self.unannounced = false;
    }

    /// The report on the newest text, whether complete or not.
    pub fn current(&self) -> Option<&Arc<DocumentReport>> {
        self.report.as_ref().filter(|_| self.stage == Stage::Segmented)
    }

    /// Whether every unit of the newest text is explained.
    pub fn complete(&self) -> bool {
        self.stage == Stage::Segmented && self.missing.is_empty() && self.failure.is_none()
    }

    fn working(&self) -> bool {
        self.stage == Stage::Changed || !self.missing.is_empty()
    }

    fn awaited(&self) -> bool {
        self.waiters.iter().any(|asker| !asker.withdrawn())
    }

    /// When its work may begin; `None` where there is none. Whoever waits for the whole document waits for no debounce.
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        match (self.working(), self.awaited()) {
            (false, _) => None,
            (true, true) => Some(now),
            (true, false) => Some(self.due),
        }
    }

    fn shows(&self, unit: usize) -> bool {
        let (Some(visible), Some(report)) = (&self.visible, &self.report) else {
            return false;
        };
        let range = &report.segments.units[unit].range;
        range.start < visible.end && visible.start < range.end
    }

    /// How urgent its next step is; `newest` says whether it was touched last of all documents.
    pub fn priority(&self, newest: bool) -> Priority {
        let shown = match self.stage {
            Stage::Changed => newest || self.visible.is_some(),
            _ => self.missing.iter().any(|&unit| self.shows(unit)),
        };
        match (shown, newest || self.awaited()) {
            (true, _) => Priority::Visible,
            (false, true) => Priority::Document,
            (false, false) => Priority::Rest,
        }
    }

    /// Takes over what segmenting gave.
    pub fn segmented(&mut self, id: &DocumentId, prepared: Prepared) {
        self.missing = (0..prepared.units.len())
            .filter(|&unit| prepared.units[unit].is_none())
            .collect();
        self.report = Some(Arc::new(DocumentReport {
            id: id.clone(),
            snapshot: prepared.previous.reading.snapshot().clone(),
            segments: prepared.previous.reading.segments().clone(),
            units: prepared.units,
        }));
        self.keys = prepared.previous.keys.clone();
        self.tokens = prepared.previous.tokens.clone();
        self.previous = Some(prepared.previous);
        self.pass = prepared.took;
        self.stage = Stage::Segmented;
        self.unannounced = true;
        let missing: usize = self.missing.iter().map(|&unit| self.tokens[unit]).sum();
        self.soon_over = missing <= BATCH_TOKENS;
    }

    /// The units of the next batch: what is visible, then what is near the cursor, then in order. `alone` says of a unit that
    /// it must not share a batch.
    pub fn pick(&self, alone: impl Fn(Key) -> bool) -> Vec<usize> {
        let Some(report) = &self.report else { return Vec::new() };
        let distance = |unit: usize| {
            let range = &report.segments.units[unit].range;
            let cursor = self.cursor?;
            Some(if range.contains(&cursor) {
                0
            } else {
                range.start.abs_diff(cursor).min(range.end.abs_diff(cursor))
            })
        };
        let rank = |unit: usize| match (self.shows(unit), distance(unit)) {
            (true, _) => (0, 0, unit),
            (false, Some(far)) if far <= NEAR => (1, far, unit),
            _ => (2, 0, unit),
        };
        let mut order = self.missing.clone();
        order.sort_by_cached_key(|&unit| rank(unit));
        let Some(&first) = order.first() else { return order };
        if alone(self.keys[first]) {
            return vec![first];
        }
        // What nobody looks at does not delay what somebody does.
        let shown = self.shows(first);
        let mut tokens = 0;
        order
            .into_iter()
            .take_while(|&unit| self.shows(unit) == shown && !alone(self.keys[unit]))
            .take_while(|&unit| {
                tokens += self.tokens[unit];
                tokens <= BATCH_TOKENS || unit == first
            })
            .collect()
    }

    /// The next unit on screen of which it is worth knowing beforehand what its words are made of: somebody may hover over it.
    /// `None` while the document is not explained yet, and where the editor does not tell what it shows.
    pub fn prefetch(&self) -> Option<usize> {
        let report = self.current().filter(|_| self.complete())?;
        (0..report.units.len()).find(|unit| self.shows(*unit) && !self.foreseen.contains(unit))
    }

    /// Notes that a unit's words are known, or cannot be.
    pub fn foresaw(&mut self, unit: usize) {
        self.foreseen.insert(unit);
    }

    /// Whether the next batch may be stopped for something more urgent.
    pub fn interruptible(&self) -> bool {
        self.interruptions < MAX_INTERRUPTIONS
    }

    /// Notes that a batch was stopped for something more urgent.
    pub fn interrupted(&mut self) {
        self.interruptions = self.interruptions.saturating_add(1);
    }

    /// Notes that a question went first. The one that stopped a batch for the last time still does.
    pub fn passed_over(&mut self) {
        if self.interruptions == MAX_INTERRUPTIONS {
            self.interruptions += 1;
        }
    }

    /// Whether its next batch goes before all questions, having been stopped too often.
    pub fn owed(&self) -> bool {
        self.interruptions > MAX_INTERRUPTIONS
    }

    /// Takes over explanations of the newest text.
    pub fn explained(&mut self, found: Vec<(usize, Arc<UnitReport>)>, took: Duration) {
        self.interruptions = 0;
        self.pass += took;
        self.fill(found);
    }

    /// Takes over explanations that another question gave: they say nothing of how its own work goes on.
    pub fn fill(&mut self, found: Vec<(usize, Arc<UnitReport>)>) {
        if self.stage != Stage::Segmented {
            return;
        }
        let Some(report) = &mut self.report else { return };
        let report = Arc::make_mut(report);
        for (unit, explanation) in found {
            report.units[unit] = Some(explanation);
        }
        self.missing.retain(|&unit| report.units[unit].is_none());
        self.unannounced = true;
        self.soon_over = false;
    }

    /// Gives up some units of the newest text.
    pub fn failed(&mut self, units: &[usize], why: String) {
        self.missing.retain(|unit| !units.contains(unit));
        self.failure = Some(why);
        self.unannounced = true;
    }

    /// Ends the pass where nothing is missing any more: answers those who wait for it. `true` when it ended complete.
    pub fn finish_if_complete(&mut self) -> bool {
        if self.working() {
            return false;
        }
        // The first pass explains everything, and says nothing of what an edit will cost.
        self.last_pass = Some(self.last_pass.map_or(Duration::ZERO, |_| self.pass));
        let waiters = std::mem::take(&mut self.waiters);
        let answer = match (&self.report, &self.failure) {
            (Some(report), None) => Ok(Answer::Document(report.clone())),
            (_, why) => Err(Refusal::Failed(
                why.clone().unwrap_or_else(|| "the document has no segments".into()),
            )),
        };
        waiters.into_iter().for_each(|waiter| waiter.answer(answer.clone()));
        self.complete()
    }

    /// The report to announce, if there is news and the last announcement is long enough ago. The end of a pass is always
    /// announced, and so is everything before the model thread goes to sleep (`now` is `None`). After an edit that one forward pass
    /// explains that end alone is: what is drawn of the unit would otherwise go and come back.
    pub fn announce(&mut self, now: Option<Instant>) -> Option<Arc<DocumentReport>> {
        let soon = match (now, self.announced) {
            (Some(_), _) if self.working() && self.soon_over => true,
            (Some(now), Some(last)) => self.working() && now < last + ANNOUNCE_EVERY,
            _ => false,
        };
        if soon || !self.unannounced || self.stage != Stage::Segmented {
            return None;
        }
        self.unannounced = false;
        self.announced = now.or(self.announced);
        self.report.clone()
    }

    /// How long after a change its work begins: as set, but not sooner than twice the time the last pass took.
    pub fn debounce(&self, setting: Duration) -> Duration {
        setting.max((self.last_pass.unwrap_or_default() * 2).min(WIDEST_DEBOUNCE))
    }

    /// Adds somebody who waits until it is complete.
    pub fn wait(&mut self, asker: Asker) {
        self.waiters.push(asker);
    }

    /// Refuses everybody who waits until it is complete.
    pub fn refuse_waiters(&mut self, refusal: &Refusal) {
        std::mem::take(&mut self.waiters)
            .into_iter()
            .for_each(|waiter| waiter.answer(Err(refusal.clone())));
    }
}
