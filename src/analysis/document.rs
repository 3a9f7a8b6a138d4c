//! One open document: its results, and its next step.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::address::{Key, Setting};
use super::lenses::DocumentVectors;
use super::queue::{Answer, Asker, MAX_INTERRUPTIONS, Priority};
use super::{DocumentId, DocumentReport, Refusal, ShownFile, UnitReport};
use crate::segment::Reading;
use crate::text::{ByteRange, Snapshot};

/// Approximate number of tokens in one packed forward pass: enough to use the machine, few enough to end soon.
pub const BATCH_TOKENS: usize = 384;

/// Maximum of the debounce, which grows with the time that a pass takes.
const WIDEST_DEBOUNCE: Duration = Duration::from_secs(2);

/// Units within this distance of the cursor, in bytes, come before the rest.
const NEAR: usize = 4096;

/// Minimum time between two announcements of results while a pass runs.
pub const ANNOUNCE_EVERY: Duration = Duration::from_millis(50);

/// Progress of the analysis of a document's current text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The text is not segmented yet.
    Changed,
    /// Units and items are known; `missing` lists the units without an explanation.
    Segmented,
    /// Segmentation failed.
    Broken,
}

/// A segmented text and the lookups for its units; the next version reuses the unchanged parts.
pub struct Previous {
    /// The text, its syntax tree, its units and its items.
    pub reading: Reading,
    /// The cache key of each unit's explanation.
    pub keys: Arc<[Key]>,
    /// The number of tokens of each unit.
    pub tokens: Arc<[usize]>,
    /// What keys and tokens depend on besides the text.
    pub setting: Setting,
}

impl Previous {
    /// The parts that stay valid under `setting`: only the syntax if the setting changed.
    pub fn under(mut self, setting: &Setting) -> Previous {
        if self.setting != *setting {
            self.reading.forget_units();
        }
        self
    }

    /// Whether a report is about this text and these units.
    pub fn is_of(&self, report: &DocumentReport) -> bool {
        Arc::ptr_eq(self.reading.segments(), &report.segments)
    }
}

/// The result of segmenting a document's text.
pub struct Prepared {
    /// The segmented text.
    pub previous: Previous,
    /// One entry per unit: its explanation if it is already known.
    pub units: Vec<Option<Arc<UnitReport>>>,
    /// Duration of the segmentation.
    pub took: Duration,
}

/// An open document.
pub struct Document {
    /// Its newest text.
    pub snapshot: Snapshot,
    /// Numbers the texts of all documents. A version can occur again after the document is closed; a revision cannot.
    pub revision: u64,
    /// Progress on the newest text.
    pub stage: Stage,
    /// The text that was segmented last.
    pub previous: Option<Previous>,
    /// The latest report. It is about an older text until the newest is segmented.
    pub report: Option<Arc<DocumentReport>>,
    /// The cache keys of the report's units.
    pub keys: Arc<[Key]>,
    /// Vectors of its items, from the last text that was explained completely.
    pub vectors: Option<Arc<DocumentVectors>>,
    /// The file that the document shows, if there is one.
    pub file: Option<ShownFile>,
    /// The reason why some units have no explanation.
    pub failure: Option<String>,
    /// The last known position of the cursor.
    pub cursor: Option<usize>,
    /// The range that the editor shows.
    pub visible: Option<ByteRange>,
    /// Whether the client asked for its neighbors, which makes it worth computing them ahead.
    pub lenses_wanted: bool,
    /// The time of the last user activity in it, as a count over all documents.
    pub touched: u64,
    /// The earliest time at which its work begins.
    pub due: Instant,
    tokens: Arc<[usize]>,
    missing: Vec<usize>,
    /// The requests that wait until it is complete.
    pub waiters: Vec<Asker>,
    prefetched: HashSet<usize>,
    interruptions: u8,
    pass: Duration,
    /// Duration of the last pass after an edit; `None` before the document was explained for the first time.
    last_pass: Option<Duration>,
    announced: Option<Instant>,
    unannounced: bool,
    /// Whether one forward pass can explain all units, and none is explained yet.
    soon_over: bool,
}

