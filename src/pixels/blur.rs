//! Gaussian blur of one channel, as three running means: its cost does not grow with its width
//! (Kovesi, "Fast almost-Gaussian filtering", 2010).

use super::Extent;

/// Running means, one after another; three are within a few hundredths of the bell.
const PASSES: usize = 3;

/// `plane`, row by row, blurred with a standard deviation of `sigma` pixels; beyond its borders the
/// outermost values go on. Each value is touched by those within three `sigma` and a pixel.
pub(super) fn blurred(plane: &[f32], extent: Extent, sigma: f32) -> Vec<f32> {
    let (width, height) = (extent.width as usize, extent.height as usize);
    let mut plane = plane.to_vec();
    if plane.is_empty() {
        return plane;
    }
    let mut line = vec![0.0; width];
    for reach in reaches(sigma).into_iter().filter(|&reach| reach > 0) {
        for row in plane.chunks_exact_mut(width) {
            line.copy_from_slice(row);
            running_mean(&line, reach, row);
        }
        plane = mean_of_rows(&plane, (width, height), reach);
    }
    plane
}

/// How far to each side the means of a blur of `sigma` reach: two odd widths next to the ideal
/// one, √(12 σ² / passes + 1), mixed so that the variances add up.
fn reaches(sigma: f32) -> [usize; PASSES] {
    let variance = 12.0 * sigma * sigma;
    let passes = PASSES as f32;
    let ideal = (variance / passes + 1.0).sqrt();
    let small = ((ideal as usize).saturating_sub(1) / 2) * 2 + 1;
    let width = small as f32;
    let many = (variance - passes * (width * width + 4.0 * width + 3.0)) / (-4.0 * width - 4.0);
    std::array::from_fn(|pass| (small - 1) / 2 + usize::from(pass as f32 >= many.round()))
}

/// The means of `line` over `reach` values to each side.
fn running_mean(line: &[f32], reach: usize, means: &mut [f32]) {
    let Some(last) = line.len().checked_sub(1) else { return };
    let value = |at: isize| f64::from(line[at.clamp(0, last as isize) as usize]);
    let reach = reach as isize;
    let mut sum: f64 = (-reach..=reach).map(value).sum();
    let count = (2 * reach + 1) as f64;
    for (at, mean) in means.iter_mut().enumerate() {
        *mean = (sum / count) as f32;
        sum += value(at as isize + reach + 1) - value(at as isize - reach);
    }
}

/// Each value the mean of its column over `reach` rows above and below: row by row, with a sum for
/// every column, since walking down columns misses the cache at each step.
fn mean_of_rows(plane: &[f32], (width, height): (usize, usize), reach: usize) -> Vec<f32> {
    let row = |at: isize| {
        let at = at.clamp(0, height as isize - 1) as usize * width;
        &plane[at..at + width]
    };
    let reach = reach as isize;
    let mut sums = vec![0.0_f64; width];
    for at in -reach..=reach {
        sums.iter_mut().zip(row(at)).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let count = (2 * reach + 1) as f64;
    let mut means = Vec::with_capacity(plane.len());
    for at in 0..height as isize {
        means.extend(sums.iter().map(|sum| (sum / count) as f32));
        let (comes, goes) = (row(at + reach + 1), row(at - reach));
        for ((sum, comes), goes) in sums.iter_mut().zip(comes).zip(goes) {
            *sum += f64::from(*comes) - f64::from(*goes);
        }
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_becomes_nearly_the_bell_and_nothing_is_lost() {
        for sigma in [3.0_f32, 7.5, 12.0] {
            let extent = Extent::new(101, 91);
            let mut plane = vec![0.0; extent.area()];
            plane[45 * 101 + 50] = 1.0;
            let blurred = blurred(&plane, extent, sigma);
            assert!((blurred.iter().sum::<f32>() - 1.0).abs() < 1e-3);
            // The normal distribution: its density 1 / (2π σ²) in the middle, its variance σ².
            let middle = blurred[45 * 101 + 50] * std::f32::consts::TAU * sigma * sigma;
            assert!((0.8..1.2).contains(&middle), "{sigma}: {middle}");
            let spread =
                blurred.iter().enumerate().map(|(i, v)| v * ((i % 101) as f32 - 50.0).powi(2));
            let spread = spread.sum::<f32>() / (sigma * sigma);
            assert!((0.88..1.12).contains(&spread), "{sigma}: {spread}");
        }
    }

    #[test]
    fn what_is_even_stays_even_up_to_the_border() {
        let extent = Extent::new(5, 3);
        let flat = blurred(&[7.0; 15], extent, 40.0);
        assert!(flat.iter().all(|value| (value - 7.0).abs() < 1e-4), "{flat:?}");
        assert_eq!(blurred(&[1.0, 2.0], Extent::new(2, 1), 0.0), [1.0, 2.0]);
        assert_eq!(blurred(&[], Extent::new(0, 0), 2.0), [0.0; 0]);
    }
}
