//! Changes that llama.cpp's converter makes to weights, expressed as changes of the description.
//! Weights then need no conversion back.
//!
//! | architecture | change by the converter | change of the description |
//! | --- | --- | --- |
//! | Llama | reorders the rows of queries and keys, so that rotated pairs are adjacent | interleaved pairs |
//! | Gemma | adds 1 to the weights of norms | no offset |
//! | GPT-2 | transposes matrices | not transposed: (out, in) |
//! | GPT-NeoX | stores all queries, then all keys, then all values | ranges of rows |

use crate::model::spec::{Attention, LinearSpec, ModelSpec, NormSpec, Position, Rows, Work};

/// Changes the description to match the stored weights.
pub(super) fn lay_out(architecture: &str, spec: &mut ModelSpec) {
    match architecture {
        "llama" => attentions(spec, |attention| {
            if let Position::Rotary(rotary) = &mut attention.position {
                rotary.interleaved = true;
            }
        }),
        "gemma" | "gemma2" | "gemma3" => norms(spec, |norm| norm.offset = 0.0),
        "gpt2" => linears(spec, |linear| linear.transposed = false),
        "gptneox" => linears(spec, |linear| {
            if let Rows::OfEach { range, each, groups } = &linear.rows {
                linear.rows = Rows::Range(range.start * groups..range.end * groups, each * groups);
            }
        }),
        _ => {}
    }
}

fn works(spec: &mut ModelSpec, mut change: impl FnMut(&mut Work)) {
    let stacks = std::iter::once(&mut spec.stack).chain(&mut spec.decoder);
    let steps = stacks
        .flat_map(|stack| &mut stack.blocks)
        .flat_map(|block| &mut block.steps);
    steps
        .flat_map(|step| &mut step.branches)
        .for_each(|branch| change(&mut branch.work));
}

fn attentions(spec: &mut ModelSpec, mut change: impl FnMut(&mut Attention)) {
    works(spec, |work| {
        if let Work::Attention(attention) = work {
            change(attention);
        }
    });
}

fn linears(spec: &mut ModelSpec, mut change: impl FnMut(&mut LinearSpec)) {
    works(spec, |work| match work {
        Work::Attention(attention) => {
            let Attention {
                query,
                key,
                value,
                output,
                ..
            } = &mut **attention;
            [query, key, value, output].into_iter().for_each(&mut change);
        }
        Work::Mlp(mlp) => {
            let parts = [Some(&mut mlp.up), mlp.gate.as_mut(), Some(&mut mlp.down)];
            parts.into_iter().flatten().for_each(&mut change);
        }
    });
}

fn norms(spec: &mut ModelSpec, mut change: impl FnMut(&mut NormSpec)) {
    attentions(spec, |attention| {
        if let Some((query, key)) = &mut attention.qk_norm {
            [query, key].into_iter().for_each(&mut change);
        }
    });
    for stack in std::iter::once(&mut spec.stack).chain(&mut spec.decoder) {
        for step in stack.blocks.iter_mut().flat_map(|block| &mut block.steps) {
            let norms_of_branches = step
                .branches
                .iter_mut()
                .flat_map(|branch| [&mut branch.before, &mut branch.after]);
            norms_of_branches
                .chain([&mut step.norm])
                .flatten()
                .for_each(&mut change);
        }
        [&mut stack.norm, &mut stack.embedding.norm]
            .into_iter()
            .flatten()
            .for_each(&mut change);
    }
}
