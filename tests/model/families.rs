//! Every family against Hugging Face transformers, and properties of its explanations.
//!
//! The tests compare hidden states, self- and cross-attention, logits and gradients of tiny models with random weights
//! (`tests/reference/families.py`).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{Device, Tensor};
use fovea::model::tape::{Held, Network, Op, Read, Side, Tape};
use fovea::model::{Packed, Source, TraceLevel, UNSTOPPED, network};

/// The value of entry `i` of a tensor, by the same formula as in tests/reference/families.py.
pub(super) fn weight(name: &str, rank: usize, i: u64) -> f32 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mut z = hash.wrapping_add((i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let u = (z >> 40) as f64 / (1u64 << 24) as f64;
    let scale = name.ends_with("weight") || name.ends_with("gamma");
    (match rank {
        1 if scale => 0.8 + 0.4 * u,
        1 => (u - 0.5) * 0.4,
        _ => (u - 0.5) * 0.6,
    }) as f32
}

pub(super) struct Case {
    pub name: String,
    pub network: Network,
    golden: HashMap<String, Tensor>,
    _folder: tempfile::TempDir,
}

pub(super) fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/families")
}

impl Case {
    pub(super) fn load(name: &str, config: &str) -> Case {
        let from = root().join(name);
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(from.join(config), folder.path().join("config.json")).unwrap();
        let shapes = std::fs::read_to_string(from.join("tensors.json")).unwrap();
        let shapes: BTreeMap<String, Vec<usize>> = serde_json::from_str(&shapes).unwrap();
        let tensors: HashMap<String, Tensor> = shapes
            .into_iter()
            .map(|(name, shape)| {
                let count: usize = shape.iter().product();
                let values: Vec<f32> = (0..count as u64).map(|i| weight(&name, shape.len(), i)).collect();
                (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
            })
            .collect();
        candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
        let network = network(&Source::Folder(folder.path().to_path_buf())).unwrap_or_else(|e| panic!("{name}: {e}"));
        let golden = candle_core::safetensors::load(from.join("golden.safetensors"), &Device::Cpu).unwrap();
        Case {
            name: name.to_owned(),
            network,
            golden,
            _folder: folder,
        }
    }

    pub(super) fn all() -> impl Iterator<Item = Case> {
        let mut names: Vec<String> = std::fs::read_dir(root())
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert!(names.len() > 30, "{names:?}");
        let only = std::env::var("FOVEA_FAMILY").ok();
        names
            .into_iter()
            .filter(move |name| only.as_ref().is_none_or(|only| only == name))
            .flat_map(|name| {
                let older = root().join(&name).join("config.older.json").exists();
                let configs = if older {
                    vec!["config.json", "config.older.json"]
                } else {
                    vec!["config.json"]
                };
                configs.into_iter().map(move |config| Case::load(&name, config))
            })
    }

    fn ids(&self, key: &str) -> Option<Vec<u32>> {
        let ids = self.golden.get(key)?.to_dtype(candle_core::DType::I64).unwrap();
        Some(ids.to_vec1::<i64>().unwrap().into_iter().map(|id| id as u32).collect())
    }

    pub(super) fn values(&self, key: &str) -> Option<Vec<f32>> {
        Some(self.golden.get(key)?.flatten_all().unwrap().to_vec1().unwrap())
    }

    pub(super) fn read(&self, texts: &[&str], keep: TraceLevel) -> Read {
        let of = |key: &str| -> Vec<Vec<u32>> {
            texts
                .iter()
                .filter_map(|text| self.ids(&format!("{text}.{key}")))
                .collect()
        };
        let (ids, types, written) = (of("ids"), of("types"), of("decoder_ids"));
        let mut packed = Packed::new(ids.iter().map(Vec::as_slice));
        packed.types = types.concat();
        let written = (!written.is_empty()).then(|| Packed::new(written.iter().map(Vec::as_slice)));
        let read = self.network.read(&packed, written.as_ref(), keep, UNSTOPPED);
        read.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn expect(&self, key: &str, found: &[f32], tolerance: f32) {
        let Some(expected) = self.values(key) else {
            panic!("{} has no {key}", self.name)
        };
        assert_eq!(found.len(), expected.len(), "{} {key}", self.name);
        let largest = expected.iter().fold(1f32, |most, v| most.max(v.abs()));
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let off = fovea::model::largest(off);
        assert!(
            off < tolerance * largest,
            "{} {key}: off by {off} of {largest}",
            self.name
        );
    }
}

/// Compares the blocks of one side of a tape with the values of transformers.
fn check_side(case: &Case, tape: &Tape, sequence: usize, side: Side, text: &str) {
    let (blocks, last, prefix) = match side {
        Side::Reading => (&tape.blocks, tape.output, ""),
        Side::Writing => (&tape.decoder, tape.written, "decoder_"),
    };
    for (index, block) in blocks.iter().enumerate() {
        let key = |kind: &str| format!("{text}.{prefix}{kind}.{index}");
        case.expect(&key("hidden"), tape.value(sequence, block.before).unwrap(), 2e-5);
        for site in &block.attention {
            let Op::Mix { mixed, .. } = &tape.nodes[site.mix].op else {
                panic!()
            };
            let mixed = &mixed[sequence];
            let heads = mixed.attention().heads.count;
            let maps: Vec<f32> = (0..heads).flat_map(|head| mixed.head(head).to_vec()).collect();
            let key = if site.cross {
                format!("{text}.cross_attention.{index}")
            } else {
                key("attention")
            };
            case.expect(&key, &maps, 2e-5);
        }
    }
    let key = format!("{text}.{prefix}hidden.{}", blocks.len());
    case.expect(&key, tape.value(sequence, last.unwrap()).unwrap(), 2e-5);
}

#[test]
fn hidden_states_attention_and_logits_of_every_family_are_those_of_transformers() {
    for case in Case::all() {
        let packed = case.read(&["a", "b"], TraceLevel::Layers);
        for (index, text) in ["a", "b"].into_iter().enumerate() {
            let alone = case.read(&[text], TraceLevel::Layers);
            for (read, sequence) in [(&alone, 0), (&packed, index)] {
                let tape = read.tape.as_ref().unwrap();
                check_side(&case, tape, sequence, Side::Reading, text);
                if tape.written.is_some() {
                    check_side(&case, tape, sequence, Side::Writing, text);
                }
            }
            let hidden = alone.written.as_ref().unwrap_or(&alone.hidden);
            if case.values(&format!("{text}.logits")).is_some() {
                let logits = case
                    .network
                    .logits(hidden)
                    .unwrap()
                    .unwrap_or_else(|| panic!("{} has no head", case.name));
                case.expect(&format!("{text}.logits"), &logits, 2e-5);
            }
        }
    }
}

/// The direction of the gradients that transformers computed, at the last token.
fn direction(rows: usize, width: usize) -> Vec<f32> {
    let mut gradient = vec![0f32; rows * width];
    let last = gradient.len() - width;
    (0..width).for_each(|i| gradient[last + i] = (i as f32).cos());
    gradient
}

#[test]
fn gradients_of_every_family_are_those_of_autograd() {
    for case in Case::all() {
        for text in ["a", "b"] {
            let read = case.read(&[text], TraceLevel::Everything);
            let tape = read.tape.as_ref().unwrap();
            let from = tape.written.or(tape.output).unwrap();
            let width = tape.nodes[from].width;
            let rows = tape.value(0, from).unwrap().len() / width;
            let pulled = tape.vjp(0, from, direction(rows, width), Held::Nothing).unwrap();
            case.expect(&format!("{text}.gradient"), &pulled.reading, 1e-4);
            if tape.written.is_some() {
                case.expect(&format!("{text}.decoder_gradient"), &pulled.writing, 1e-4);
            }
        }
    }
}

#[test]
fn the_page_of_models_names_every_family() {
    let page = include_str!("../../docs/models.md")
        .split("## Families")
        .nth(1)
        .unwrap();
    let page = page.split("## How a gated").next().unwrap();
    let rows: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|row| row.0)
        .collect();
    assert_eq!(rows[1..], fovea::model::FAMILIES);
    let mut lines = page.lines().filter(|line| line.starts_with("| `")).skip(1);
    let other = lines.find(|line| !line.contains("| embed"));
    assert_eq!(other, None, "a row says nothing about what the family can do");
    let error = refusal(r#"{"model_type": "mamba"}"#);
    assert!(
        fovea::model::FAMILIES.iter().all(|family| error.contains(family)),
        "{error}"
    );
}

/// The error of loading a folder with this config.json.
fn refusal(config: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    match network(&Source::Folder(folder.path().to_path_buf())) {
        Ok(_) => panic!("{config} was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn unsupported_configurations_are_refused_with_the_name_of_the_key() {
    let llama = |change: &str| {
        let config = std::fs::read_to_string(root().join("llama/config.json")).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        let change: serde_json::Value = serde_json::from_str(change).unwrap();
        for (key, value) in change.as_object().unwrap() {
            config[key] = value.clone();
        }
        refusal(&config.to_string())
    };
    for (change, expected) in [
        (r#"{"hidden_size": 0}"#, "hidden_size is 0"),
        (r#"{"hidden_size": 1e30}"#, "hidden_size"),
        (r#"{"hidden_size": -4}"#, "hidden_size is -4"),
        (r#"{"num_hidden_layers": 99999999999}"#, "num_hidden_layers"),
        (r#"{"num_attention_heads": null}"#, "num_attention_heads is missing"),
        (r#"{"hidden_act": "mish"}"#, "hidden_act"),
        (r#"{"rms_norm_eps": "x"}"#, "rms_norm_eps"),
        (r#"{"rope_parameters": {"rope_type": "spiral"}}"#, "rope_scaling"),
        (r#"{"num_key_value_heads": 3}"#, "num_key_value_heads"),
        (r#"{"head_dim": 7}"#, "head_dim"),
    ] {
        let error = llama(change);
        assert!(error.contains(expected), "{change}: {error}");
    }
}

/// ⟨x, y⟩.
fn product(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

#[test]
fn frozen_networks_are_affine_and_jvp_agrees_with_vjp_in_every_family() {
    for case in Case::all() {
        let read = case.read(&["b", "a"], TraceLevel::LayersAndValues);
        let tape = read.tape.as_ref().unwrap();
        let from = tape.written.or(tape.output).unwrap();
        let width = tape.nodes[from].width;
        for sequence in [0, 1] {
            let value = tape.value(sequence, from).unwrap();
            let rows = value.len() / width;
            let gradient: Vec<f32> = (0..rows * width).map(|i| (i as f32 * 0.7).sin()).collect();
            let pulled = tape.vjp(sequence, from, gradient.clone(), Held::Frozen).unwrap();
            let mut sum = pulled.bias;
            let mut pushed = vec![0f32; value.len()];
            let mut whole = 0.0;
            for (id, node) in tape
                .nodes
                .iter()
                .enumerate()
                .filter(|(_, node)| matches!(node.op, Op::Input))
            {
                let own = tape.value(sequence, id).unwrap();
                let back = match node.side {
                    Side::Reading => &pulled.reading,
                    Side::Writing => &pulled.writing,
                };
                sum += product(own, back);
                // The forward pass of the rows, and their product with the gradient.
                let part = tape
                    .jvp(sequence, (node.side, own.to_vec()), false, from, UNSTOPPED)
                    .unwrap();
                let (forward, backward) = (product(&part, &gradient), product(own, back));
                let size = product(own, own).sqrt() * product(back, back).sqrt() + 1.0;
                assert!(
                    (forward - backward).abs() < 1e-4 * size,
                    "{}: {forward} {backward}",
                    case.name
                );
                pushed.iter_mut().zip(&part).for_each(|(sum, v)| *sum += v);
                whole += 1.0;
            }
            let start = tape.nodes.iter().position(|node| matches!(node.op, Op::Input)).unwrap();
            let nothing = vec![0f32; tape.value(sequence, start).unwrap().len()];
            let bias = tape
                .jvp(sequence, (Side::Reading, nothing), true, from, UNSTOPPED)
                .unwrap();
            pushed.iter_mut().zip(&bias).for_each(|(sum, v)| *sum += v);
            let expected = product(value, &gradient);
            let size = product(value, value).sqrt() * product(&gradient, &gradient).sqrt();
            assert!((sum - expected).abs() < 1e-4 * size, "{}: {sum} {expected}", case.name);
            let off = fovea::model::largest(pushed.iter().zip(value).map(|(a, b)| (a - b).abs()));
            assert!(
                off < 1e-3 && whole > 0.0,
                "{}: the sum of the parts is off by {off}",
                case.name
            );
        }
    }
}
