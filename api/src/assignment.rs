//! The message of a true `IPAllocated` condition. It names each address and its pool, and is read back after a restart:
//! an ingress whose addresses are all named here is FerroLB's own.

use std::net::IpAddr;

/// Writes `192.0.2.128 from pool lan, 2001:db8::1000 from pool lan6`; an address whose pool nobody remembers stands alone.
pub fn write_assignment<'a>(addresses: impl IntoIterator<Item = (IpAddr, Option<&'a str>)>) -> String {
    let parts: Vec<String> = addresses
        .into_iter()
        .map(|(address, pool)| match pool {
            Some(pool) => format!("{address}{FROM_POOL}{pool}"),
            None => address.to_string(),
        })
        .collect();
    parts.join(", ")
}

/// Reads what [`write_assignment`] wrote. A sentence after a semicolon is for people and skipped; parts that name no
/// address are too.
pub fn read_assignment(message: &str) -> Vec<(IpAddr, Option<&str>)> {
    let named = message.split(';').next().unwrap_or_default();
    named
        .split(", ")
        .filter_map(|part| {
            let (address, pool) = match part.split_once(FROM_POOL) {
                Some((address, pool)) => (address, Some(pool.trim())),
                None => (part, None),
            };
            Some((address.trim().parse().ok()?, pool))
        })
        .collect()
}

const FROM_POOL: &str = " from pool ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let v4: IpAddr = "192.0.2.128".parse().unwrap();
        let v6: IpAddr = "2001:db8::1000".parse().unwrap();
        let both = [(v4, Some("lan")), (v6, None)];
        let message = write_assignment(both);
        assert_eq!(message, "192.0.2.128 from pool lan, 2001:db8::1000");
        assert_eq!(read_assignment(&message), both);
        assert_eq!(read_assignment(&format!("{message}; the pool is gone")), both);
    }

    #[test]
    fn other_texts_name_nothing() {
        assert_eq!(read_assignment("no pool has a free address"), []);
        assert_eq!(read_assignment(""), []);
    }
}
