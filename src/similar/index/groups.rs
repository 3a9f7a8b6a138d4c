//! Groups of similar items, for reviews and CI jobs.
//!
//! A chain of pairs (single link) joins unrelated items: a resembles b, b resembles c, and so on. Here, every two members of a group are
//! similar enough to be shown as a pair (complete link), which a reader can verify. Pairs are joined best first; an item belongs to one
//! group, with the items it resembles most.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

use super::super::decision::{self, CloneType};
use super::super::thresholds::{self, Shape, Ties};
use super::vector_index::Entry;
use super::{Filter, Found, VectorIndex};
use crate::segment::ItemKind;
use crate::text::Language;

/// Options of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// The score from which two functions of one file are similar ([`thresholds::needed_in_report`]).
    ///
    /// `None`: two items are similar if a code lens shows one for the other ([`decision`]).
    pub base: Option<f32>,
    /// Minimum number of lines of an item.
    pub lines: u32,
    /// Selects the items.
    pub filter: Filter,
}

/// A group of items that are pairwise similar.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The lowest cosine of two members.
    pub score: f32,
    /// Relation between the first member and the member least similar to it.
    pub clone: CloneType,
    /// Total lines of all members but the longest.
    pub lines: u32,
    /// At least two items, ordered by path and position. The score of each is its mean cosine with the others.
    pub members: Vec<Found>,
}

impl VectorIndex {
    /// The groups of similar items, most lines first.
    ///
    /// Overloads form no group, and neither do items inside the members of a larger group.
    pub fn groups(&self, asked: &Grouping) -> Vec<Group> {
        let takes = self.allowed(&asked.filter);
        let mut functions = vec![false; self.items.len()];
        for entry in self.items.iter().filter(|entry| entry.item.kind == ItemKind::Function) {
            let mut outer = entry.around;
            while let Some(item) = outer {
                functions[item] = true;
                outer = self.items[item].around;
            }
        }
        let reported = |index: usize| {
            let entry = &self.items[index];
            let shape = Shape {
                name: &entry.item.name,
                around: entry.around.map(|outer| &*self.items[outer].item.name),
                data: entry.item.kind == ItemKind::Type && !functions[index],
                lines: lines(entry),
            };
            thresholds::reported(asked.lines, shape)
        };
        let taken = (0..self.items.len()).map(|index| takes(index) && self.scale[index] > 0.0 && reported(index));
        let taken: Vec<bool> = taken.collect();
        // Copies are joined directly; only one of them searches for similar items and can be found.
        let first = self.first_copies(&taken);
        let mut clusters = Clusters::new(self, asked.base, &first);
        let seeks = (0..self.items.len())
            .map(|index| taken[index] && (first[index] == index || !clusters.join(first[index], index)));
        let seeks: Vec<bool> = seeks.collect();
        for (a, b, _) in self.neighbors(asked.base, &seeks) {
            clusters.join(a, b);
        }
        let scored = clusters.members.values().map(|members| {
            let (lowest, means) = clusters.scores(members);
            (members.clone(), lowest, means)
        });
        let mut groups: Vec<(Vec<usize>, f32, Vec<f32>)> = scored.collect();
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        let outer: HashMap<usize, usize> = groups
            .iter()
            .enumerate()
            .flat_map(|(group, (members, ..))| members.iter().map(move |member| (*member, group)))
            .collect();
        let reported_groups = groups.iter().filter(|(members, ..)| !self.inside_one(members, &outer));
        let mut reported_groups: Vec<Group> = reported_groups
            .map(|(members, lowest, means)| self.group(members, *lowest, means))
            .collect();
        // The sort is stable, so equal groups keep the order of their first members.
        reported_groups.sort_by(|a, b| b.lines.cmp(&a.lines).then(b.score.total_cmp(&a.score)));
        reported_groups
    }

    /// For each selected item, the first item with the same vector and language. All others map to themselves.
    fn first_copies(&self, taken: &[bool]) -> Vec<usize> {
        // Hashes find copies: a second copy of all vectors would take as much memory as the index.
        let mut seen: HashMap<(Language, u64), Vec<usize>> = HashMap::new();
        let first = taken.iter().enumerate().map(|(index, taken)| {
            if !taken {
                return index;
            }
            let bits = |item: usize| self.rows.row(item).map(f32::to_bits);
            let mut hasher = DefaultHasher::new();
            bits(index).for_each(|bits| hasher.write_u32(bits));
            let known = seen
                .entry((self.items[index].item.language, hasher.finish()))
                .or_default();
            match known.iter().find(|known| bits(**known).eq(bits(index))) {
                Some(first) => *first,
                None => {
                    known.push(index);
                    index
                }
            }
        });
        first.collect()
    }

    /// The score from which two items are similar.
    ///
    /// `None` for pairs that are never reported: a type and a function, overlapping items of one file, overloads.
    pub(super) fn needed(&self, a: usize, b: usize, base: Option<f32>) -> Option<f32> {
        let (one, two) = (&self.items[a], &self.items[b]);
        let file = self.facts[a].path == self.facts[b].path;
        let language = one.item.language == two.item.language;
        let overlap = one.item.start.byte < two.item.end.byte && two.item.start.byte < one.item.end.byte;
        let overload = one.around == two.around && one.item.name == two.item.name;
        if one.item.kind != two.item.kind || (file && (overlap || overload)) {
            return None;
        }
        let Some(base) = base else {
            return Some(decision::FLOOR);
        };
        let name = self.facts[a].name().is_some() && self.facts[a].name() == self.facts[b].name();
        let types = one.item.kind == ItemKind::Type;
        Some(thresholds::needed_in_report(base, Ties { file, language, name }, types))
    }

