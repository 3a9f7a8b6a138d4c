//! Turns the measures of many units into one row for each ranker.

use serde::Serialize;

use super::statistics::{interval, mean, median};
use super::{Aim, BINS, Measured, Method, Ranker, UnitMeasures};

/// Rank correlation with scores under scrambled weights from which an explanation hardly depends on what the model learned.
pub const SURVIVES: f32 = 0.5;

/// How faithful the methods are on some units of text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// The model's name.
    pub model: String,
    /// Number of measured units.
    pub units: usize,
    /// Number of units to measure: more than were measured if the evaluation was stopped.
    pub wanted: usize,
    /// Number of words in all units.
    pub words: usize,
    /// Number of files with these units.
    pub files: usize,
    /// The seed of the sample, random orders and intervals.
    pub seed: u64,
    /// The operation on words.
    pub operator: &'static str,
    /// The name of the measure.
    pub measure: &'static str,
    /// The share of words at each point of the curves.
    pub bins: [f32; BINS.len()],
    /// The change that a greedy search reaches by deletion, by bin, if requested.
    pub ceiling: Option<[f32; BINS.len()]>,
    /// The rows of the measured rankers, the most comprehensive first.
    pub methods: Vec<Row>,
    /// The agreement of their orders.
    pub agreement: Agreement,
}

/// Mean Kendall's τ-b of each pair of rankers over the units that both have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// The rankers, in the order of the table's rows.
    pub methods: Vec<&'static str>,
    /// One row per ranker; `None` if no unit has both rankers.
    pub tau: Vec<Vec<Option<f32>>>,
}

/// How faithful one method is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name, or `random`.
    pub method: &'static str,
    /// The quantity that its scores explain.
    pub target: &'static str,
    /// Number of units that it was measured on: fewer than all if it is slow or refuses long texts.
    pub units: usize,
    /// Mean change when its first words are deleted: higher is better.
    pub comprehensiveness: f32,
    /// Mean change when only they remain: lower is better.
    pub sufficiency: f32,
    /// Mean rank correlation with leave-one-out.
    pub tau_loo: f32,
    /// The 95 % interval of the comprehensiveness.
    pub interval: [f32; 2],
    /// The 95 % interval of the sufficiency.
    pub sufficiency_interval: [f32; 2],
    /// The comprehensiveness on a scale from the random order (0) to a greedy search (1), if requested.
    pub normalized: Option<f32>,
    /// The 95 % interval of the difference in comprehensiveness from the default method, paired by unit.
    pub over_default: Option<[f32; 2]>,
    /// Mean rank correlation with its scores under scrambled weights.
    pub random_weights: Option<f32>,
    /// Whether it hardly depends on what the model learned.
    pub survives_random_weights: bool,
    /// The change by bin when its first words are deleted.
    pub deletion: [f32; BINS.len()],
    /// The change by bin when only they remain.
    pub insertion: [f32; BINS.len()],
    /// The area under the curve of deletion from none to half of the words, divided by its width: higher is better.
    pub deletion_area: f32,
    /// The area under the curve of insertion between the first and the last bin, divided by its width: lower is better.
    pub insertion_area: f32,
    /// Mean change when numbers of rows are erased, more for higher scores: higher is better.
    pub soft_comprehensiveness: Option<f32>,
    /// The same with more erased for lower scores: lower is better.
    pub soft_sufficiency: Option<f32>,
    /// How far scores move on average, relative to their length, when an unimportant word is deleted: lower is more stable.
    pub sensitivity: Option<f32>,
    /// Median milliseconds of a unit.
    pub ms: f32,
}

impl Table {
    /// Builds the table with a row for each ranker.
    pub fn of(
        model: &str,
        (files, seed): (usize, u64),
        (rankers, aim): (&[Ranker], Aim),
        (units, wanted): (&[UnitMeasures], usize),
    ) -> Table {
        let ceilings: Vec<[f32; BINS.len()]> = units.iter().filter_map(|unit| unit.ceiling).collect();
        let ceiling = (ceilings.len() == units.len() && !units.is_empty()).then(|| by_bin(&ceilings));
        let mut methods: Vec<Row> = rankers.iter().map(|ranker| row(*ranker, aim, units, seed)).collect();
        methods.retain(|row| row.units > 0);
        methods.sort_by(|a, b| b.comprehensiveness.total_cmp(&a.comprehensiveness));
        Table {
            model: model.to_owned(),
            units: units.len(),
            wanted,
            words: units.iter().map(|unit| unit.words).sum(),
            files,
            seed,
            operator: "delete the words' tokens; special tokens stay; scores keep their signs",
            measure: aim.measure(),
            bins: BINS,
            ceiling,
            agreement: agreement(methods.iter().map(|row| row.method).collect(), units),
            methods,
        }
    }

    /// What was measured, such as `300 units of 299 files, 23161 words`.
    pub fn extent(&self) -> String {
        let of = match self.wanted > self.units {
            true => format!("{} of {}", self.units, self.wanted),
            false => self.units.to_string(),
        };
        format!("{of} units of {} files, {} words", self.files, self.words)
    }
}

