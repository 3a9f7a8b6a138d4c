//! Quantized blocks of GGUF as integers with scales, for products without expanding them to floats.
//!
//! The layouts are those of `ggml-common.h` and `ggml-quants.c` of llama.cpp. Formats of two and three bits, which few files have, are
//! expanded.

use candle_core::quantized::GgmlDType;
use half::f16;
use rayon::prelude::*;

use super::kernels::blocks::{BlockPanels, Column, PanelMut, Shape};
use super::simd::LANES;

/// The blocks of one format.
#[derive(Debug, Clone, Copy)]
struct Format {
    /// Weights per block of the file.
    weights: usize,
    /// Bytes per block of the file.
    bytes: usize,
    /// Weights with a common scale.
    block: usize,
    four_bits: bool,
    offsets: bool,
    read: Read,
}

/// Reads a block of the file into its integers, scales and offsets.
type Read = fn(&[u8], &mut [i8], &mut [f32], &mut [f32]);

/// The matrix (out, inner) whose rows are these blocks, as panels of x·Wᵀ: its column `c` is row `rows[c]`. `None` for formats and sizes
/// that are expanded, and for too few bytes.
///
/// # Errors
/// Number of scales that are not finite.
pub(super) fn panels(
    dtype: GgmlDType,
    data: &[u8],
    inner: usize,
    rows: &(dyn Fn(usize) -> usize + Sync),
    columns: usize,
) -> Option<Result<BlockPanels, usize>> {
    let format = format(dtype)?;
    if inner == 0 || !inner.is_multiple_of(format.weights) {
        return None;
    }
    let row = inner / format.weights * format.bytes;
    if (0..columns).any(|c| rows(c) >= data.len() / row) {
        return None;
    }
    let shape = Shape {
        inner,
        columns,
        block: format.block,
        four_bits: format.four_bits,
        offsets: format.offsets,
    };
    let each = format.weights / format.block;
    let read = |c: usize, column: &mut Column| {
        let blocks = data[rows(c) * row..][..row].chunks_exact(format.bytes);
        let integers = column.integers.chunks_exact_mut(format.weights);
        let scales = column.scales.chunks_exact_mut(each);
        let offsets = column.offsets.chunks_exact_mut(each);
        for (((block, integers), scales), offsets) in blocks.zip(integers).zip(scales).zip(offsets) {
            (format.read)(block, integers, scales, offsets);
        }
        match column
            .scales
            .iter()
            .chain(&column.offsets)
            .filter(|v| !v.is_finite())
            .count()
        {
            0 => Ok(()),
            count => Err(count),
        }
    };
    let mut panels = BlockPanels::zeros(shape);
    let write = |(panel, mut own): (usize, PanelMut)| {
        let mut column = Column::of(shape);
        (0..LANES.min(columns - panel * LANES)).try_for_each(|c| {
            read(panel * LANES + c, &mut column)?;
            own.write(c, &column);
            Ok(())
        })
    };
    let written = panels.panels_mut().into_par_iter().enumerate().try_for_each(write);
    Some(written.map(|()| panels))
}

fn format(dtype: GgmlDType) -> Option<Format> {
    let of = |weights, bytes, block, four_bits, offsets, read| {
        Some(Format {
            weights,
            bytes,
            block,
            four_bits,
            offsets,
            read,
        })
    };
    match dtype {
        GgmlDType::Q4_0 => of(32, 18, 32, true, false, q4_0),
        GgmlDType::Q4_1 => of(32, 20, 32, true, true, q4_1),
        GgmlDType::Q5_0 => of(32, 22, 32, false, false, q5_0),
        GgmlDType::Q5_1 => of(32, 24, 32, false, true, q5_1),
        GgmlDType::Q8_0 => of(32, 34, 32, false, false, q8_0),
        GgmlDType::Q4K => of(256, 144, 32, true, true, q4_k),
        GgmlDType::Q5K => of(256, 176, 32, false, true, q5_k),
        GgmlDType::Q6K => of(256, 210, 16, false, false, q6_k),
        _ => None,
    }
}

