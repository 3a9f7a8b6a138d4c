//! Fovea: a language server that runs a transformer on the open document and shows what that model attends to.
//!
//! Data flows in one direction, and each module knows only those above it in this list:
//!
//! | module | from → to |
//! | --- | --- |
//! | [`text`] | bytes → rope snapshot, positions in three encodings, language, source words |
//! | [`segment`] | snapshot → units (a partition of the document) and items (what a lens names) |
//! | [`parser`] | snapshot → syntax, in processes of its own: a text may crash the scanner of a grammar |
//! | [`model`] | unit text → tokens with source spans → one forward pass → [`model::Trace`] |
//! | [`explain`] | trace → score per source word |
//! | [`similar`] | embedding → language-centered vector → neighbors |
//! | [`analysis`] | who computes what, and when: cache, priorities, cancellation |
//! | [`render`] | answers → Markdown, terminal, JSON |
//! | [`view`] | questions of the page ⇄ model and explanations |
//! | [`server`] | LSP messages ⇄ analysis |
//! | [`cli`] | subcommands ⇄ analysis |
//!
//! Outside stand [`places`], the folders of the person's that are ours to use, and [`database`], a file of SQLite in one of them.

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
