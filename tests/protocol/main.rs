//! The server as an editor sees it: messages over a pipe, and a model with answers that can be computed by hand.

#![expect(clippy::unwrap_used, reason = "tests")]

mod asking;
mod bad_input;
mod binary;
mod cancel;
mod carriers;
mod classes;
mod editor;
#[expect(dead_code, reason = "the scheduler's tests use more of it")]
#[path = "../../src/analysis/tests/fake.rs"]
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
mod writing;
