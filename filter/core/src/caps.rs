//! One connection's own limit, from the configured one.
//!
//! Each connection draws `u` in [0, 1) once. With jitter `j` its limit is `L × (1 − j × u)`, always under the
//! settings of now: an edit moves the limits of live connections, and no connection outlives the configured `L`.

use std::time::Duration;

use crate::settings::Jitter;

/// What a connection drew when it was opened: uniform in [0, 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw(f64);

impl Draw {
    /// The draw that leaves every limit as it is configured.
    pub const NONE: Self = Self(0.0);

    /// A draw from 64 random bits: the upper 53 are what a double can hold without rounding up to 1.
    pub fn from_random_bits(bits: u64) -> Self {
        Self((bits >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// The age at which a connection that drew `draw` is due.
pub fn age_limit(max_age: Duration, jitter: Jitter, draw: Draw) -> Duration {
    max_age.mul_f64(share(jitter, draw))
}

/// The number of the request whose response drains a connection that drew `draw`: rounded up, at least 1.
pub fn request_limit(max_requests: u32, jitter: Jitter, draw: Draw) -> u32 {
    ((f64::from(max_requests) * share(jitter, draw)).ceil() as u32).max(1)
}

fn share(jitter: Jitter, draw: Draw) -> f64 {
    1.0 - jitter.get() * draw.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jitter(value: f64) -> Jitter {
        Jitter::try_from(value).unwrap()
    }

    #[test]
    fn without_jitter_the_limit_is_the_configured_one() {
        let draw = Draw::from_random_bits(u64::MAX);
        assert_eq!(age_limit(Duration::from_secs(90), jitter(0.0), draw), Duration::from_secs(90));
        assert_eq!(request_limit(50, jitter(0.0), draw), 50);
    }

    #[test]
    fn request_limits_round_up_and_never_reach_zero() {
        let half = Draw::from_random_bits(1 << 63);
        assert_eq!(request_limit(5, jitter(0.2), half), 5);
        assert_eq!(request_limit(10, jitter(0.2), half), 9);
        assert_eq!(request_limit(1, jitter(0.9), Draw::from_random_bits(u64::MAX)), 1);
    }

    proptest! {
        #[test]
        fn limits_stay_between_one_minus_jitter_and_the_configured_limit(
            bits: u64, j in 0.0..0.999_f64, requests in 1..=u32::MAX, seconds in 1_u64..10_000_000,
        ) {
            let (draw, jitter) = (Draw::from_random_bits(bits), jitter(j));
            let limit = request_limit(requests, jitter, draw);
            prop_assert!(limit <= requests && f64::from(limit) >= (f64::from(requests) * (1.0 - j)).floor().max(1.0));
            let age = age_limit(Duration::from_secs(seconds), jitter, draw).as_secs_f64();
            prop_assert!(age <= seconds as f64 && age >= seconds as f64 * (1.0 - j) - 1e-6);
        }
    }
}
