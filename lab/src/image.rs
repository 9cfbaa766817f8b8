//! Container images without a container builder: a docker-archive tar of one layer with static binaries in it.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sha2::{Digest, Sha256};

/// What to put into an image.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its full names, each with a tag.
    pub references: Vec<String>,
    /// Files and where they go, as absolute paths inside.
    pub files: Vec<(PathBuf, String)>,
    /// Program and fixed arguments.
    pub entrypoint: Vec<String>,
    /// Arguments unless a pod gives others.
    pub command: Vec<String>,
}

impl Image {
    /// Writes the archive. The same content gives the same bytes.
    ///
    /// # Errors
    /// When a file cannot be read or `out` not be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let layer = self.layer()?;
        let layer_digest = hex(&Sha256::digest(&layer));
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "Entrypoint": self.entrypoint,
                "Cmd": self.command,
                "Env": ["PATH=/"],
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
        })
        .to_string();
        let config_name = format!("{}.json", hex(&Sha256::digest(config.as_bytes())));
        let layer_name = format!("{layer_digest}/layer.tar");
        let manifest =
            json!([{"Config": config_name, "RepoTags": self.references, "Layers": [layer_name]}]).to_string();

        let unfinished = out.with_extension("new");
        let mut tar = Tar(BufWriter::new(
            File::create(&unfinished).with_context(|| format!("cannot write {}", out.display()))?,
        ));
        tar.file(&config_name, config.as_bytes(), 0o644)?;
        tar.file(&layer_name, &layer, 0o644)?;
        tar.file("manifest.json", manifest.as_bytes(), 0o644)?;
        tar.finish()?.into_inner()?.sync_data()?;
        fs::rename(&unfinished, out)?;
        Ok(())
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let mut tar = Tar(Vec::new());
        tar.folder("tmp/", 0o1777)?;
        for (source, target) in &self.files {
            let bytes = fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
            tar.file(target.trim_start_matches('/'), &bytes, 0o755)?;
        }
        tar.finish()
    }
}

/// Writes the POSIX ustar format: headers of 512 bytes, contents filled up to a multiple of that.
struct Tar<W: Write>(W);

impl<W: Write> Tar<W> {
    fn file(&mut self, name: &str, bytes: &[u8], mode: u32) -> Result<()> {
        self.0.write_all(&header(name, bytes.len(), mode, b'0')?)?;
        self.0.write_all(bytes)?;
        self.0.write_all(&vec![0; bytes.len().next_multiple_of(512) - bytes.len()])?;
        Ok(())
    }

    fn folder(&mut self, name: &str, mode: u32) -> Result<()> {
        Ok(self.0.write_all(&header(name, 0, mode, b'5')?)?)
    }

    fn finish(mut self) -> Result<W> {
        self.0.write_all(&[0; 1024])?;
        Ok(self.0)
    }
}

fn header(name: &str, size: usize, mode: u32, kind: u8) -> Result<[u8; 512]> {
    ensure!(name.len() <= 100, "the name {name} is longer than a tar header holds");
    let mut header = [0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, &format!("{mode:07o}\0"));
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    // The checksum is taken with its own field full of spaces.
    put(148, "        ");
    put(257, "ustar\x0000");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// This machine's, for which the binary was built, by the name that images give it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn tar_reads_what_was_written() {
        let folder = std::env::temp_dir().join(format!("image-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join("program");
        fs::write(&program, vec![7; 1000]).unwrap();
        let image = Image {
            references: vec!["example.org/x:dev".into()],
            files: vec![(program, "/bin/x".into())],
            entrypoint: vec!["/bin/x".into()],
            command: vec![],
        };
        let archive = folder.join("x.tar");
        image.write(&archive).unwrap();
        let first = fs::read(&archive).unwrap();
        image.write(&archive).unwrap();
        assert_eq!(first, fs::read(&archive).unwrap(), "the same content gives the same bytes");

        let shell =
            "cd $0 && tar xf x.tar && tar xf */layer.tar && sha256sum */layer.tar && stat -c %a tmp bin/x";
        let output = Command::new("sh").args(["-c", shell]).arg(&folder).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let (digest, path) = text.lines().next().unwrap().split_once("  ").unwrap();
        assert_eq!(path, format!("{digest}/layer.tar"));
        assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), ["1777", "755"]);
        assert_eq!(fs::read(folder.join("bin/x")).unwrap(), vec![7; 1000]);
        fs::remove_dir_all(folder).unwrap();
    }
}
