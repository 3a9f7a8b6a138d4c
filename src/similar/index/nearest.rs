//! Answers of a folder in memory: the items nearest to an item, and its part of a [`Collection`].

use super::super::ScoreTransform;
use super::super::decision;
use super::super::moments::{self, Spreads};
use super::super::thresholds::{self, Ties};
use super::super::vector::{dot, normalize};
use super::across::Across;
use super::{Asked, Collection, Filter, Found, IndexError, Query, VectorIndex, Without, searching};
use crate::segment::ItemKind;
use crate::text::Language;

/// Number of nearest items that the decision examines. More distant items are hardly copies.
pub(super) const PROPOSED: usize = 256;

impl VectorIndex {
    fn spread(&self, row: usize, language: Language) -> f32 {
        let found = || {
            self.center
                .spread(self.facts[row].language, language, &self.centered(row))
        };
        self.spreads.get(language, (row, self.facts.len()), found)
    }

    pub(super) fn spreads(&self, row: usize, other: Language) -> Spreads {
        Spreads {
            own: self.spread(row, self.facts[row].language),
            other: self.spread(row, other),
        }
    }

    /// The factor for the cosine of two items ([`Center::factor`](crate::similar::Center::factor)).
    pub(super) fn factor(&self, a: usize, b: usize) -> f32 {
        let (of_a, of_b) = (self.facts[a].language, self.facts[b].language);
        let certainty = self.center.certainty(of_a, of_b);
        if of_a == of_b || certainty == 0.0 {
            return 1.0;
        }
        moments::factor(self.spreads(a, of_b), self.spreads(b, of_a), certainty)
    }
}

impl VectorIndex {
    /// The centered unit vector of an item, or zeros if nothing remains.
    pub(super) fn centered(&self, index: usize) -> Vec<f32> {
        let mut vector: Vec<f32> = self.rows.row(index).collect();
        let scale = self.scale[index];
        match self.center.mean(self.items[index].item.language) {
            Some(mean) => vector.iter_mut().zip(mean).for_each(|(v, m)| *v = (*v - m) * scale),
            None => vector.iter_mut().for_each(|v| *v *= scale),
        }
        vector
    }

    /// The score of two items, as code lenses show it.
    pub(super) fn cosine(&self, a: usize, b: usize) -> f32 {
        self.score_of(&self.centered(a), &self.centered(b)) * self.factor(a, b)
    }

    /// The score of two centered unit vectors of one language.
    pub(super) fn score_of(&self, a: &[f32], b: &[f32]) -> f32 {
        self.center.calibration().likeness().of(dot(a, b))
    }

    /// The items nearest to a centered unit vector. `needed` gives the minimum score of an item, or excludes it.
    ///
    /// Scores are cosines on the scale of the thresholds; those of other languages are adjusted by [`Center::factor`](crate::similar::Center::factor).
    pub(super) fn near(
        &self,
        (language, query): (Language, &[f32]),
        count: usize,
        needed: impl Fn(usize) -> Option<f32> + Sync,
    ) -> Vec<(usize, f32)> {
        // Subtracts the means from products, so that centered rows need not be stored.
        let (taken, likeness) = (self.center.along(query), self.center.calibration().likeness());
        let across = Across::new(&self.center, language, query);
        let transform = |index: usize| {
            let from = across.least(self.facts[index].language, needed(index)?);
            let scale = self.scale[index];
            let offset = -taken(self.facts[index].language) * scale;
            Some(ScoreTransform { scale, offset, from }.on(likeness))
        };
        if across.is_empty() {
            return self.rows.nearest(query, count, transform);
        }
        let mut near = self.rows.nearest(query, count.max(PROPOSED), transform);
        for (index, score) in &mut near {
            let spreads = |other| self.spreads(*index, other);
            *score *= across.factor(self.facts[*index].language, spreads);
        }
        near.retain(|(index, score)| needed(*index).is_some_and(|needed| *score >= needed));
        near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        near.truncate(count);
        near
    }
}

impl VectorIndex {
    /// Adds items that are almost the same as an item near its language's mean.
    ///
    /// Hardly anything of such an item remains after centering, so a raw cosine near 1 decides by itself.
    fn add_copies(
        &self,
        asked: &Asked,
        count: usize,
        near: &mut Vec<(usize, f32)>,
        needed: impl Fn(usize) -> Option<f32> + Sync,
    ) {
        let mut query = asked.vector.to_vec();
        let mean = self
            .center
            .mean(asked.item.language)
            .filter(|mean| mean.len() == query.len());
        let left = |mean: &[f32]| query.iter().zip(mean).map(|(v, m)| (v - m).powi(2)).sum::<f32>();
        // Raw cosines of a model that crowds its texts mean nothing.
        if self.center.calibration().common().is_some() || mean.is_none_or(|mean| left(mean) > thresholds::LEFT_OF_MOST)
        {
            return;
        }
        if !normalize(&mut query) {
            return;
        }
        let transform = |index: usize| {
            needed(index)?;
            Some(ScoreTransform {
                from: thresholds::ALMOST_SAME,
                ..ScoreTransform::PRODUCT
            })
        };
        for (index, cosine) in self.rows.nearest(&query, count, transform) {
            let score = thresholds::of_almost_same(cosine);
            if needed(index).is_none_or(|needed| score < needed) {
                continue;
            }
            match near.iter_mut().find(|(known, _)| *known == index) {
                Some((_, known)) => *known = known.max(score),
                None => near.push((index, score)),
            }
        }
        near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        near.truncate(count);
    }
}

impl Collection for VectorIndex {
    fn similar(&self, asked: &Asked, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError> {
        let mut query = asked.vector.to_vec();
        self.center.apply(asked.item.language, &mut query);
        let asked_name = thresholds::words(&asked.item.name).and_then(|name| self.names.get(&name).copied());
        let own = asked
            .path
            .and_then(|own| self.paths.binary_search_by(|path| path.as_path().cmp(own)).ok())
            .map(|own| own as u32);
        let allowed = self.allowed(filter);
        let needed = |index: usize| {
            let fact = &self.facts[index];
            let file = own == Some(fact.path);
            let overlaps = || {
                let item = &self.items[index].item;
                item.start.byte < asked.item.end.byte && asked.item.start.byte < item.end.byte
            };
            if self.scale[index] == 0.0 || fact.kind == ItemKind::File || !allowed(index) || (file && overlaps()) {
                return None;
            }
            let language = fact.language == asked.item.language;
            let name = asked_name.is_some() && fact.name() == asked_name;
            asked.needed(fact.kind, Ties { file, language, name })
        };
        let most = if asked.known.is_some() {
            count.max(PROPOSED)
        } else {
            count
        };
        let mut near = self.near((asked.item.language, &query), most, needed);
        self.add_copies(asked, most, &mut near, needed);
        let Some(known) = asked.known else {
            return Ok(self.found(near));
        };
        let facts = known.facts(asked.item);
        let lift = asked.lift();
        near.retain(|(index, cosine)| {
            let file = own == Some(self.facts[*index].path);
            decision::decide(&facts, &self.decided_by(*index), file, *cosine + lift).is_some()
        });
        near.truncate(count);
        Ok(self.found(near))
    }

    fn search(&self, query: &Query, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError> {
        Ok(searching::search(self, query, filter, count, Without::default()))
    }

    fn len(&self) -> Result<usize, IndexError> {
        Ok(VectorIndex::len(self))
    }
}
