use std::collections::HashMap;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;

/// A sketch from few possible elements, so that sketches share many. Most contain the low ones.
fn sketch(keep: usize) -> impl Strategy<Value = Sketch> {
    (proptest::collection::btree_set(0u32..400, 0..90), 0u32..40).prop_map(move |(some, frequent)| {
        let mut hashes: Vec<u32> = some.into_iter().chain(0..frequent).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let count = hashes.len() as u32;
        hashes.truncate(keep);
        Sketch {
            count,
            hashes: hashes.into(),
        }
    })
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    (sketch(64), sketch(48)).prop_map(|(renamed, exact)| Fingerprint {
        renamed,
        exact,
        ..Fingerprint::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_pair_with_the_overlap_is_found_once_and_the_bound_holds(
        fingerprints in proptest::collection::vec(fingerprint(), 0..40),
        least in prop_oneof![Just(0.0f32), Just(0.2), 0f32..2.0],
    ) {
        let all: Vec<&Fingerprint> = fingerprints.iter().collect();
        let met = Mutex::new(HashMap::new());
        overlapping(&all, least, |a, b, most| {
            assert!(a < b && met.lock().unwrap().insert((a, b), most).is_none(), "{a} {b}");
        });
        let met = met.into_inner().unwrap();
        for b in 0..all.len() {
            for a in 0..b {
                let overlap = all[a].overlap(all[b]) + all[a].exact_overlap(all[b]);
                match met.get(&(a, b)) {
                    Some(most) => prop_assert!(overlap <= *most),
                    None => prop_assert!(overlap < least || overlap == 0.0, "{} {}: {}", a, b, overlap),
                }
            }
        }
    }
}
