//! Results: one line for people, one flat JSON object for programs.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::Checkout;
use serde_json::{Map, Value, json};

/// The result of one benchmark, in the order in which its keys were added.
#[derive(Debug)]
pub struct Report {
    name: &'static str,
    keys: Vec<(String, Value)>,
}

impl Report {
    /// Of the benchmark called `name`.
    pub fn new(name: &'static str) -> Self {
        Self { name, keys: Vec::new() }
    }

    /// Adds a count.
    pub fn count(&mut self, key: &str, value: u64) -> &mut Self {
        self.keys.push((key.to_owned(), json!(value)));
        self
    }

    /// Adds a measured value, to three digits after the point.
    pub fn value(&mut self, key: &str, value: f64) -> &mut Self {
        self.keys.push((key.to_owned(), json!((value * 1000.0).round() / 1000.0)));
        self
    }

    /// Prints `NAME key=value …` and writes `target/bench/NAME.json`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(&self) -> Result<()> {
        println!("{}", self.line());
        self.keep_as(self.name)
    }

    /// Writes `target/bench/AS.json`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_as(&self, name: &str) -> Result<()> {
        let file = Checkout::find()?.root().join("target/bench").join(format!("{name}.json"));
        let object: Map<String, Value> = self.keys.iter().cloned().collect();
        fs::create_dir_all(file.parent().context("the file is in a folder")?)?;
        fs::write(&file, serde_json::to_vec_pretty(&object)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// The value of a key.
    pub fn of(&self, key: &str) -> Option<f64> {
        self.keys.iter().find(|(name, _)| name == key)?.1.as_f64()
    }

    /// Fails unless each key of `bounds` was measured and lies between the least and the most that is believed of it.
    ///
    /// # Errors
    /// Names every key that does not.
    pub fn check(&self, bounds: &[(&str, f64, f64)]) -> Result<()> {
        let breaches: Vec<String> =
            bounds.iter().filter_map(|(key, least, most)| self.breach(key, *least, *most)).collect();
        ensure!(breaches.is_empty(), "the run does not make sense: {}", breaches.join("; "));
        Ok(())
    }

    fn breach(&self, key: &str, least: f64, most: f64) -> Option<String> {
        match self.of(key) {
            None => Some(format!("{key} is missing")),
            Some(value) if (least..=most).contains(&value) => None,
            Some(value) => Some(format!("{key} is {value}, not between {least} and {most}")),
        }
    }

    fn line(&self) -> String {
        self.keys.iter().fold(self.name.to_owned(), |mut line, (key, value)| {
            write!(line, " {key}={value}").expect("writing to a String does not fail");
            line
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_all_keys_in_order() {
        let mut report = Report::new("bench-x");
        report.count("runs", 3).value("p50_ms", 12.34567);
        assert_eq!(report.line(), "bench-x runs=3 p50_ms=12.346");
    }

    #[test]
    fn a_value_out_of_its_bounds_or_none_at_all_is_not_believed() {
        let mut report = Report::new("bench-x");
        report.value("ratio", 7.0).value("odd", f64::NAN);
        assert!(report.check(&[("ratio", 0.1, 7.0)]).is_ok());
        let breach = report.check(&[("ratio", 0.1, 5.0)]).unwrap_err().to_string();
        assert!(breach.ends_with("ratio is 7, not between 0.1 and 5"), "{breach}");
        assert!(report.check(&[("odd", 0.0, 5.0)]).is_err());
        assert!(report.check(&[("none", 0.0, 5.0)]).unwrap_err().to_string().ends_with("none is missing"));
    }
}