fn float(bytes: &[u8]) -> f32 {
    f16::from_le_bytes([bytes[0], bytes[1]]).to_f32()
}

/// Integers 0 to 15 are stored as -8 to 7, so that scale · integer - offset needs this much more offset.
const MIDDLE: i8 = 8;

/// The halves of bytes: the lower ones in the first half of the integers.
fn halves(bytes: &[u8], integers: &mut [i8]) {
    let (low, high) = integers.split_at_mut(bytes.len());
    for ((low, high), byte) in low.iter_mut().zip(high).zip(bytes) {
        (*low, *high) = ((byte & 0xf).cast_signed(), (byte >> 4).cast_signed());
    }
}

/// d · (q - 8).
fn q4_0(block: &[u8], integers: &mut [i8], scales: &mut [f32], _: &mut [f32]) {
    scales[0] = float(block);
    halves(&block[2..18], integers);
    integers.iter_mut().for_each(|v| *v -= MIDDLE);
}

/// d · q + m.
fn q4_1(block: &[u8], integers: &mut [i8], scales: &mut [f32], offsets: &mut [f32]) {
    let (d, m) = (float(block), float(&block[2..]));
    (scales[0], offsets[0]) = (d, -m - f32::from(MIDDLE) * d);
    halves(&block[4..20], integers);
    integers.iter_mut().for_each(|v| *v -= MIDDLE);
}

/// Adds the fifth bits, least significant first.
fn fifth_bits(bits: &[u8], integers: &mut [i8]) {
    for (k, v) in integers.iter_mut().enumerate() {
        *v |= (bits[k / 8] >> (k % 8) & 1).cast_signed() << 4;
    }
}

/// d · (q - 16).
fn q5_0(block: &[u8], integers: &mut [i8], scales: &mut [f32], _: &mut [f32]) {
    scales[0] = float(block);
    halves(&block[6..22], integers);
    fifth_bits(&block[2..6], integers);
    integers.iter_mut().for_each(|v| *v -= 16);
}

/// d · q + m.
fn q5_1(block: &[u8], integers: &mut [i8], scales: &mut [f32], offsets: &mut [f32]) {
    (scales[0], offsets[0]) = (float(block), -float(&block[2..]));
    halves(&block[8..24], integers);
    fifth_bits(&block[4..8], integers);
}

/// d · q.
fn q8_0(block: &[u8], integers: &mut [i8], scales: &mut [f32], _: &mut [f32]) {
    scales[0] = float(block);
    integers
        .iter_mut()
        .zip(&block[2..34])
        .for_each(|(v, byte)| *v = byte.cast_signed());
}

/// The scale and the minimum of one of eight blocks: six bits each, in twelve bytes.
fn six_bits(bytes: &[u8], at: usize) -> (f32, f32) {
    let (scale, least) = match at {
        0..4 => (bytes[at] & 63, bytes[at + 4] & 63),
        _ => (
            bytes[at + 4] & 0xf | bytes[at - 4] >> 6 << 4,
            bytes[at + 4] >> 4 | bytes[at] >> 6 << 4,
        ),
    };
    (f32::from(scale), f32::from(least))
}

/// (d · s) · q - d_min · m.
fn q4_k(block: &[u8], integers: &mut [i8], scales: &mut [f32], offsets: &mut [f32]) {
    let (d, least) = (float(block), float(&block[2..]));
    for (at, (scale, offset)) in scales.iter_mut().zip(offsets).enumerate() {
        let (s, m) = six_bits(&block[4..16], at);
        *scale = d * s;
        *offset = least * m - f32::from(MIDDLE) * *scale;
    }
    for (bytes, integers) in block[16..144].chunks_exact(32).zip(integers.chunks_exact_mut(64)) {
        halves(bytes, integers);
        integers.iter_mut().for_each(|v| *v -= MIDDLE);
    }
}

