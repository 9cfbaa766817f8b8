//! The usage as a page of the documentation, so that it cannot say anything else than the program.

use std::fmt::Write as _;

use clap::CommandFactory as _;

use crate::args::Cli;

/// The usage of the program and of each command, as Markdown.
pub fn usage_markdown() -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut text = String::new();
    let mut section = |title: &str, command: &mut clap::Command, hide_global: bool| {
        let mut shown = command.clone();
        if hide_global {
            let global: Vec<_> = shown
                .get_arguments()
                .filter(|one| one.is_global_set())
                .map(|one| one.get_id().clone())
                .collect();
            for id in global {
                shown = shown.mut_arg(id, |one| one.hide(true));
            }
        }
        let help = shown.render_help().to_string();
        let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        let _ = write!(text, "### {title}\n```\n{}\n```\n\n", lines.join("\n"));
    };
    section("kubectl ferrolb", &mut command.clone(), false);
    for one in command.get_subcommands_mut().filter(|one| one.get_name() != "help") {
        let title = format!("kubectl ferrolb {}", one.get_name());
        section(&title, one, true);
        for inner in one.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
            let title = format!("{title} {}", inner.get_name());
            section(&title, inner, true);
        }
    }
    text
}
