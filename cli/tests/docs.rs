//! The documentation says of the usage what the program says. `UPDATE=1 cargo test -p ferrolb-cli --test docs` writes it
//! anew.

use std::path::Path;

const BEGIN: &str = "<!-- usage: written by `UPDATE=1 cargo test -p ferrolb-cli --test docs` -->\n";
const END: &str = "<!-- end of usage -->\n";

#[test]
fn the_usage_in_the_documentation_is_the_programs() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the mark before the usage is there");
    let (_, after) = rest.split_once(END).expect("the mark after the usage is there");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", ferrolb_cli::usage_markdown());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &wanted).unwrap();
        return;
    }
    assert!(text == wanted, "docs/cli.md is stale: UPDATE=1 cargo test -p ferrolb-cli --test docs");
}
