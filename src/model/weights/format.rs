//! The formats of weight files: safetensors and GGUF. Neither header is trusted.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use candle_core::quantized::gguf_file;
use candle_core::safetensors::Load;
use candle_core::{DType, Device, Error, Result};
use rayon::prelude::*;
use safetensors::tensor::{Metadata, TensorView};

use super::Stored;
use crate::model::gguf;
use crate::model::guarded::guarded;
use crate::model::weight_file::WeightFile;

/// Maximum size of a safetensors header in bytes, as in the library. Those of published models have some hundred thousand.
const LONGEST_HEADER: u64 = 100_000_000;

/// Named tensors, and the number format of the matrices.
type Tensors = (Vec<(String, Stored)>, String);

/// Reads the tensors of a safetensors file (<https://huggingface.co/docs/safetensors>), each one from its place in the file.
pub(super) fn read_safetensors(file: &WeightFile) -> Result<Tensors> {
    let mut reader = file.reader();
    let mut length = [0; 8];
    let early = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::msg("it ends within its header"),
        _ => error.into(),
    };
    reader.read_exact(&mut length).map_err(early)?;
    let length = u64::from_le_bytes(length);
    let data = length.saturating_add(8);
    if length > LONGEST_HEADER || data > file.size() {
        candle_core::bail!("its header claims {length} bytes, more than the file or the limit has")
    }
    let mut header = vec![0; length as usize];
    reader.read_exact(&mut header).map_err(early)?;
    // This checks that the tensors cover the data without a gap or an overlap.
    let header: Metadata = serde_json::from_slice(&header)
        .map_err(|error| Error::msg(format!("its header does not describe tensors: {error}")))?;
    let end = data.checked_add(header.data_len() as u64);
    if end != Some(file.size()) {
        candle_core::bail!(
            "its tensors have {} bytes, and the file has {} after its header",
            header.data_len(),
            file.size() - data
        )
    }
    let read = |name: &str| {
        let info = header.info(name).ok_or_else(|| Error::msg(name))?;
        let (start, end) = info.data_offsets;
        let mut bytes = vec![0; end - start];
        let mut reader = file.reader();
        reader.seek(SeekFrom::Start(data + start as u64))?;
        reader.read_exact(&mut bytes)?;
        let view = TensorView::new(info.dtype, info.shape.clone(), &bytes).map_err(Error::wrap)?;
        view.load(&Device::Cpu)
    };
    // On a rayon thread the guard of the caller does not apply.
    let load = |name: String| match guarded(|| read(&name)) {
        Some(tensor) => Ok((name, Stored::Plain(tensor?))),
        None => candle_core::bail!("tensor `{name}` cannot be read"),
    };
    let tensors = header
        .offset_keys()
        .into_par_iter()
        .map(load)
        .collect::<Result<Vec<_>>>()?;
    let narrow = tensors.iter().find_map(|(_, tensor)| match tensor {
        Stored::Plain(tensor) if tensor.dtype().is_float() && tensor.dtype() != DType::F32 => Some(tensor.dtype()),
        _ => None,
    });
    Ok((tensors, narrow.unwrap_or(DType::F32).as_str().to_owned()))
}

/// Reads the tensors of a GGUF file, each one from its place in the file.
pub(super) fn read_gguf(file: &WeightFile) -> Result<Tensors> {
    let mut reader = BufReader::new(file.reader());
    gguf::survey(&mut reader, file.size()).map_err(Error::msg)?;
    reader.rewind()?;
    let content = gguf_file::Content::read(&mut reader)?;
    // Tensors must not overlap, or a small file could become large arrays.
    let stored = content.tensor_infos.values().try_fold(0usize, |sum, info| {
        let elements = info
            .shape
            .dims()
            .iter()
            .try_fold(1usize, |all, dim| all.checked_mul(*dim))?;
        let bytes = (elements / info.ggml_dtype.block_size()).checked_mul(info.ggml_dtype.type_size())?;
        sum.checked_add(bytes)
    });
    if stored.is_none_or(|stored| stored as u64 > file.size()) {
        candle_core::bail!("its tensors have more numbers than the file")
    }
    let load = |name: &String| match guarded(|| content.tensor(&mut file.reader(), name, &Device::Cpu)) {
        Some(tensor) => Ok((name.clone(), Stored::Quantized(tensor?))),
        None => candle_core::bail!("tensor `{name}` cannot be read"),
    };
    let names: Vec<&String> = content.tensor_infos.keys().collect();
    let tensors = names.into_par_iter().map(load).collect::<Result<Vec<_>>>()?;
    let formats: BTreeSet<String> = content
        .tensor_infos
        .values()
        .filter(|info| info.shape.rank() == 2)
        .map(|info| format!("{:?}", info.ggml_dtype).to_lowercase())
        .collect();
    Ok((tensors, Vec::from_iter(formats).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::weight_file::on_disk;

    #[test]
    fn the_metadata_of_a_gguf_file_is_bounded() {
        let with_values = |count: usize| {
            let mut bytes = b"GGUF\x03\0\0\0".to_vec();
            // No tensors, and one metadata value: an array (9) of bytes (0).
            for number in [0u64, 1, 1] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(b"x\x09\0\0\0\0\0\0\0");
            bytes.extend((count as u64).to_le_bytes());
            bytes.resize(bytes.len() + count, 0);
            bytes
        };
        // Each element takes the memory of a whole value.
        assert!(read_gguf(&on_disk(&with_values(1 << 20))).is_ok());
        let error = read_gguf(&on_disk(&with_values((8 << 20) + 1)))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("over the limit"), "{error}");
    }

    #[test]
    fn tensors_are_read_from_their_places_and_must_fill_the_file() {
        let numbers = |values: [f32; 2]| values.map(f32::to_le_bytes).concat();
        let (first, second) = (numbers([1.0, -2.0]), numbers([0.5, 8.0]));
        let view = |bytes| TensorView::new(safetensors::Dtype::F32, vec![2], bytes).unwrap();
        let bytes = safetensors::serialize([("a", view(&first)), ("b", view(&second))], None).unwrap();
        let (tensors, format) = read_safetensors(&on_disk(&bytes)).unwrap();
        assert_eq!(format, "f32");
        let values: Vec<(&str, Vec<f32>)> = tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor.floats().unwrap().to_vec1().unwrap()))
            .collect();
        assert_eq!(values, [("a", vec![1.0, -2.0]), ("b", vec![0.5, 8.0])]);
        let refused = |bytes: &[u8]| read_safetensors(&on_disk(bytes)).err().unwrap().to_string();
        assert!(refused(&bytes[..bytes.len() - 1]).contains("its tensors have 16 bytes, and the file has 15"));
        assert!(refused(&[&bytes[..], b"x"].concat()).contains("its tensors have 16 bytes, and the file has 17"));
        assert!(refused(&u64::MAX.to_le_bytes()).contains("its header claims"));
        assert!(refused(b"{}").contains("it ends within its header"));
        let no_json = [&8u64.to_le_bytes()[..], b"no json!"].concat();
        assert!(refused(&no_json).contains("its header does not describe tensors: expected"));
    }
}
