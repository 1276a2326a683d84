//! Means, deviations and correlations.

/// What varies by less only varies by rounding.
const CONSTANT: f64 = 1e-6;

/// 0 for none.
pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Standard deviation; 0 for none.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - mean).powi(2)).collect();
    self::mean(&squares).sqrt()
}

/// Pearson's r; 0 where one side is constant.
pub(super) fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (mean_x, mean_y) = (mean(&x), mean(&y));
    let covariance: f64 =
        pairs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / x.len().max(1) as f64;
    let (deviation_x, deviation_y) = (deviation(&x), deviation(&y));
    if deviation_x.min(deviation_y) > CONSTANT { covariance / (deviation_x * deviation_y) } else { 0.0 }
}
