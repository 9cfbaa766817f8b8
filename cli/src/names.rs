//! Names that are almost right.

/// The known names nearest to a misspelt one, nearest first, at most three.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|other| {
            let distance = strsim::osa_distance(&name.to_lowercase(), &other.to_lowercase());
            let is_part =
                name.len() >= 3 && other.len() >= 3 && (other.contains(name) || name.contains(other));
            (if is_part { distance.min(limit) } else { distance }, other)
        })
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, other)| other).collect()
}

/// `; did you mean a, b?`, or nothing.
pub(crate) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, known).as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["web", "website", "api", "database", "web-2"];
        assert_eq!(nearest("wbe", known), ["web"]);
        assert_eq!(nearest("databse", known), ["database"]);
        assert_eq!(nearest("WEB", known), ["web"]);
        assert_eq!(nearest("frontend", known), Vec::<&str>::new());
        assert_eq!(suggestion("apo", known), "; did you mean api?");
        assert_eq!(suggestion("frontend", known), "");
    }
}