    /// Whether each member lies inside a different member of one other group.
    fn inside_one(&self, members: &[usize], groups: &HashMap<usize, usize>) -> bool {
        let around = |member: usize| {
            let mut found: HashSet<(usize, usize)> = HashSet::new();
            let mut outer = self.items[member].around;
            while let Some(item) = outer {
                found.extend(groups.get(&item).map(|group| (*group, item)));
                outer = self.items[item].around;
            }
            found
        };
        let around: Vec<HashSet<(usize, usize)>> = members.iter().map(|member| around(*member)).collect();
        let Some(first) = around.first() else { return false };
        first.iter().any(|(group, _)| {
            let of_each = around
                .iter()
                .map(|outer| outer.iter().find(|(other, _)| other == group));
            let distinct: Option<HashSet<usize>> = of_each.map(|found| found.map(|(_, item)| *item)).collect();
            distinct.is_some_and(|items| items.len() > 1)
        })
    }

    fn group(&self, members: &[usize], score: f32, means: &[f32]) -> Group {
        let each = members.iter().map(|member| lines(&self.items[*member]));
        let longest = each.clone().max().unwrap_or(0);
        let fingerprint = |member: usize| &*self.items[member].fingerprint;
        let types = members[1..]
            .iter()
            .map(|other| CloneType::of(fingerprint(members[0]), fingerprint(*other)));
        let clone = types.max().unwrap_or(CloneType::SameTask);
        Group {
            score: score.clamp(-1.0, 1.0),
            clone,
            lines: each.sum::<u32>() - longest,
            members: self.found(members.iter().copied().zip(means.iter().copied()).collect()),
        }
    }
}

/// Number of lines of an item.
fn lines(entry: &Entry) -> u32 {
    let (start, end) = (entry.item.start, entry.item.end);
    // An end at the start of a line belongs to the line before.
    end.line - start.line + u32::from(end.column > 0 || end.line == start.line)
}

/// Groups under construction.
struct Clusters<'a> {
    vector_index: &'a VectorIndex,
    base: Option<f32>,
    /// The group of each grouped item.
    of: HashMap<usize, usize>,
    /// The items of each group, in order.
    members: HashMap<usize, Vec<usize>>,
    /// The first copy of each item.
    first: &'a [usize],
    /// The centered vectors of first copies that occur in pairs.
    own: HashMap<usize, Vec<f32>>,
    next: usize,
}

impl<'a> Clusters<'a> {
    fn new(vector_index: &'a VectorIndex, base: Option<f32>, first: &'a [usize]) -> Clusters<'a> {
        Clusters {
            vector_index,
            base,
            of: HashMap::new(),
            members: HashMap::new(),
            first,
            own: HashMap::new(),
            next: 0,
        }
    }

    /// Merges the groups of two items if all their members are pairwise similar. Returns whether they are in one group now.
    fn join(&mut self, a: usize, b: usize) -> bool {
        let group = |item: usize| self.of.get(&item).copied();
        let (of_a, of_b) = (group(a), group(b));
        if of_a.is_some() && of_a == of_b {
            return true;
        }
        for item in [self.first[a], self.first[b]] {
            let vector_index = self.vector_index;
            self.own.entry(item).or_insert_with(|| vector_index.centered(item));
        }
        let all = |group: Option<usize>, item| match group {
            Some(group) => self.members[&group].clone(),
            None => vec![item],
        };
        let (left, right) = (all(of_a, a), all(of_b, b));
        if !left.iter().all(|x| right.iter().all(|y| self.are_similar(*x, *y))) {
            return false;
        }
        let mut joined = [left, right].concat();
        joined.sort_unstable();
        for group in [of_a, of_b].into_iter().flatten() {
            self.members.remove(&group);
        }
        for member in &joined {
            self.of.insert(*member, self.next);
        }
        self.members.insert(self.next, joined);
        self.next += 1;
        true
    }

    fn are_similar(&self, a: usize, b: usize) -> bool {
        let needed = self.vector_index.needed(a, b, self.base);
        let cosine = self.cosine(self.first[a], self.first[b]);
        needed.is_some_and(|needed| cosine >= needed - 1e-4)
            && (self.base.is_some() || self.vector_index.decide(a, b, cosine).is_some())
    }

    /// The score of two first copies, as code lenses show it.
    fn cosine(&self, a: usize, b: usize) -> f32 {
        match a == b {
            true => 1.0,
            false => self.vector_index.score_of(&self.own[&a], &self.own[&b]) * self.vector_index.factor(a, b),
        }
    }

    /// The lowest cosine of two members, and the mean cosine of each with the others.
    fn scores(&self, members: &[usize]) -> (f32, Vec<f32>) {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for member in members {
            *counts.entry(self.first[*member]).or_default() += 1;
        }
        let others = (members.len() - 1).max(1) as f32;
        let mut lowest = 1f32;
        let mean = |(a, copies): (&usize, &usize)| {
            let apart = counts.iter().filter(|(b, _)| *b != a).map(|(b, count)| {
                let score = self.cosine(*a, *b);
                lowest = lowest.min(score);
                score * *count as f32
            });
            (*a, (apart.sum::<f32>() + (copies - 1) as f32) / others)
        };
        let means: HashMap<usize, f32> = counts.iter().map(mean).collect();
        let of_each = members.iter().map(|member| means[&self.first[*member]]);
        let of_each = of_each.collect();
        (lowest, of_each)
    }
}
