//! Console blocks of a Markdown document: which lines are commands, what they should answer.

use std::path::Path;

use anyhow::Result;

/// One block between fences.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    is_golden: bool,
    pub(crate) lines: Vec<Line>,
}

/// One command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its line in the document, from 1.
    pub(crate) number: usize,
    pub(crate) command: String,
    /// The exit code that it must end with.
    pub(crate) exit: i32,
    /// Whether the output has to be what stands below.
    pub(crate) is_golden: bool,
    /// What stands below it, up to the next command.
    pub(crate) output: String,
}

/// All console blocks of a document.
pub(crate) fn find(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) if info == "console" || info == "console,golden" => {
                open = Some(Block { is_golden: info.ends_with("golden"), lines: Vec::new() });
            }
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some(block), _) => push(block, number, line),
            (None, _) => {}
        }
    }
    blocks
}

fn push(block: &mut Block, number: usize, line: &str) {
    if let Some(command) = line.strip_prefix("$ ") {
        let exit = command.rsplit_once("# exit ").and_then(|(_, code)| code.trim().parse().ok()).unwrap_or(0);
        let is_golden = block.is_golden;
        block.lines.push(Line {
            number,
            command: command.to_owned(),
            exit,
            is_golden,
            output: String::new(),
        });
    } else if let Some(last) = block.lines.last_mut() {
        last.output.push_str(line);
        last.output.push('\n');
    }
}

/// Puts another output below a command.
pub(crate) fn rewrite(path: &Path, line: &Line, output: &str) -> Result<()> {
    let text = std::fs::read_to_string(path)?;
    let above: Vec<&str> = text.lines().take(line.number).collect();
    let below = text.lines().skip(line.number).skip(line.output.lines().count());
    let lines = above.into_iter().chain(output.trim_end().lines()).chain(below);
    let mut rewritten: String = lines.flat_map(|line| [line, "\n"]).collect();
    if !text.ends_with('\n') {
        rewritten.pop();
    }
    Ok(std::fs::write(path, rewritten)?)
}

#[cfg(test)]
mod tests {
    use super::{Line, find};

    #[test]
    fn finds_commands_and_what_they_answer() {
        let text = "a\n```console\n$ one\n$ two   # exit 11\n```\n```sh\n$ no\n```\n```console,golden\n$ three\nx\ny\n```\n";
        let blocks = find(text);
        let line = |number, command: &str, exit, output: &str| Line {
            number,
            command: command.to_owned(),
            exit,
            is_golden: number > 9,
            output: output.to_owned(),
        };
        let lines: Vec<&Line> = blocks.iter().flat_map(|block| &block.lines).collect();
        let expected =
            [line(3, "one", 0, ""), line(4, "two   # exit 11", 11, ""), line(10, "three", 0, "x\ny\n")];
        assert_eq!(lines, expected.iter().collect::<Vec<_>>());
        assert_eq!(blocks.iter().map(|block| block.is_golden).collect::<Vec<_>>(), [false, true]);
    }
}
