/// Interface names and patterns: `*` stands for any text, `?` for one character.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Globs(Vec<String>);

impl Globs {
    /// From a list separated by commas; blanks around names are ignored.
    pub fn parse(list: &str) -> Self {
        Self::new(list.split(',').map(str::trim).filter(|glob| !glob.is_empty()))
    }

    /// From single patterns.
    pub fn new<'a>(globs: impl IntoIterator<Item = &'a str>) -> Self {
        Self(globs.into_iter().map(str::to_owned).collect())
    }

    /// Whether any of them matches the whole of `name`.
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|glob| matches(glob.as_bytes(), name.as_bytes()))
    }
}

/// Goes back to the last `*` only, so it takes at most glob × name steps.
fn matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => {
                g += 1;
                n += 1;
            }
            Some(_) | None => {
                let Some((star_at, from)) = star else { return false };
                star = Some((star_at, from + 1));
                g = star_at + 1;
                n = from + 1;
            }
        }
    }
    glob[g..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        let globs = Globs::parse("lo, veth*, en?s0,*-br-*");
        for name in ["lo", "veth", "veth12ab", "en1s0", "a-br-b", "x-br-br-"] {
            assert!(globs.matches(name), "{name}");
        }
        for name in ["lo0", "eth0", "ens0", "en10s0", "a-br", "", "xveth0"] {
            assert!(!globs.matches(name), "{name}");
        }
        assert!(!Globs::parse("").matches("eth0"), "an empty list matches nothing");
        assert!(Globs::parse("*").matches("eth0"));
    }
}
