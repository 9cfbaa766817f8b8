//! Where manifests come from: files, folders, standard input.

use std::{io::Read as _, path::Path};

use anyhow::{Context as _, Result, bail};

use super::{Located, Object, Value};

/// Every object that these name, in the order in which kubectl would apply them: as given, a folder's files by name.
///
/// # Errors
/// Something cannot be read, or is not YAML; the message says where.
pub(crate) fn objects(sources: &[String]) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    for source in sources {
        if source == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
            objects.extend(parse("standard input", &text)?);
            continue;
        }
        let path = Path::new(source);
        let files = if path.is_dir() { folder(path)? } else { vec![path.to_path_buf()] };
        for file in files {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file).with_context(|| format!("{name} cannot be read"))?;
            objects.extend(parse(&name, &text)?);
        }
    }
    Ok(objects)
}

fn folder(path: &Path) -> Result<Vec<std::path::PathBuf>> {
    let is_manifest = |file: &std::path::PathBuf| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        file.is_file() && matches!(extension, Some("yaml" | "yml" | "json"))
    };
    let listed = std::fs::read_dir(path).with_context(|| format!("{} cannot be listed", path.display()))?;
    let mut files: Vec<_> = listed.flatten().map(|entry| entry.path()).filter(is_manifest).collect();
    if files.is_empty() {
        bail!("{} has no *.yaml, *.yml or *.json", path.display());
    }
    files.sort();
    Ok(files)
}

fn parse(file: &str, text: &str) -> Result<Vec<Object>> {
    let documents: Vec<Located> = serde_saphyr::from_multiple(text).map_err(|error| {
        let place = error.location().map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
        let told = error.without_snippet().to_string();
        anyhow::anyhow!("{file}{place} is not YAML: {}", told.lines().next().unwrap_or_default())
    })?;
    let mut objects = Vec::new();
    for root in documents {
        let items =
            root.field("items").filter(|_| root.field("kind").and_then(Located::text) == Some("List"));
        match (&root.value, items.map(|items| &items.value)) {
            (Value::Null, _) => {}
            (Value::Map(_), Some(Value::List(items))) => {
                objects.extend(items.iter().map(|item| Object { file: file.to_owned(), root: item.clone() }));
            }
            (Value::Map(_), _) => objects.push(Object { file: file.to_owned(), root }),
            _ => bail!("{file}:{}:{} is no Kubernetes object", root.line, root.column),
        }
    }
    if let Some(object) =
        objects.iter().find(|object| object.kind().is_empty() || object.api_version().is_empty())
    {
        bail!(
            "{file}:{}:{} is no Kubernetes object: apiVersion or kind is missing",
            object.root.line,
            object.root.column
        );
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_lists_and_empty_parts() {
        let text = "---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A}\n- {apiVersion: v1, kind: B}\n---\napiVersion: v1\nkind: C\nmetadata: {name: c}\n";
        let objects = parse("a.yaml", text).unwrap();
        let kinds: Vec<&str> = objects.iter().map(Object::kind).collect();
        assert_eq!(kinds, ["A", "B", "C"]);
        assert_eq!(objects[2].place("metadata.name"), ("a.yaml".into(), 12, 18));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let error = parse("a.yaml", "a: [1\nb: 2\n").unwrap_err().to_string();
        assert!(error.starts_with("a.yaml:") && error.contains("is not YAML"), "{error}");
        let error = parse("a.yaml", "---\nspec: {}\n").unwrap_err().to_string();
        assert_eq!(error, "a.yaml:2:1 is no Kubernetes object: apiVersion or kind is missing");
        assert!(parse("a.yaml", "- 1\n").unwrap_err().to_string().contains("is no Kubernetes object"));
    }
}
