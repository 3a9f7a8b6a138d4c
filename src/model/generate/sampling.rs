//! Selection of the next token: the most probable, or a random one.

/// Parameters of the selection. The default is greedy: the most probable token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Divisor of the logits; 0 selects the most probable token.
    pub temperature: f32,
    /// Number of most probable tokens that are candidates; 0 for all.
    pub top_k: usize,
    /// Candidates are the most probable tokens with this total probability (Holtzman et al. 2020); 1 for all.
    pub top_p: f32,
    /// Minimum probability of a candidate, relative to the most probable token; 0 for all.
    pub min_p: f32,
    /// Penalty for tokens that the text already contains: positive logits are divided by it, negative ones multiplied (Keskar et al.
    /// 2019); 1 for none.
    pub repetition_penalty: f32,
    /// Seed of the random numbers; the same seed selects the same tokens.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Sampling {
        Sampling {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            seed: 0,
        }
    }
}

/// Selects tokens.
pub struct Sampler {
    sampling: Sampling,
    state: u64,
}

impl Sampler {
    /// A sampler that starts from the seed.
    pub fn new(sampling: Sampling) -> Sampler {
        let state = sampling.seed;
        Sampler { sampling, state }
    }

    /// Selects a token from logits, given the previous tokens; also returns its log-probability before temperature, penalty and cuts.
    pub fn pick(&mut self, logits: &[f32], before: &[u32]) -> (u32, f32) {
        let logprob = |id: u32| logits[id as usize] - log_sum(logits);
        let Sampling {
            temperature,
            repetition_penalty,
            ..
        } = self.sampling;
        let mut scores = logits.to_vec();
        if repetition_penalty != 1.0 {
            let mut seen = before.to_vec();
            seen.sort_unstable();
            seen.dedup();
            for id in seen {
                let Some(score) = scores.get_mut(id as usize) else {
                    continue;
                };
                *score *= if *score > 0.0 {
                    repetition_penalty.recip()
                } else {
                    repetition_penalty
                };
            }
        }
        if temperature <= 0.0 {
            let id = likeliest(&scores);
            return (id, logprob(id));
        }
        scores.iter_mut().for_each(|score| *score /= temperature);
        let id = self.sample(&scores);
        (id, logprob(id))
    }

    fn sample(&mut self, scores: &[f32]) -> u32 {
        let Sampling {
            top_k, top_p, min_p, ..
        } = self.sampling;
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        order.sort_by(|a, b| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b)));
        if top_k > 0 {
            order.truncate(top_k);
        }
        let most = order.first().map_or(0.0, |id| scores[*id as usize]);
        let mut weights: Vec<f64> = order
            .iter()
            .map(|id| f64::from(scores[*id as usize] - most).exp())
            .collect();
        let sum: f64 = weights.iter().sum();
        let mut below = 0.0;
        let kept = weights
            .iter()
            .take_while(|weight| {
                let keep = below < f64::from(top_p) * sum && **weight >= f64::from(min_p);
                below += **weight;
                keep
            })
            .count();
        weights.truncate(kept.max(1));
        let mut left = self.uniform() * weights.iter().sum::<f64>();
        for (id, weight) in order.iter().zip(&weights) {
            left -= weight;
            if left < 0.0 {
                return *id;
            }
        }
        order.get(weights.len() - 1).copied().unwrap_or(0)
    }

    /// A random number from 0 (included) to 1 (excluded), by SplitMix64 (Steele et al. 2014).
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The index of the largest score; the first if there are several.
fn likeliest(scores: &[f32]) -> u32 {
    let largest = scores
        .iter()
        .enumerate()
        .fold((0, f32::NEG_INFINITY), |best, (index, score)| {
            if *score > best.1 { (index, *score) } else { best }
        });
    largest.0 as u32
}

/// ln Σ e^x.
pub fn log_sum(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
    (f64::from(most) + sum.ln()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 4] = [1.0, 3.0, 2.0, -1.0];

    fn shares(sampling: Sampling) -> [f64; 4] {
        let mut sampler = Sampler::new(sampling);
        let mut counts = [0.0; 4];
        for _ in 0..20_000 {
            counts[sampler.pick(&LOGITS, &[]).0 as usize] += 1.0 / 20_000.0;
        }
        counts
    }

    fn warm() -> Sampling {
        Sampling {
            temperature: 1.0,
            seed: 7,
            ..Sampling::default()
        }
    }

    #[test]
    fn tokens_are_sampled_by_probability_and_greedy_takes_the_most_probable() {
        assert_eq!(Sampler::new(Sampling::default()).pick(&LOGITS, &[]).0, 1);
        let whole: f64 = LOGITS.iter().map(|l| f64::from(*l).exp()).sum();
        for (share, logit) in shares(warm()).iter().zip(LOGITS) {
            assert!((share - f64::from(logit).exp() / whole).abs() < 0.015);
        }
        let hot = shares(Sampling {
            temperature: 100.0,
            ..warm()
        });
        assert!(hot.iter().all(|share| (share - 0.25).abs() < 0.02));
    }

    #[test]
    fn cuts_keep_only_the_candidates_that_they_define() {
        let possible = |sampling| shares(sampling).map(|share| share > 0.0);
        assert_eq!(possible(Sampling { top_k: 2, ..warm() }), [false, true, true, false]);
        // The most probable token has .66, the next .24, the third .09.
        assert_eq!(possible(Sampling { top_p: 0.7, ..warm() }), [false, true, true, false]);
        assert_eq!(possible(Sampling { min_p: 0.3, ..warm() }), [false, true, true, false]);
        assert_eq!(possible(Sampling { min_p: 1.0, ..warm() }), [false, true, false, false]);
    }

    #[test]
    fn a_penalty_favors_new_tokens_and_a_seed_repeats_itself() {
        let sampling = Sampling {
            repetition_penalty: 2.0,
            ..Sampling::default()
        };
        let (id, logprob) = Sampler::new(sampling).pick(&LOGITS, &[1, 1]);
        assert_eq!(id, 2);
        assert!((logprob - (2.0 - log_sum(&LOGITS))).abs() < 1e-6);
        let run = |seed| {
            let mut sampler = Sampler::new(Sampling { seed, ..warm() });
            (0..50).map(|_| sampler.pick(&LOGITS, &[]).0).collect::<Vec<_>>()
        };
        assert!(run(1) == run(1) && run(1) != run(2));
    }
}