impl Document {
    /// A newly opened document.
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
            prefetched: HashSet::new(),
            interruptions: 0,
            pass: Duration::ZERO,
            last_pass: None,
            announced: None,
            unannounced: false,
            soon_over: false,
        }
    }

    /// Takes a new text; work on it begins at `due`.
    pub fn change(&mut self, snapshot: Snapshot, revision: u64, due: Instant) {
        self.refuse_waiters(&Refusal::Stale);
        self.snapshot = snapshot;
        self.revision = revision;
        self.touched = revision;
        self.due = due;
        self.restart();
    }

    /// Resets the progress of the analysis, but keeps the previous results.
    pub fn restart(&mut self) {
        self.stage = Stage::Changed;
        self.missing.clear();
        self.prefetched.clear();
        self.failure = None;
        self.interruptions = 0;
        self.pass = Duration::ZERO;
        self.unannounced = false;
    }

    /// The report on the newest text, complete or not.
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

    /// The time at which its work begins; `None` if there is no work. A request for the whole document skips the debounce.
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

    /// Urgency of its next step; `newest` says whether it is the document with the latest activity.
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

    /// Stores the result of segmentation.
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

    /// The units of the next batch: visible ones, then those near the cursor, then the rest in order. A unit for which `alone` is true
    /// gets a batch of its own.
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
        // Units off the screen must not delay those on it.
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

    /// The next unit on screen whose word sources are worth computing before a hover.
    /// `None` if the document is not explained completely, or if the editor does not report what it shows.
    pub fn prefetch(&self) -> Option<usize> {
        let report = self.current().filter(|_| self.complete())?;
        (0..report.units.len()).find(|unit| self.shows(*unit) && !self.prefetched.contains(unit))
    }

    /// Marks the word sources of a unit as computed, or as impossible to compute.
    pub fn mark_prefetched(&mut self, unit: usize) {
        self.prefetched.insert(unit);
    }

    /// Whether more urgent work may interrupt the next batch.
    pub fn interruptible(&self) -> bool {
        self.interruptions < MAX_INTERRUPTIONS
    }

    /// Counts an interruption of a batch.
    pub fn interrupted(&mut self) {
        self.interruptions = self.interruptions.saturating_add(1);
    }

    /// Counts a question that went first. The question that caused the last permitted interruption still goes first.
    pub fn passed_over(&mut self) {
        if self.interruptions == MAX_INTERRUPTIONS {
            self.interruptions += 1;
        }
    }

    /// Whether its next batch goes before all questions, because it was interrupted too often.
    pub fn owed(&self) -> bool {
        self.interruptions > MAX_INTERRUPTIONS
    }

    /// Stores explanations that its own pass computed.
    pub fn explained(&mut self, found: Vec<(usize, Arc<UnitReport>)>, took: Duration) {
        self.interruptions = 0;
        self.pass += took;
        self.fill(found);
    }

    /// Stores explanations that another question computed; these do not count as progress of its own pass.
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

    /// Gives up on some units of the newest text.
    pub fn failed(&mut self, units: &[usize], why: String) {
        self.missing.retain(|unit| !units.contains(unit));
        self.failure = Some(why);
        self.unannounced = true;
    }

    /// Ends the pass if no unit is missing, and answers its waiters. Returns whether the document is complete.
    pub fn finish_if_complete(&mut self) -> bool {
        if self.working() {
            return false;
        }
        // The first pass explains the whole document, which says nothing about the cost of an edit.
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

    /// The report to announce, if it has news and the last announcement is old enough.
    /// The end of a pass is always announced, and so is all news before the model thread sleeps (`now` is `None`). After an edit that one
    /// forward pass can explain, only the end is announced: otherwise the marks of the unit would disappear and come back.
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

    /// Delay between a change and its work: the setting, but at least twice the duration of the last pass.
    pub fn debounce(&self, setting: Duration) -> Duration {
        setting.max((self.last_pass.unwrap_or_default() * 2).min(WIDEST_DEBOUNCE))
    }

    /// Adds a request that waits until the document is complete.
    pub fn wait(&mut self, asker: Asker) {
        self.waiters.push(asker);
    }

    /// Refuses all requests that wait until the document is complete.
    pub fn refuse_waiters(&mut self, refusal: &Refusal) {
        std::mem::take(&mut self.waiters)
            .into_iter()
            .for_each(|waiter| waiter.answer(Err(refusal.clone())));
    }
}
