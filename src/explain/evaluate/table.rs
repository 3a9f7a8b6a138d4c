//! Measures of many units → one row for each ranker.

use serde::Serialize;

use super::statistics::{interval, mean, median};
use super::{BINS, Method, Ranker, UnitMeasures};

/// From this rank correlation with its scores under scrambled weights on, an explanation hardly depends on what the model learned.
pub const SURVIVES: f32 = 0.5;

/// How faithful the methods are on some units of text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// The model's name.
    pub model: String,
    /// Units that were measured.
    pub units: usize,
    /// Words of all of them.
    pub words: usize,
    /// Files that they stand in.
    pub files: usize,
    /// What the sample, random orders and intervals start from.
    pub seed: u64,
    /// What is done to words.
    pub operator: &'static str,
    /// Shares of the words, of each point of the curves.
    pub bins: [f32; BINS.len()],
    /// What a greedy search reaches by deletion, by bin, where it was asked for.
    pub ceiling: Option<[f32; BINS.len()]>,
    /// The rows, the most comprehensive first.
    pub methods: Vec<Row>,
}

/// How faithful one method is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name, or `random`.
    pub method: &'static str,
    /// What its scores are of.
    pub target: &'static str,
    /// Mean turn of the embedding when its first words are deleted: higher is better.
    pub comprehensiveness: f32,
    /// Mean turn when only they are left: lower is better.
    pub sufficiency: f32,
    /// Mean rank correlation with leave-one-out.
    pub tau_loo: f32,
    /// Where the comprehensiveness lies with 95 %.
    pub interval: [f32; 2],
    /// Where the sufficiency lies with 95 %.
    pub sufficiency_interval: [f32; 2],
    /// Where the comprehensiveness lies between chance (0) and a greedy search (1), where that was asked for.
    pub normalized: Option<f32>,
    /// Where the lead in comprehensiveness over the default method lies with 95 %, unit by unit.
    pub over_default: Option<[f32; 2]>,
    /// Mean rank correlation with its scores under scrambled weights.
    pub random_weights: Option<f32>,
    /// Whether it hardly depends on what the model learned.
    pub survives_random_weights: bool,
    /// The turn by bin when its first words are deleted.
    pub deletion: [f32; BINS.len()],
    /// The turn by bin when only they are left.
    pub insertion: [f32; BINS.len()],
    /// Median milliseconds of a unit.
    pub ms: f32,
}

impl Table {
    /// The rows of some rankers.
    pub fn of(model: &str, files: usize, seed: u64, rankers: &[Ranker], units: &[UnitMeasures]) -> Table {
        let ceilings: Vec<[f32; BINS.len()]> = units.iter().filter_map(|unit| unit.ceiling).collect();
        let ceiling = (ceilings.len() == units.len() && !units.is_empty()).then(|| by_bin(&ceilings));
        let each = |ranker: Ranker| -> Vec<f32> {
            let measured = units.iter().filter_map(|unit| unit.of(ranker));
            measured.map(super::Measured::comprehensiveness).collect()
        };
        let (floor, default) = (each(Ranker::Random), each(Ranker::Method(Method::default())));
        let row = |ranker: &Ranker| {
            let measured: Vec<_> = units.iter().filter_map(|unit| unit.of(*ranker)).collect();
            let all = |of: &dyn Fn(&super::Measured) -> f32| measured.iter().map(|one| of(one)).collect::<Vec<f32>>();
            let comprehensive = all(&|one| one.comprehensiveness());
            let sufficient = all(&|one| one.sufficiency());
            let scrambled: Vec<f32> = measured.iter().filter_map(|one| one.scrambled).collect();
            let random_weights = (!scrambled.is_empty()).then(|| mean(&scrambled));
            let own = mean(&comprehensive);
            let normalized = ceiling.filter(|_| !floor.is_empty()).map(|ceiling| {
                let (low, high) = (mean(&floor), mean(&ceiling));
                (own - low) / (high - low).max(f32::MIN_POSITIVE)
            });
            let lead = |(own, default): (&f32, &f32)| own - default;
            let over_default = (default.len() == comprehensive.len()
                && !matches!(ranker, Ranker::Method(method) if *method == Method::default()))
            .then(|| interval(&comprehensive.iter().zip(&default).map(lead).collect::<Vec<_>>(), seed));
            Row {
                method: ranker.name(),
                target: match ranker {
                    Ranker::Method(method) => method.target(),
                    Ranker::Random => "nothing",
                },
                comprehensiveness: own,
                sufficiency: mean(&sufficient),
                tau_loo: mean(&all(&|one| one.tau)),
                interval: interval(&comprehensive, seed),
                sufficiency_interval: interval(&sufficient, seed),
                normalized,
                over_default,
                random_weights,
                survives_random_weights: random_weights.is_some_and(|tau| tau >= SURVIVES),
                deletion: by_bin(&measured.iter().map(|one| one.deleted).collect::<Vec<_>>()),
                insertion: by_bin(&measured.iter().map(|one| one.kept).collect::<Vec<_>>()),
                ms: median(&all(&|one| one.ms)),
            }
        };
        let mut methods: Vec<Row> = rankers.iter().map(row).collect();
        methods.sort_by(|a, b| b.comprehensiveness.total_cmp(&a.comprehensiveness));
        Table {
            model: model.to_owned(),
            units: units.len(),
            words: units.iter().map(|unit| unit.words).sum(),
            files,
            seed,
            operator: "delete the words' tokens; special tokens stay; scores keep their signs",
            bins: BINS,
            ceiling,
            methods,
        }
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
            ceiling: Some([0.5; BINS.len()]),
        }
    }

    #[test]
    fn rows_are_means_over_units_with_what_lies_between_chance_and_a_search() {
        let rankers = [
            Ranker::Random,
            Ranker::Method(Method::Attention),
            Ranker::Method(Method::Decomposition),
        ];
        let table = Table::of("m", 2, 0, &rankers, &[unit(0.2), unit(0.4)]);
        assert_eq!((table.units, table.words), (2, 20));
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
        // Half of the way from .1 to .5.
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
    }
}
