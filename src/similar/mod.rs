//! Similarity: units' embeddings → one vector per item → language-centred vectors → neighbours.
//!
//! The raw embeddings of two functions of one language resemble each other for the language alone. What is left once the mean
//! vector of the language is taken away says what they do, so that a threshold means the same for every pair.

mod space;
mod vector;

pub use space::Space;
pub use vector::{ItemVector, MIN_COVERAGE, MIN_TOKENS, Part, embed};
