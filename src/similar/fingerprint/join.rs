//! Finds pairs of fingerprints that overlap without a comparison of every pair.
//!
//! An inverted index leads from a hash to the fingerprints that contain it. Common runs (`if NAME ( NAME )`) would lead to all pairs again,
//! so each fingerprint is looked up only by its rarer hashes: the omitted frequent hashes are too few to reach the required overlap alone
//! (prefix filtering; Chaudhuri, Ganti & Kaushik 2006, Bayardo, Ma & Srikant 2007). The result is exact: every pair with the required
//! overlap is found.

use std::cmp::Reverse;
use std::collections::HashMap;

use rayon::prelude::*;

use super::{Fingerprint, Sketch};

/// Tolerance for rounding in sums of overlaps.
const ROUNDING: f32 = 1e-4;

/// Number of most frequent hashes; the bits of a `u64`.
const FREQUENT: usize = 64;

/// Calls `take(earlier, later, bound)` for every pair that may reach `least`.
///
/// `least` and the upper bound refer to the sum of the overlap without names and the overlap with names (at most 2). Pairs without a common
/// hash are never reported.
pub fn overlapping(fingerprints: &[&Fingerprint], least: f32, take: impl Fn(usize, usize, f32) + Sync) {
    let index = Inverted::of(fingerprints, least - ROUNDING);
    let scratch = || (vec![UNTOUCHED; fingerprints.len()], Vec::new());
    (0..fingerprints.len()).into_par_iter().with_max_len(256).for_each_init(
        scratch,
        |(sums, touched): &mut (Vec<f32>, Vec<u32>), later| {
            let own = &index.summaries[later];
            for list in index.lists.row(later) {
                let weight = match index.is_frequent(*list) {
                    true => 0.0,
                    false => own.weights.of_hash(index.is_exact(*list)),
                };
                for earlier in index.members.row(*list as usize) {
                    if *earlier as usize >= later {
                        break;
                    }
                    let sum = &mut sums[*earlier as usize];
                    if *sum == UNTOUCHED {
                        touched.push(*earlier);
                        *sum = 0.0;
                    }
                    *sum += weight;
                }
            }
            for earlier in touched.drain(..) {
                let sum = std::mem::replace(&mut sums[earlier as usize], UNTOUCHED);
                let other = &index.summaries[earlier as usize];
                let frequent = own.frequent & other.frequent;
                let bits = |of: u64| (frequent & of).count_ones() as f32;
                let frequent = bits(!index.exact_bits) * own.weights.renamed.min(other.weights.renamed)
                    + bits(index.exact_bits) * own.weights.exact.min(other.weights.exact);
                // All other shared hashes are omitted from the lookup of one of the two.
                let most = sum + frequent + own.omitted.max(other.omitted) + ROUNDING;
                if most >= least {
                    take(earlier as usize, later, most);
                }
            }
        },
    );
}

/// The sum of a fingerprint that no list has reached.
const UNTOUCHED: f32 = -1.0;

/// Upper bounds for the contribution of one shared hash. An overlap divides by at least the size of either sketch.
#[derive(Clone, Copy)]
struct Weights {
    renamed: f32,
    exact: f32,
}

impl Weights {
    fn of(fingerprint: &Fingerprint) -> Weights {
        let weight = |sketch: &Sketch| (sketch.hashes.len().max(1) as f32).recip();
        Weights {
            renamed: weight(&fingerprint.renamed),
            exact: weight(&fingerprint.exact),
        }
    }

    fn of_hash(self, exact: bool) -> f32 {
        if exact { self.exact } else { self.renamed }
    }
}

/// Properties of a fingerprint that the lists do not contain.
struct Summary {
    weights: Weights,
    /// Which of the most frequent hashes it has.
    frequent: u64,
    /// Upper bound for the contribution of its other omitted hashes.
    omitted: f32,
}

/// For each hash that several fingerprints share, the fingerprints that contain it.
struct Inverted {
    /// The lists in which each fingerprint is looked up.
    lists: Rows,
    /// The fingerprints of each list, ascending.
    members: Rows,
    /// The first list of an exact hash (a run with names).
    first_exact: u32,
    /// The bits of the most frequent hashes, by list.
    bits: HashMap<u32, u64>,
    /// The bits of exact hashes among them.
    exact_bits: u64,
    summaries: Vec<Summary>,
}