/// The row of one ranker, over the units that it was measured on.
fn row(ranker: Ranker, aim: Aim, units: &[UnitMeasures], seed: u64) -> Row {
    let own: Vec<(&UnitMeasures, &Measured)> = units.iter().filter_map(|unit| Some((unit, unit.of(ranker)?))).collect();
    let all = |of: &dyn Fn(&Measured) -> f32| own.iter().map(|(_, one)| of(one)).collect::<Vec<f32>>();
    let some = |of: &dyn Fn(&Measured) -> Option<f32>| {
        let found: Vec<f32> = own.iter().filter_map(|(_, one)| of(one)).collect();
        (!found.is_empty()).then(|| mean(&found))
    };
    let beside = |of: Ranker| -> Vec<f32> {
        let others = own.iter().filter_map(|(unit, _)| unit.of(of));
        others.map(Measured::comprehensiveness).collect()
    };
    let comprehensive = all(&|one| one.comprehensiveness());
    let sufficient = all(&|one| one.sufficiency());
    // Only units with both a random order and a greedy search count.
    let placed = own.iter().filter_map(|(unit, one)| {
        let floor = unit.of(Ranker::Random)?.comprehensiveness();
        Some((one.comprehensiveness(), floor, mean(&unit.ceiling?)))
    });
    let placed: Vec<(f32, f32, f32)> = placed.collect();
    let normalized = (!placed.is_empty()).then(|| {
        let over = |of: &dyn Fn(&(f32, f32, f32)) -> f32| mean(&placed.iter().map(of).collect::<Vec<_>>());
        let (low, high) = (over(&|(_, low, _)| *low), over(&|(.., high)| *high));
        (over(&|(own, ..)| *own) - low) / (high - low).max(f32::MIN_POSITIVE)
    });
    let default = beside(Ranker::Method(Method::default()));
    let lead = |(own, default): (&f32, &f32)| own - default;
    let over_default = (default.len() == comprehensive.len() && ranker != Ranker::Method(Method::default()))
        .then(|| interval(&comprehensive.iter().zip(&default).map(lead).collect::<Vec<_>>(), seed));
    let random_weights = some(&|one| one.scrambled);
    let curve =
        |of: &dyn Fn(&Measured) -> [f32; BINS.len()]| by_bin(&own.iter().map(|(_, one)| of(one)).collect::<Vec<_>>());
    let (deletion, insertion) = (curve(&|one| one.deleted), curve(&|one| one.kept));
    Row {
        method: ranker.name(),
        target: aim.target(ranker),
        units: own.len(),
        comprehensiveness: mean(&comprehensive),
        sufficiency: mean(&sufficient),
        tau_loo: mean(&all(&|one| one.tau)),
        interval: interval(&comprehensive, seed),
        sufficiency_interval: interval(&sufficient, seed),
        normalized,
        over_default,
        random_weights,
        survives_random_weights: random_weights.is_some_and(|tau| tau >= SURVIVES),
        deletion_area: area([(0.0, 0.0)].into_iter().chain(BINS.into_iter().zip(deletion))),
        insertion_area: area(BINS.into_iter().zip(insertion)),
        deletion,
        insertion,
        soft_comprehensiveness: some(&|one| one.soft_comprehensiveness),
        soft_sufficiency: some(&|one| one.soft_sufficiency),
        sensitivity: some(&|one| one.sensitivity),
        ms: median(&all(&|one| one.ms)),
    }
}

/// The area under a curve by trapezoids, divided by its width.
fn area(points: impl Iterator<Item = (f32, f32)>) -> f32 {
    let points: Vec<(f32, f32)> = points.collect();
    let width = points.last().map_or(0.0, |last| last.0) - points.first().map_or(0.0, |first| first.0);
    let parts = points.iter().zip(points.iter().skip(1));
    let sum: f32 = parts.map(|(a, b)| (b.0 - a.0) * (a.1 + b.1) / 2.0).sum();
    sum / width.max(f32::MIN_POSITIVE)
}

fn agreement(methods: Vec<&'static str>, units: &[UnitMeasures]) -> Agreement {
    let pair = |a: &str, b: &str| {
        let of = |(x, y, tau): &(String, String, f32)| ((x == a && y == b) || (x == b && y == a)).then_some(*tau);
        let found: Vec<f32> = units
            .iter()
            .filter_map(|unit| unit.agreement.iter().find_map(of))
            .collect();
        match a == b {
            true => Some(1.0),
            false => (!found.is_empty()).then(|| mean(&found)),
        }
    };
    let row = |a: &&'static str| methods.iter().map(|b| pair(a, b)).collect();
    Agreement {
        tau: methods.iter().map(row).collect(),
        methods,
    }
}

