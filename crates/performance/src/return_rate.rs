//! How often themes come back.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// How often themes come back, in percent of how often people's do. By default never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct ReturnRate(u16);

impl ReturnRate {
    /// Nothing is played again on purpose.
    pub const NEVER: Self = Self(0);
    /// As often as in people's performances.
    pub const AS_PEOPLE: Self = Self(100);
    /// More than this, in percent, leaves no time for anything else.
    pub const MAX_PERCENT: u16 = 400;

    /// # Errors
    /// If it is more than [`ReturnRate::MAX_PERCENT`].
    pub fn of_percent(percent: u16) -> Result<Self, Error> {
        if percent <= Self::MAX_PERCENT {
            Ok(Self(percent))
        } else {
            let expected = format!("of 0 to {} percent of people's", Self::MAX_PERCENT);
            Err(Error::setting("returns of themes", &expected, percent))
        }
    }

    /// In percent of people's.
    #[must_use]
    pub fn percent(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for ReturnRate {
    type Error = Error;

    fn try_from(percent: u16) -> Result<Self, Error> {
        Self::of_percent(percent)
    }
}

impl From<ReturnRate> for u16 {
    fn from(rate: ReturnRate) -> Self {
        rate.0
    }
}

/// The percentage, without its sign.
impl fmt::Display for ReturnRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ReturnRate {
    type Err = Error;

    fn from_str(percent: &str) -> Result<Self, Error> {
        let number =
            percent.parse().map_err(|_| Error::setting("returns of themes", "in percent", percent))?;
        Self::of_percent(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_has_bounds() {
        assert_eq!("100".parse(), Ok(ReturnRate::AS_PEOPLE));
        assert_eq!(ReturnRate::of_percent(0), Ok(ReturnRate::NEVER));
        let error = |text: &str| text.parse::<ReturnRate>().unwrap_err().to_string();
        assert_eq!(error("401"), "expected returns of themes of 0 to 400 percent of people's, found 401");
        assert_eq!(error("often"), "expected returns of themes in percent, found often");
    }
}
