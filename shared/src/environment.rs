//! The environment variables of the functions (the README's table lists them all).

use std::fmt;
use std::path::PathBuf;

use crate::aws::sdk;

/// Reads variables and remembers which required ones are missing, so that all of them are named at once.
pub struct EnvironmentReader<F> {
    lookup: F,
    faults: Vec<String>,
}

impl EnvironmentReader<fn(&str) -> Option<String>> {
    /// Reads the environment of this process.
    pub fn process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }
}

impl<F: Fn(&str) -> Option<String>> EnvironmentReader<F> {
    /// Reads variables through `lookup`. An empty value counts as missing.
    pub const fn new(lookup: F) -> Self {
        Self {
            lookup,
            faults: Vec::new(),
        }
    }

    /// The value of a variable that the function cannot do without. When it is missing the answer is an empty text,
    /// and [`EnvironmentReader::finish`] fails.
    pub fn required(&mut self, name: &'static str) -> String {
        required(self.optional(name), name, &mut self.faults)
    }

    /// The value of a variable that has a default elsewhere.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    /// The value of a variable that is a whole number of one or more.
    pub fn count(&mut self, name: &str, default: u64) -> u64 {
        let Some(text) = self.optional(name) else {
            return default;
        };
        match text.trim().parse() {
            Ok(count) if count > 0 => count,
            _ => {
                let fault = format!("{name} is not a whole number of one or more");
                self.faults.push(fault);
                default
            }
        }
    }

    /// `SECRET_PREFIX`, by default `rescue-connector`.
    pub fn secret_prefix(&self) -> String {
        self.optional("SECRET_PREFIX")
            .unwrap_or_else(|| DEFAULT_SECRET_PREFIX.to_owned())
    }

    /// The variables that only tests set.
    pub fn testing(&mut self) -> Testing {
        let clock_offset_seconds = match self.optional("CLOCK_OFFSET_SECONDS") {
            None => 0,
            Some(text) => text.trim().parse().unwrap_or_else(|_| {
                self.faults
                    .push("CLOCK_OFFSET_SECONDS is not a whole number".to_owned());
                0
            }),
        };
        Testing {
            rescue_endpoint_url: self.optional("RESCUE_ENDPOINT_URL"),
            allow_loopback: self
                .optional("ALLOW_LOOPBACK")
                .is_some_and(|value| value == "1"),
            clock_offset_seconds,
            ca_file: self.optional("TEST_CA_FILE").map(PathBuf::from),
        }
    }

    /// Region, credentials and endpoints, as Lambda sets them.
    pub fn aws(&mut self) -> sdk::AwsEnvironment {
        let Self { lookup, faults } = self;
        let optional = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let required = |name| required(optional(name), name, faults);
        sdk::AwsEnvironment::read(required, optional)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn finish(self) -> Result<(), WrongEnvironment> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(WrongEnvironment(self.faults))
        }
    }
}

fn required(value: Option<String>, name: &str, faults: &mut Vec<String>) -> String {
    value.unwrap_or_else(|| {
        let fault = format!("{name} is missing");
        if !faults.contains(&fault) {
            faults.push(fault);
        }
        String::new()
    })
}

/// `SECRET_PREFIX` where it is not set.
pub const DEFAULT_SECRET_PREFIX: &str = "rescue-connector";

/// What only tests set; a test fails when the template contains one of these.
#[derive(Clone, Debug, Default)]
pub struct Testing {
    /// `RESCUE_ENDPOINT_URL`: the Rescue host that is called for every tenant.
    pub rescue_endpoint_url: Option<String>,
    /// `ALLOW_LOOPBACK`: a tenant's instance may be `http://127.0.0.1:…`.
    pub allow_loopback: bool,
    /// `CLOCK_OFFSET_SECONDS`: added to the wall clock.
    pub clock_offset_seconds: i64,
    /// `TEST_CA_FILE`: a PEM file with certificate authorities that are trusted as well as the bundled ones.
    pub ca_file: Option<PathBuf>,
}

/// The environment lacks something; the function does not start.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongEnvironment(Vec<String>);

impl fmt::Display for WrongEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "environment: {}", self.0.join(", "))
    }
}

impl std::error::Error for WrongEnvironment {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let mut reader =
            EnvironmentReader::new(|name: &str| (name == "B").then(|| "here".to_owned()));
        assert_eq!(reader.required("A"), "");
        assert_eq!(reader.required("B"), "here");
        assert_eq!(reader.required("C"), "");
        let error = reader.finish().expect_err("two are missing");
        assert_eq!(error.to_string(), "environment: A is missing, C is missing");
    }

    #[test]
    fn a_count_has_a_default_and_anything_but_a_whole_number_of_one_or_more_is_named() {
        let read = |value: &'static str| {
            let mut reader = EnvironmentReader::new(move |_: &str| Some(value.to_owned()));
            (reader.count("A", 600), reader.finish().is_ok())
        };
        assert_eq!(read(""), (600, true));
        assert_eq!(read(" 7 "), (7, true));
        for wrong in ["0", "-1", "1.5", "many", "99999999999999999999"] {
            assert_eq!(read(wrong), (600, false), "{wrong}");
        }
    }
}
