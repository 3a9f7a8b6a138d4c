//! Models of the Hugging Face Hub that are worth a try, one for each use.

/// A model of the Hub.
pub(super) struct Entry {
    /// `OWNER/NAME`.
    pub name: &'static str,
    /// Its license, as SPDX names it.
    pub license: &'static str,
    /// Megabytes of the files that Fovea needs, rounded.
    pub megabytes: u32,
    /// Tokens that it reads in one pass.
    pub window: u32,
    /// Millions of parameters in its layers, without the table of tokens: the time of a pass grows with them.
    pub millions: u32,
    /// Its purpose.
    pub purpose: &'static str,
}

/// Millions of parameters in the layers of the embedded model: 6 layers of 12 · 384².
const EMBEDDED_MILLIONS: f32 = 10.6;

impl Entry {
    /// The time of a pass, as a multiple of the embedded model's, estimated from the parameters.
    pub(super) fn cost(&self) -> f32 {
        self.millions as f32 / EMBEDDED_MILLIONS
    }
}

/// The models, from small to large for each use. Every license allows commercial use; every repository has safetensors and
/// tokenizer.json.
pub(super) const CATALOG: [Entry; 14] = [
    Entry {
        name: "intfloat/e5-small-v2",
        license: "MIT",
        megabytes: 134,
        window: 512,
        millions: 21,
        purpose: "search and lenses in English, longer units",
    },
    Entry {
        name: "BAAI/bge-small-en-v1.5",
        license: "MIT",
        megabytes: 134,
        window: 512,
        millions: 21,
        purpose: "search and lenses in English, longer units",
    },
    Entry {
        name: "intfloat/multilingual-e5-small",
        license: "MIT",
        megabytes: 488,
        window: 512,
        millions: 21,
        purpose: "a hundred languages, with every token that the embedded one leaves out",
    },
    Entry {
        name: "sentence-transformers/all-mpnet-base-v2",
        license: "Apache-2.0",
        megabytes: 438,
        window: 384,
        millions: 85,
        purpose: "similarity in English",
    },
    Entry {
        name: "Alibaba-NLP/gte-modernbert-base",
        license: "Apache-2.0",
        megabytes: 302,
        window: 8192,
        millions: 110,
        purpose: "search in code and English, whole files in one unit",
    },
    Entry {
        name: "nomic-ai/nomic-embed-text-v1.5",
        license: "Apache-2.0",
        megabytes: 548,
        window: 2048,
        millions: 113,
        purpose: "search in English, long texts",
    },
    Entry {
        name: "distilbert/distilbert-base-cased-distilled-squad",
        license: "Apache-2.0",
        megabytes: 262,
        window: 512,
        millions: 43,
        purpose: "answers: the exact span for `fovea ask`",
    },
    Entry {
        name: "SamLowe/roberta-base-go_emotions",
        license: "MIT",
        megabytes: 501,
        window: 512,
        millions: 85,
        purpose: "classes: the tone of a text, for `fovea classify`",
    },
    Entry {
        name: "openai-community/gpt2",
        license: "MIT",
        megabytes: 550,
        window: 1024,
        millions: 85,
        purpose: "next tokens in English: `fovea predict` and `fovea generate`",
    },
    Entry {
        name: "HuggingFaceTB/SmolLM2-135M",
        license: "Apache-2.0",
        megabytes: 271,
        window: 8192,
        millions: 106,
        purpose: "next tokens in English and code: `fovea predict` and `fovea generate`",
    },
    Entry {
        name: "HuggingFaceTB/SmolLM2-135M-Instruct",
        license: "Apache-2.0",
        megabytes: 271,
        window: 8192,
        millions: 106,
        purpose: "written answers in English: `fovea ask --model`, `fovea.model.generator`",
    },
    Entry {
        name: "Qwen/Qwen2.5-0.5B-Instruct",
        license: "Apache-2.0",
        megabytes: 999,
        window: 32768,
        millions: 358,
        purpose: "written answers in thirty languages, better ones",
    },
    Entry {
        name: "Qwen/Qwen3-0.6B-Base",
        license: "Apache-2.0",
        megabytes: 1203,
        window: 32768,
        millions: 440,
        purpose: "next tokens in a hundred languages and code",
    },
    Entry {
        name: "google/flan-t5-small",
        license: "Apache-2.0",
        megabytes: 310,
        window: 512,
        millions: 44,
        purpose: "an encoder–decoder to look into with `fovea view` and `fovea generate`",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hub;

    #[test]
    fn every_name_has_the_form_of_the_hub_and_is_unique() {
        for (index, entry) in CATALOG.iter().enumerate() {
            assert_eq!(hub::repository(entry.name), Some((entry.name, None)));
            assert!(CATALOG[..index].iter().all(|other| other.name != entry.name));
        }
    }
}
