//! The commands of the page.

use std::collections::VecDeque;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::{artifact, wait};

use super::shell::{Output, Shell};

/// How long what a command promises may take: pods start, and proxies hear of things.
const PATIENCE: Duration = Duration::from_mins(1);

/// The page, as far as it has not been carried out.
pub struct Page {
    commands: VecDeque<String>,
    /// Where they run.
    pub shell: Shell,
}

impl Page {
    /// All of it.
    pub fn open(shell: Shell) -> Result<Self> {
        let text = fs::read_to_string(artifact::workspace_folder().join("istio/README.md"))?;
        Ok(Self { commands: commands(&text).into(), shell })
    }

    /// The next command, which has to be this one: whatever else the page says, nobody would have tried it.
    pub fn next(&mut self, expected: &str) -> Result<Command<'_>> {
        let command = self.commands.pop_front().with_context(|| format!("the page ends before {expected:?}"))?;
        ensure!(command == expected, "the page says {command:?}, and the test knows {expected:?}");
        Ok(Command { command, shell: &self.shell })
    }

    /// A command that is not on the page, to see what came of one that is.
    pub fn look(&self, command: &str) -> Command<'_> {
        Command { command: command.to_owned(), shell: &self.shell }
    }

    /// Nothing is left that was not carried out.
    pub fn end(self) -> Result<()> {
        ensure!(self.commands.is_empty(), "nobody has tried {:?}", self.commands);
        Ok(())
    }
}

/// One command of the page.
#[must_use]
pub struct Command<'a> {
    command: String,
    shell: &'a Shell,
}

impl Command<'_> {
    /// It ends well, and says all this.
    pub async fn says(self, parts: &[&str]) -> Result<Output> {
        says(self.run().await?, parts)
    }

    /// The same, after some time: it only looks, and is repeated.
    pub async fn comes_to_say(self, parts: &[&str]) -> Result<Output> {
        let output = async || says(self.run().await?, parts);
        wait::until(&self.command, PATIENCE, output, |_| true).await
    }

    /// The same without a word of this.
    pub async fn comes_to_say_nothing_of(self, part: &str) -> Result<Output> {
        let output = async || says(self.run().await?, &[]);
        wait::until(&self.command, PATIENCE, output, |output| !output.text.contains(part)).await
    }

    async fn run(&self) -> Result<Output> {
        self.shell.run(&self.command).await.with_context(|| self.command.clone())
    }
}

fn says(output: Output, parts: &[&str]) -> Result<Output> {
    ensure!(output.succeeded, "{output:?}");
    let missing: Vec<_> = parts.iter().filter(|part| !output.text.contains(**part)).collect();
    ensure!(missing.is_empty(), "nothing of {missing:?} in {}", output.text);
    Ok(output)
}

/// What the blocks of shell commands say, one after another, without comments.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("\n```sh\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    let lines = blocks.flat_map(|(block, _)| block.split('\n').map(without_comment));
    let mut commands = Vec::new();
    let mut unfinished = String::new();
    for line in lines {
        match line.strip_suffix('\\') {
            Some(begun) => unfinished = format!("{unfinished}{} ", begun.trim()),
            None => commands.push(std::mem::take(&mut unfinished) + line.trim()),
        }
    }
    commands.into_iter().filter(|command| !command.is_empty()).collect()
}

/// On this page a comment stands apart.
fn without_comment(line: &str) -> &str {
    let line = if line.starts_with('#') { "" } else { line };
    line.split_once("  #").map_or(line, |(command, _)| command).trim_end()
}

#[test]
fn commands_are_those_of_shell_blocks_with_their_lines_joined() {
    let text = "a\n```sh\none  # why\n# all\ntwo \\\n  parts\n\n```\n```yaml\nthree\n```\n```sh\nfour\n```\n";
    assert_eq!(commands(text), ["one", "two parts", "four"]);
}