fn by_bin(curves: &[[f32; BINS.len()]]) -> [f32; BINS.len()] {
    std::array::from_fn(|bin| mean(&curves.iter().map(|curve| curve[bin]).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::super::Measured;
    use super::*;

    fn unit(own: f32) -> UnitMeasures {
        let measured = |ranker: Ranker, turn: f32, scrambled: Option<f32>| Measured {
            ranker: ranker.name().to_owned(),
            deleted: [turn; BINS.len()],
            kept: [1.0 - turn; BINS.len()],
            tau: turn,
            scrambled,
            soft_comprehensiveness: None,
            soft_sufficiency: Some(turn / 2.0),
            sensitivity: None,
            ms: 1.0,
        };
        UnitMeasures {
            words: 10,
            tokens: 14,
            rankers: vec![
                measured(Ranker::Method(Method::Decomposition), own, Some(0.1)),
                measured(Ranker::Method(Method::Attention), own - 0.1, Some(0.8)),
                measured(Ranker::Random, 0.1, None),
            ],
            refused: Vec::new(),
            agreement: vec![("decomposition".to_owned(), "attention".to_owned(), own)],
            ceiling: Some([0.5; BINS.len()]),
        }
    }

    #[test]
    fn rows_are_means_over_units_and_are_normalized_between_the_random_order_and_the_search() {
        let rankers = [
            Ranker::Random,
            Ranker::Method(Method::Attention),
            Ranker::Method(Method::Decomposition),
        ];
        let table = Table::of("m", (2, 0), (&rankers, Aim::Embedding), (&[unit(0.2), unit(0.4)], 2));
        assert_eq!((table.units, table.words), (2, 20));
        assert_eq!(table.ceiling, Some([0.5; BINS.len()]));
        let names: Vec<&str> = table.methods.iter().map(|row| row.method).collect();
        assert_eq!(names, ["decomposition", "attention", "random"]);
        let [best, attention, random] = &table.methods[..] else {
            panic!("three rows")
        };
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        assert!(
            near(best.comprehensiveness, 0.3) && near(best.sufficiency, 0.7),
            "{best:?}"
        );
        // .3 is halfway between .1 and .5.
        assert!(
            near(best.normalized.unwrap(), 0.5) && near(random.normalized.unwrap(), 0.0),
            "{best:?}"
        );
        assert!(best.over_default.is_none() && best.interval == [0.2, 0.4]);
        let [low, high] = attention.over_default.unwrap();
        assert!(
            near(low, -0.1) && near(high, -0.1),
            "the lead is taken unit by unit: {low} {high}"
        );
        assert!(attention.survives_random_weights && !best.survives_random_weights);
        assert!(random.random_weights.is_none());
        assert_eq!(table.agreement.methods, ["decomposition", "attention", "random"]);
        assert!(near(table.agreement.tau[1][0].unwrap(), 0.3) && table.agreement.tau[0][2].is_none());
        assert!(best.soft_comprehensiveness.is_none() && near(best.soft_sufficiency.unwrap(), 0.15));
    }

    #[test]
    fn methods_agree_by_the_mean_of_their_own_pairs() {
        let pair = |a: &str, b: &str, tau: f32| (a.to_owned(), b.to_owned(), tau);
        let with = |agreement| UnitMeasures {
            agreement,
            ..UnitMeasures::default()
        };
        let units = [
            with(vec![pair("x", "y", 0.5), pair("x", "z", -0.5), pair("y", "z", 0.25)]),
            with(vec![pair("y", "x", 0.0), pair("z", "x", 0.5)]),
        ];
        let found = agreement(vec!["x", "y", "z"], &units);
        assert_eq!(found.tau[0], [Some(1.0), Some(0.25), Some(0.0)]);
        assert_eq!(found.tau[1], [Some(0.25), Some(1.0), Some(0.25)]);
        assert_eq!(found.tau[2], [Some(0.0), Some(0.25), Some(1.0)]);
    }

    #[test]
    fn a_row_counts_and_compares_only_the_units_of_its_method() {
        let mut second = unit(0.6);
        second.ceiling = None;
        second.rankers.retain(|one| one.ranker != "attention");
        let rankers = [Ranker::Method(Method::Decomposition), Ranker::Method(Method::Attention)];
        let table = Table::of("m", (1, 0), (&rankers, Aim::Embedding), (&[unit(0.2), second], 7));
        assert!(
            table.extent().starts_with("2 of 7 units of 1 files"),
            "{}",
            table.extent()
        );
        let attention = &table.methods[1];
        assert_eq!((attention.units, table.methods[0].units), (1, 2));
        let [low, high] = attention.over_default.unwrap();
        assert!((low + 0.1).abs() < 1e-6 && (high + 0.1).abs() < 1e-6, "{low} {high}");
        assert!(
            attention.normalized.is_some() && table.ceiling.is_none(),
            "not every unit was searched"
        );
        let nothing = Table::of("m", (0, 0), (&rankers, Aim::Embedding), (&[], 0));
        assert!(nothing.ceiling.is_none() && nothing.methods.is_empty());
    }

    #[test]
    fn an_area_is_the_mean_height_of_a_curve() {
        assert!((area([(0.0, 0.0), (0.5, 1.0)].into_iter()) - 0.5).abs() < 1e-6);
        assert!((area([(0.1, 0.4), (0.2, 0.4), (0.5, 0.4)].into_iter()) - 0.4).abs() < 1e-6);
    }
}
