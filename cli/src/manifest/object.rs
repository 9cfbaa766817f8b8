//! One object of a manifest.

use super::Located;

/// An object, and the file it is in.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) file: String,
    pub(crate) root: Located,
}

impl Object {
    /// `kind`.
    pub(crate) fn kind(&self) -> &str {
        self.root.field("kind").and_then(Located::text).unwrap_or_default()
    }

    /// `apiVersion`.
    pub(crate) fn api_version(&self) -> &str {
        self.root.field("apiVersion").and_then(Located::text).unwrap_or_default()
    }

    /// `metadata.name`.
    pub(crate) fn name(&self) -> &str {
        self.metadata("name").unwrap_or_default()
    }

    /// A text of `metadata`.
    pub(crate) fn metadata(&self, field: &str) -> Option<&str> {
        self.root.field("metadata")?.field(field)?.text()
    }

    /// Whether it is of FerroLB's own group.
    pub(crate) fn is_ours(&self) -> bool {
        self.api_version().split('/').next() == Some(ferrolb_api::GROUP)
    }

    /// `pools.yaml:12:5`, the place of the value at the path.
    pub(crate) fn place(&self, path: &str) -> (String, u64, u64) {
        let at = self.root.at(path);
        (self.file.clone(), at.line, at.column)
    }
}
