//! Similarity: units' embeddings → one vector per item → language-centred vectors → neighbours, among the open documents
//! ([`Space`]) or in an index of folders ([`index`]).

pub mod calibration;
mod centre;
pub mod decision;
pub mod fingerprint;
pub mod index;
pub mod likeness;
mod scan;
mod space;
mod vector;
pub mod words;

pub use calibration::{Calibration, Scale};
pub use centre::{Centre, Sums};
pub use scan::{Judge, Rows};
pub use space::Space;
pub use vector::{ItemVector, MIN_COVERAGE, MIN_TOKENS, Part, embed, mean, units_of};