impl Inverted {
    fn of(fingerprints: &[&Fingerprint], least: f32) -> Inverted {
        let (mut lengths, mut pairs) = (Vec::new(), Vec::new());
        shared(
            fingerprints,
            |fingerprint| &fingerprint.renamed,
            &mut lengths,
            &mut pairs,
        );
        let first_exact = lengths.len() as u32;
        shared(fingerprints, |fingerprint| &fingerprint.exact, &mut lengths, &mut pairs);
        let bits = bits(&lengths);
        let exact_bits = bits.iter().filter(|(list, _)| **list >= first_exact);
        let exact_bits = exact_bits.fold(0, |all, (_, bit)| all | bit);
        let mut of_each = vec![0u32; fingerprints.len()];
        pairs
            .iter()
            .for_each(|(_, fingerprint)| of_each[*fingerprint as usize] += 1);
        let mut lists = Rows::with(&of_each, pairs.iter().map(|(list, fingerprint)| (*fingerprint, *list)));
        drop(pairs);
        let summary = |(row, fingerprint): (&mut [u32], &&Fingerprint)| {
            // Rarest first. The order is the same for all, so the shared hashes that one side omits are more frequent than the rest.
            row.sort_unstable_by_key(|list| (lengths[*list as usize], *list));
            let bit = |list: &u32| bits.get(list).copied().unwrap_or_default();
            let weights = Weights::of(fingerprint);
            let (mut kept, mut omitted, mut without_bits) = (row.len(), 0.0, 0.0);
            while let Some(list) = row[..kept].last() {
                let weight = weights.of_hash(*list >= first_exact);
                if omitted + weight >= least {
                    break;
                }
                kept -= 1;
                omitted += weight;
                without_bits += if bit(list) == 0 { weight } else { 0.0 };
            }
            let summary = Summary {
                weights,
                frequent: row.iter().fold(0, |all, list| all | bit(list)),
                omitted: without_bits,
            };
            (kept as u32, summary)
        };
        let summaries = lists.rows_mut().into_par_iter().zip(fingerprints).map(summary);
        let (kept, summaries): (Vec<u32>, Vec<Summary>) = summaries.unzip();
        lists.cut(&kept);
        lengths.fill(0);
        lists.all().for_each(|(_, list)| lengths[list as usize] += 1);
        let members = Rows::with(&lengths, lists.all().map(|(fingerprint, list)| (list, fingerprint)));
        Inverted {
            lists,
            members,
            first_exact,
            bits,
            exact_bits,
            summaries,
        }
    }

    fn is_frequent(&self, list: u32) -> bool {
        self.bits.contains_key(&list)
    }

    fn is_exact(&self, list: u32) -> bool {
        list >= self.first_exact
    }
}

/// Assigns a bit to each of the longest lists.
fn bits(lengths: &[u32]) -> HashMap<u32, u64> {
    let mut longest: Vec<u32> = (0..lengths.len() as u32).collect();
    if longest.len() > FREQUENT {
        longest.select_nth_unstable_by_key(FREQUENT, |list| Reverse(lengths[*list as usize]));
        longest.truncate(FREQUENT);
    }
    longest
        .into_iter()
        .enumerate()
        .map(|(bit, list)| (list, 1 << bit))
        .collect()
}

/// Adds a list for each shared hash: its length, and (list, fingerprint) pairs.
fn shared(
    fingerprints: &[&Fingerprint],
    sketch: impl Fn(&Fingerprint) -> &Sketch,
    lengths: &mut Vec<u32>,
    pairs: &mut Vec<(u32, u32)>,
) {
    let hashes = fingerprints.iter().enumerate().flat_map(|(number, fingerprint)| {
        let hashes = sketch(fingerprint).hashes.iter();
        hashes.map(move |hash| u64::from(*hash) << 32 | number as u64)
    });
    let mut hashes: Vec<u64> = hashes.collect();
    hashes.par_sort_unstable();
    for same in hashes.chunk_by(|a, b| a >> 32 == b >> 32).filter(|same| same.len() > 1) {
        let list = lengths.len() as u32;
        lengths.push(same.len() as u32);
        pairs.extend(same.iter().map(|both| (list, *both as u32)));
    }
}

/// Rows of numbers in one allocation.
struct Rows {
    numbers: Vec<u32>,
    /// The start of each row, and the end of the last row.
    starts: Vec<usize>,
}

impl Rows {
    /// Builds rows of the given lengths from (row, number) entries. Entries of a row are in order.
    fn with(lengths: &[u32], entries: impl Iterator<Item = (u32, u32)>) -> Rows {
        let mut starts = Vec::with_capacity(lengths.len() + 1);
        let mut end = 0;
        starts.push(end);
        for length in lengths {
            end += *length as usize;
            starts.push(end);
        }
        let mut next = starts.clone();
        let mut numbers = vec![0; end];
        for (row, number) in entries {
            let at = &mut next[row as usize];
            numbers[*at] = number;
            *at += 1;
        }
        Rows { numbers, starts }
    }

    fn row(&self, row: usize) -> &[u32] {
        &self.numbers[self.starts[row]..self.starts[row + 1]]
    }

    fn rows_mut(&mut self) -> Vec<&mut [u32]> {
        let mut rest = self.numbers.as_mut_slice();
        let lengths = self.starts.windows(2).map(|both| both[1] - both[0]);
        let row = |length| {
            let (row, later) = std::mem::take(&mut rest).split_at_mut(length);
            rest = later;
            row
        };
        lengths.map(row).collect()
    }

    /// Truncates each row to the given length.
    fn cut(&mut self, kept: &[u32]) {
        let mut end = 0;
        for (row, kept) in kept.iter().enumerate() {
            let start = self.starts[row];
            self.numbers.copy_within(start..start + *kept as usize, end);
            self.starts[row] = end;
            end += *kept as usize;
        }
        self.numbers.truncate(end);
        self.numbers.shrink_to_fit();
        if let Some(last) = self.starts.last_mut() {
            *last = end;
        }
    }

    /// Every number with its row.
    fn all(&self) -> impl Iterator<Item = (u32, u32)> {
        let rows = self.starts.windows(2).enumerate();
        rows.flat_map(|(row, both)| {
            self.numbers[both[0]..both[1]]
                .iter()
                .map(move |number| (row as u32, *number))
        })
    }
}

#[cfg(test)]
mod tests;
