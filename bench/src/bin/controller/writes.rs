//! Writes as the API server counts them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ferrolb_tests::metrics::Metrics;
use kube::Client;

const REQUESTS: &str = "apiserver_request_total{";
const VERBS: [&str; 6] = ["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"];
/// Longer than FerroLB waits for speakers before it says of a Service that none has reported.
const QUIET_FOR: Duration = Duration::from_secs(7);
const PATIENCE: Duration = Duration::from_secs(400);

/// Requests that change something, since the API server started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Writes {
    /// To Services' statuses.
    pub(crate) statuses: f64,
    /// To anything but leases.
    pub(crate) all: f64,
}

impl Writes {
    /// As many as there have been until now.
    pub(crate) async fn until_now(client: &Client) -> Result<Self> {
        let request = http::Request::get("/metrics").body(Vec::new())?;
        Ok(Self::of(&Metrics::parse(&client.request_text(request).await?)?))
    }

    /// Those that came after `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self { statuses: self.statuses - before.statuses, all: self.all - before.all }
    }

    fn of(metrics: &Metrics) -> Self {
        let changes = |name: &str| VERBS.iter().any(|verb| name.contains(&format!("verb=\"{verb}\"")));
        let counted = || metrics.iter().filter(|(name, _)| name.starts_with(REQUESTS) && changes(name));
        let is_status =
            |name: &str| name.contains("resource=\"services\"") && name.contains("subresource=\"status\"");
        let statuses = counted().filter(|(name, _)| is_status(name));
        let all = counted().filter(|(name, _)| !name.contains("resource=\"leases\""));
        Self { statuses: statuses.map(|(_, value)| value).sum(), all: all.map(|(_, value)| value).sum() }
    }
}

/// Waits until nobody has written for a while: conditions and Events follow the addresses slowly, on purpose. Returns all
/// writes until now.
pub(crate) async fn wait_until_quiet(client: &Client) -> Result<Writes> {
    let end = Instant::now() + PATIENCE;
    let (mut last, mut since) = (Writes::until_now(client).await?, Instant::now());
    while since.elapsed() < QUIET_FOR {
        if Instant::now() > end {
            bail!("somebody still writes after {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = Writes::until_now(client).await?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_leases_do_not_count() {
        let text = r#"apiserver_request_total{code="200",resource="services",subresource="status",verb="PATCH"} 3
apiserver_request_total{code="409",resource="services",subresource="status",verb="PUT"} 2
apiserver_request_total{code="200",resource="services",subresource="",verb="LIST"} 100
apiserver_request_total{code="200",resource="leases",subresource="",verb="PUT"} 50
apiserver_request_total{code="201",resource="events",subresource="",verb="POST"} 7
apiserver_request_terminations_total{code="201",resource="events",subresource="",verb="POST"} 9
"#;
        let writes = Writes::of(&Metrics::parse(text).unwrap());
        assert_eq!(writes, Writes { statuses: 5.0, all: 12.0 });
    }
}
