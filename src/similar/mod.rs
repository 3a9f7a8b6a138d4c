//! Similarity: units' embeddings → one vector per item → language-centred vectors → neighbours, among the open documents or in
//! an index of folders ([`index`]).

mod blocks;
pub mod calibration;
mod centre;
pub mod decision;
mod density;
pub mod fingerprint;
pub mod index;
pub mod likeness;
mod moments;
pub mod probe;
mod scan;
mod vector;
pub mod words;

use blocks::Blocks;
pub use calibration::{Calibration, Scale};
pub use centre::{BetweenLanguages, Centre, Sums};
pub use scan::{Judge, Rows};
pub use vector::{MIN_COVERAGE, MIN_TOKENS, Part, embed, mean, units_of};
