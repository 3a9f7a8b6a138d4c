//! When lenses are made anew, and for which documents neighbors are searched.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::DocumentId;

/// Minimum interval between two updates of the lenses while documents are analyzed.
const EVERY: Duration = Duration::from_secs(1);

/// The revision of the items, that of the lenses, and the searches that wait.
#[derive(Debug, Default)]
pub struct LensSchedule {
    /// Counts changes of what lenses are made of: items, their files, the workspace, the thresholds.
    items: u64,
    /// The revision of the items in the last lenses.
    made: u64,
    /// The time at which they were made.
    at: Option<Instant>,
    /// Documents that wait for a search of the workspace.
    wanted: BTreeSet<DocumentId>,
}

impl LensSchedule {
    /// Something that lenses are made of has changed.
    pub fn changed(&mut self) {
        self.items += 1;
    }

    /// Nothing that changed so far needs lenses.
    pub fn skip(&mut self) {
        self.made = self.items;
    }

    /// Whether lenses have to be made now: they are older than the items, and no document waits (`idle`) or the last ones are old.
    pub fn due(&self, now: Instant, idle: bool) -> bool {
        self.made < self.items && (idle || self.at.is_none_or(|at| now >= at + EVERY))
    }

    /// Lenses of the present items are being made; later changes make them old again.
    pub fn begin(&mut self, now: Instant) {
        self.made = self.items;
        self.at = Some(now);
    }

    /// Asks for a search of a document's neighbors.
    pub fn want(&mut self, id: DocumentId) {
        self.wanted.insert(id);
    }

    /// Replaces what is asked for: new lenses know no neighbors.
    pub fn want_only(&mut self, wanted: BTreeSet<DocumentId>) {
        self.wanted = wanted;
    }

    /// The next document whose neighbors are asked for.
    pub fn wanted(&self) -> Option<DocumentId> {
        self.wanted.first().cloned()
    }

    /// The neighbors of a document are known.
    pub fn found(&mut self, id: &DocumentId) {
        self.wanted.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenses_are_due_after_a_change_at_once_when_idle_and_otherwise_once_a_second() {
        let mut lenses = LensSchedule::default();
        let now = Instant::now();
        assert!(!lenses.due(now, true));
        lenses.changed();
        assert!(lenses.due(now, true) && lenses.due(now, false));
        lenses.begin(now);
        assert!(!lenses.due(now + EVERY, true));
        // A change while they are made counts.
        lenses.changed();
        assert!(lenses.due(now, true) && !lenses.due(now, false));
        assert!(lenses.due(now + EVERY, false));
    }
}
