//! Fovea: a language server that runs a transformer on the open document and shows what that model attends to.
//!
//! Data flows in one direction. Each module uses only the modules above it in this list:
//!
//! | module | from → to |
//! | --- | --- |
//! | [`text`] | bytes → rope snapshot, positions in three encodings, language, source words |
//! | [`segment`] | snapshot → units (a partition of the document) and items (the targets of lenses) |
//! | [`parser`] | snapshot → syntax, in child processes, because a text may crash the scanner of a grammar |
//! | [`model`] | unit text → tokens with source spans → one forward pass → [`model::Trace`] |
//! | [`explain`] | trace → score per source word |
//! | [`similar`] | embedding → language-centered vector → neighbors |
//! | [`analysis`] | scheduling of computations: cache, priorities, cancellation |
//! | [`render`] | answers → Markdown, terminal, JSON |
//! | [`view`] | questions of the page ⇄ model and explanations |
//! | [`server`] | LSP messages ⇄ analysis |
//! | [`cli`] | subcommands ⇄ analysis |
//!
//! Two modules are outside this order: [`places`] has the user directories that Fovea reads or writes, and [`database`] opens SQLite files
//! in them.

// The model of the scheduler's tests is also that of the protocol tests, which know the crate by its name.
#[cfg(test)]
extern crate self as fovea;

pub mod analysis;
pub mod cli;
pub mod database;
pub mod explain;
pub mod model;
pub mod parser;
pub mod places;
pub mod render;
pub mod segment;
pub mod server;
pub mod similar;
pub mod text;
pub mod view;
