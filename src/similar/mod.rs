//! Similarity of items, among the open documents or in an index of folders ([`index`]).
//!
//! Data flow: embeddings of units → one vector per item → language-centered vectors → neighbors.

pub mod ask;
mod blocks;
pub mod calibration;
mod center;
pub mod decision;
mod density;
pub mod fingerprint;
pub mod index;
mod moments;
pub mod probe;
mod scan;
mod texts;
pub mod thresholds;
mod vector;
pub mod words;

use blocks::Blocks;
pub use calibration::{Calibration, Scale};
pub use center::{BetweenLanguages, Center, Sums};
pub use scan::{Rows, ScoreTransform};
pub use texts::embed_texts;
pub use vector::{MIN_COVERAGE, MIN_TOKENS, Part, embed, mean, units_of};
