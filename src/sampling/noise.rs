//! Gaussian noise from the same numbers as torch's CPU generator, so that a seed means the same
//! picture.
//!
//! Knows nothing of latents' meaning; only their shape and order (C order, as torch fills them).

use std::f32::consts::TAU;

use ndarray::{Array, Axis};

use super::Latent;

/// Where samplers take fresh noise from.
pub trait NoiseSource {
    /// Independent standard normal values of shape `[batch, channels, height, width]`.
    fn randn(&mut self, shape: (usize, usize, usize, usize)) -> Latent;
}

/// The generator behind `torch.Generator("cpu").manual_seed(seed)`.
///
/// Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998) with torch's two ways of making normal
/// values, equal to torch within 1e-6. What is left over from one draw serves the next, as there.
#[derive(Clone, Debug)]
pub struct TorchRng {
    engine: MersenneTwister,

    /// The second value of the last pair made one at a time.
    spare: Option<f64>,
}

impl TorchRng {
    /// Seeds the generator; only the low 32 bits count, as in torch.
    pub fn new(seed: u64) -> Self {
        Self { engine: MersenneTwister::new(seed as u32), spare: None }
    }

    /// The next `count` values of `torch.randn(count)`.
    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        if count < BLOCK {
            return (0..count).map(|_| self.single() as f32).collect();
        }
        let mut values: Vec<f32> = (0..count).map(|_| self.uniform_f32()).collect();
        values.as_chunks_mut().0.iter_mut().for_each(box_muller);
        if !count.is_multiple_of(BLOCK) {
            // torch draws the last sixteen anew rather than handle an incomplete block.
            if let Some(last) = values.last_chunk_mut() {
                last.fill_with(|| self.uniform_f32());
                box_muller(last);
            }
        }
        values
    }

    /// One value in double precision, by Box–Muller with the sine kept for the next call.
    fn single(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let angle = std::f64::consts::TAU * self.uniform_f64();
        let radius = (-2.0 * (-self.uniform_f64()).ln_1p()).sqrt();
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }

    /// Uniform in `0..1` with 24 bits.
    fn uniform_f32(&mut self) -> f32 {
        (self.engine.next() & 0x00ff_ffff) as f32 / (1 << 24) as f32
    }

    /// Uniform in `0..1` with 53 bits, from two draws, the high half first.
    fn uniform_f64(&mut self) -> f64 {
        let high = u64::from(self.engine.next());
        let bits = (high << 32) | u64::from(self.engine.next());
        (bits & ((1 << 53) - 1)) as f64 / (1_u64 << 53) as f64
    }
}

impl NoiseSource for TorchRng {
    fn randn(&mut self, shape: (usize, usize, usize, usize)) -> Latent {
        let (batch, channels, height, width) = shape;
        let values = self.normals(batch * channels * height * width);
        let mut values = values.into_iter();
        Array::from_shape_simple_fn(shape, || values.next().unwrap_or_default())
    }
}

/// A generator a row of the batch: each row gets what a run of its own would draw.
#[derive(Clone, Debug)]
pub struct RowNoise(Vec<TorchRng>);

impl RowNoise {
    /// One row for each seed.
    pub fn new(seeds: impl IntoIterator<Item = u64>) -> Self {
        Self(seeds.into_iter().map(TorchRng::new).collect())
    }

    /// How many rows there are.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.0.len()
    }
}

impl NoiseSource for RowNoise {
    /// The batch of `shape` must be [`Self::rows`]; rows beyond are zero.
    fn randn(&mut self, shape: (usize, usize, usize, usize)) -> Latent {
        let (batch, channels, height, width) = shape;
        debug_assert_eq!(batch, self.0.len(), "a row without a generator");
        let mut noise = Latent::zeros(shape);
        for (mut row, rng) in noise.outer_iter_mut().zip(&mut self.0) {
            row.assign(&rng.randn((1, channels, height, width)).index_axis(Axis(0), 0));
        }
        noise
    }
}

/// Values torch makes at once.
const BLOCK: usize = 16;

/// Turns sixteen uniform values into normal ones: radii from the first half, angles from the second.
fn box_muller(block: &mut [f32; BLOCK]) {
    let (first, second) = block.split_at_mut(BLOCK / 2);
    for (a, b) in first.iter_mut().zip(second) {
        let radius = (-2.0 * (1.0 - *a).ln()).sqrt();
        let (sin, cos) = (TAU * *b).sin_cos();
        *a = radius * cos;
        *b = radius * sin;
    }
}

const STATE: usize = 624;
const SHIFT: usize = 397;

/// MT19937, 32-bit words.
#[derive(Clone, Debug)]
struct MersenneTwister {
    state: [u32; STATE],
    next: usize,
}

impl MersenneTwister {
    fn new(seed: u32) -> Self {
        let mut state = [0; STATE];
        let mut word = seed;
        for (slot, following) in state.iter_mut().zip(1_u32..) {
            *slot = word;
            word = (word ^ (word >> 30)).wrapping_mul(1_812_433_253).wrapping_add(following);
        }
        Self { state, next: STATE }
    }

    fn next(&mut self) -> u32 {
        if self.next == STATE {
            self.twist();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for i in 0..STATE {
            let joined =
                (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % STATE] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % STATE] ^ (joined >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::goldens;

    /// `tests/goldens/sampling/noise.py`: a sequence of draws for each seed, long ones thinned out.
    #[test]
    fn draws_what_torch_draws() {
        let goldens = goldens::read("noise.safetensors");
        assert_eq!(goldens.len(), 5);
        for (seed, drawn) in &goldens {
            let mut rng = TorchRng::new(seed.parse().unwrap());
            let mut expected = drawn.rows().flatten();
            let mut draws = 0;
            while let Some(&count) = expected.next() {
                let count = count as usize;
                for value in rng.normals(count).into_iter().step_by(count / 200 + 1) {
                    let difference = (value - expected.next().unwrap()).abs();
                    assert!(difference < 1e-6, "seed {seed}, draw of {count}: {difference}");
                }
                draws += 1;
            }
            assert!(draws >= 18, "seed {seed} has only {draws} draws");
        }
    }

    #[test]
    fn only_the_low_half_of_a_seed_counts() {
        assert_eq!(TorchRng::new(5).normals(40), TorchRng::new((1 << 32) + 5).normals(40));
    }

    #[test]
    fn every_row_draws_as_if_alone() {
        let mut rows = RowNoise::new([5, 9]);
        let mut alone = [TorchRng::new(5), TorchRng::new(9)];
        // Draws that leave something over for the next, too.
        for shape in [(2, 1, 1, 3), (2, 4, 2, 3), (2, 1, 3, 3)] {
            let noise = rows.randn(shape);
            for (row, rng) in noise.outer_iter().zip(&mut alone) {
                assert_eq!(row, rng.randn((1, shape.1, shape.2, shape.3)).index_axis(Axis(0), 0));
            }
        }
    }

    #[test]
    fn a_latent_is_filled_in_order() {
        let latent = TorchRng::new(42).randn((1, 4, 2, 3));
        assert_eq!(latent.into_raw_vec_and_offset().0, TorchRng::new(42).normals(24));
    }
}
