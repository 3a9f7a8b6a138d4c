//! The server as an editor sees it: every message over a pipe, with a model whose answers can be computed by hand.

#![expect(clippy::unwrap_used, reason = "tests")]

mod asking;
mod bad_input;
mod binary;
mod cancel;
mod carriers;
mod classes;
mod editor;
mod fake;
mod features;
mod files;
mod flood;
mod heat;
mod lifecycle;
mod ordering;
mod predicting;
mod program;
mod restart;
mod settings;
mod spelling;
mod viewing;
