//! A list's text, cut into its objects as it arrives, so that neither the text nor the objects need ever lie in memory whole.

/// Takes the objects out of a list's text. What is left is the list without them.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// Open brackets.
    depth: usize,
    text: Text,
    /// Whether the outermost bracket but one holds the objects.
    objects: bool,
    /// The object that has begun.
    object: Vec<u8>,
    rest: Vec<u8>,
}

/// Brackets and commas in a text of JSON mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Text {
    #[default]
    Outside,
    Inside,
    Escaped,
}

impl Cutter {
    /// Takes the next bytes, and hands over each object that ends in them.
    ///
    /// # Errors
    /// That of `take`.
    pub(super) fn feed<E>(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut from = 0;
        for (at, byte) in bytes.iter().copied().enumerate() {
            if self.is_text(byte) {
                continue;
            }
            match byte {
                b'{' if self.is_among_objects() => {
                    self.rest.extend_from_slice(&bytes[from..at]);
                    (from, self.depth) = (at, self.depth + 1);
                }
                b'[' if self.depth == 1 => {
                    self.rest.extend_from_slice(&bytes[from..at]);
                    (from, self.depth, self.objects) = (at, 2, self.is_key_of_objects());
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.objects &= self.depth >= OBJECTS;
                    if self.is_among_objects() && byte == b'}' {
                        self.object.extend_from_slice(&bytes[from..=at]);
                        from = at + 1;
                        take(&self.object)?;
                        self.object.clear();
                    }
                }
                b',' if self.is_among_objects() => {
                    self.rest.extend_from_slice(&bytes[from..at]);
                    from = at + 1;
                }
                _ => {}
            }
        }
        let in_object = self.objects && self.depth > OBJECTS;
        let unfinished = if in_object { &mut self.object } else { &mut self.rest };
        unfinished.extend_from_slice(&bytes[from..]);
        Ok(())
    }

    /// The list without its objects.
    pub(super) fn into_rest(self) -> Vec<u8> {
        self.rest
    }

    fn is_text(&mut self, byte: u8) -> bool {
        let before = self.text;
        self.text = match (before, byte) {
            (Text::Outside, b'"') => Text::Inside,
            (Text::Inside, b'\\') => Text::Escaped,
            (Text::Inside, b'"') => Text::Outside,
            (Text::Inside | Text::Escaped, _) => Text::Inside,
            (Text::Outside, _) => Text::Outside,
        };
        before != Text::Outside || self.text != Text::Outside
    }

    fn is_among_objects(&self) -> bool {
        self.objects && self.depth == OBJECTS
    }

    fn is_key_of_objects(&self) -> bool {
        let key = self.rest.trim_ascii_end().strip_suffix(b":").map(<[u8]>::trim_ascii_end);
        key.is_some_and(|key| key.ends_with(b"\"items\""))
    }
}

/// Brackets that are open between two objects.
const OBJECTS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(parts: &[&str]) -> (Vec<String>, String) {
        let (mut cutter, mut objects) = (Cutter::default(), Vec::new());
        for part in parts {
            let taken = cutter.feed(part.as_bytes(), |object| {
                objects.push(String::from_utf8(object.to_vec()).unwrap());
                Ok::<_, ()>(())
            });
            taken.unwrap();
        }
        (objects, String::from_utf8(cutter.into_rest()).unwrap())
    }

    const LIST: &str = r#"{"kind":"items","metadata":{"resourceVersion":"7","items":[{"no":1}]} , "items" : [ {"a":"}],\"{","b":[{}]} ,{},
        {"items":[{"c":"\\"}]}], "after":{"no":[{}],"nor":{"this":2}},"last":[{"no":3}]}"#;

    #[test]
    fn objects_are_cut_out_wherever_the_network_cuts_the_text() {
        let objects = [r#"{"a":"}],\"{","b":[{}]}"#, "{}", r#"{"items":[{"c":"\\"}]}"#].map(str::to_owned);
        let whole = cut(&[LIST]);
        assert_eq!(whole.0, objects);
        let rest: serde_json::Value = serde_json::from_str(&whole.1).unwrap();
        let wanted = r#"{"kind":"items","metadata":{"resourceVersion":"7","items":[{"no":1}]},"items":[],
            "after":{"no":[{}],"nor":{"this":2}},"last":[{"no":3}]}"#;
        assert_eq!(rest, serde_json::from_str::<serde_json::Value>(wanted).unwrap());
        for at in 0..LIST.len() {
            let (before, after) = LIST.split_at(at);
            assert_eq!(cut(&[before, after]), whole, "at {at}");
        }
        let bytes: Vec<&str> = (0..LIST.len()).map(|at| &LIST[at..=at]).collect();
        assert_eq!(cut(&bytes), whole);
    }

    #[test]
    fn what_is_no_object_stays() {
        for text in
            [r#"{"items":[1]}"#, r#"{"items":[[{}]]}"#, r#"{"items":null}"#, r#"[{"items":{}}]"#, "]}{"]
        {
            assert_eq!(cut(&[text]), (Vec::new(), text.to_owned()));
        }
    }

    #[test]
    fn an_object_that_cannot_be_taken_ends_it() {
        assert_eq!(Cutter::default().feed(br#"{"items":[{}]}"#, |_| Err("no")), Err("no"));
    }
}