/// (d · s) · q - d_min · m.
fn q5_k(block: &[u8], integers: &mut [i8], scales: &mut [f32], offsets: &mut [f32]) {
    let (d, least) = (float(block), float(&block[2..]));
    for (at, (scale, offset)) in scales.iter_mut().zip(offsets).enumerate() {
        let (s, m) = six_bits(&block[4..16], at);
        (*scale, *offset) = (d * s, least * m);
    }
    let fifth = &block[16..48];
    let parts = block[48..176].chunks_exact(32).zip(integers.chunks_exact_mut(64));
    for (part, (bytes, integers)) in parts.enumerate() {
        halves(bytes, integers);
        for (k, v) in integers.iter_mut().enumerate() {
            *v |= (fifth[k % 32] >> (2 * part + k / 32) & 1).cast_signed() << 4;
        }
    }
}

/// (d · s) · (q - 32), in blocks of sixteen.
fn q6_k(block: &[u8], integers: &mut [i8], scales: &mut [f32], _: &mut [f32]) {
    let d = float(&block[208..]);
    let each = scales.iter_mut().zip(&block[192..208]);
    each.for_each(|(scale, s)| *scale = d * f32::from(s.cast_signed()));
    for (part, integers) in integers.chunks_exact_mut(128).enumerate() {
        let (low, high) = (&block[64 * part..][..64], &block[128 + 32 * part..][..32]);
        for (k, v) in integers.iter_mut().enumerate() {
            let four = low[k % 64] >> (4 * (k / 64)) & 0xf;
            let two = high[k % 32] >> (2 * (k / 32)) & 3;
            *v = (four | two << 4).cast_signed() - 32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::quantized::QTensor;
    use candle_core::{Device, Tensor};

    #[test]
    fn blocks_have_the_values_that_candle_expands_them_to() {
        let (out, inner) = (19, 512);
        let values: Vec<f32> = (0..out * inner)
            .map(|i| (i as f32 * 0.73).sin() * (1.0 + (i % 7) as f32))
            .collect();
        let whole = Tensor::from_vec(values, (out, inner), &Device::Cpu).unwrap();
        for dtype in [
            GgmlDType::Q4_0,
            GgmlDType::Q4_1,
            GgmlDType::Q5_0,
            GgmlDType::Q5_1,
            GgmlDType::Q8_0,
            GgmlDType::Q4K,
            GgmlDType::Q5K,
            GgmlDType::Q6K,
        ] {
            let quantized = QTensor::quantize(&whole, dtype).unwrap();
            let expected: Vec<Vec<f32>> = quantized.dequantize(&Device::Cpu).unwrap().to_vec2().unwrap();
            // The second half of the rows first.
            let order = |c: usize| (c + out / 2) % out;
            let panels = panels(dtype, &quantized.data().unwrap(), inner, &order, out)
                .unwrap()
                .unwrap();
            for c in 0..out {
                for (k, wanted) in expected[order(c)].iter().enumerate() {
                    let found = panels.at(k, c);
                    assert!(
                        (found - wanted).abs() <= 1e-5 * wanted.abs().max(1.0),
                        "{dtype:?} {k} {c}: {found} {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn blocks_with_infinite_scales_are_refused_and_missing_rows_are_noticed() {
        let mut data = vec![0u8; 34 * 4];
        let panels_of = |data: &[u8], columns: usize| panels(GgmlDType::Q8_0, data, 64, &|c| c, columns);
        assert!(panels_of(&data, 2).unwrap().is_ok());
        assert!(panels_of(&data, 3).is_none());
        data[34..36].copy_from_slice(&f16::INFINITY.to_le_bytes());
        assert_eq!(panels_of(&data, 2).unwrap().err(), Some(1));
        assert!(panels(GgmlDType::Q2K, &data, 64, &|c| c, 1).is_none());
    }
}
