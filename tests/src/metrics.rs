//! Reading a program's `/metrics` from inside a lab.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::Lab;

use crate::inside;

const PATIENCE: Duration = Duration::from_secs(5);

/// Values by name and labels, as they stand in the text: `ferrolb_speaker_vips{interface="eth0",state="owner"}`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Asks the program at `address` as seen from the network of `name`.
    ///
    /// # Errors
    /// It does not answer, or not with metrics.
    pub fn read(lab: &Lab, name: &str, address: SocketAddr) -> Result<Self> {
        Self::parse(&get(lab, name, address, "/metrics")?)
    }

    /// Reads the text format.
    ///
    /// # Errors
    /// A line is no metric.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let values = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').with_context(|| format!("{line:?} is no metric"))?;
            Ok((name.to_owned(), value.parse().with_context(|| format!("{line:?} has no number"))?))
        });
        Ok(Self(values.collect::<Result<_>>()?))
    }

    /// The sum of all values of `name` whose labels contain each of `labels` (`state="owner"`).
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of_name = self.0.iter().filter(|(key, _)| key.split('{').next() == Some(name));
        of_name
            .filter(|(key, _)| labels.iter().all(|label| key.contains(label)))
            .map(|(_, value)| value)
            .sum()
    }

    /// All names with labels, and their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

/// The body of `http://ADDRESS/PATH`, asked for from inside the network of `name`.
///
/// # Errors
/// No answer, or one that is not "200 OK".
pub fn get(lab: &Lab, name: &str, address: SocketAddr, path: &str) -> Result<String> {
    inside(lab, name, || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)
            .with_context(|| format!("nothing answers at {address} on {name}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // HTTP/1.0 has no chunks and ends with the connection.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
        let status = head.lines().next().unwrap_or_default();
        ensure!(status.contains(" 200 "), "{address}{path} answered {status:?}: {body}");
        Ok(body.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name_and_labels() {
        let text =
            "# HELP a x\na_total{i=\"eth0\",k=\"x\"} 3\na_total{i=\"eth1\",k=\"x\"} 4\na_total2 9\n# EOF\n";
        let metrics = Metrics::parse(text).unwrap();
        assert_eq!(metrics.sum("a_total", &["k=\"x\""]), 7.0);
        assert_eq!(metrics.sum("a_total", &["i=\"eth1\""]), 4.0);
        assert_eq!(metrics.sum("b", &[]), 0.0);
        assert!(Metrics::parse("nothing").is_err());
    }
}
