//! The parts of a page: its heading, its sections, and its fenced blocks with the words above each. As much markdown as these pages
//! are written in; what blocks mean is none of its business.

/// A page, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page<'a> {
    /// The heading of the page.
    pub(super) title: Option<&'a str>,
    /// The headings of its sections, with their lines.
    pub(super) sections: Vec<(usize, &'a str)>,
    /// The first paragraph of each section, in the same order.
    pub(super) openings: Vec<String>,
    /// Its fenced blocks.
    pub(super) blocks: Vec<Block<'a>>,
}

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    /// The line of its fence, counted from 1.
    pub(super) line: usize,
    /// The section that it stands in; empty above the first.
    pub(super) section: &'a str,
    /// The first word behind the fence.
    pub(super) language: &'a str,
    /// The number of the list item that it belongs to, where it has one.
    pub(super) number: Option<usize>,
    /// The words of that item, or of the paragraph above, since the last block.
    pub(super) words: String,
    /// Its lines, with their numbers.
    pub(super) body: Vec<(usize, &'a str)>,
}

const FENCE: &str = "```";

/// Takes a page apart. Fails with the line of a fence that nothing closes.
pub(super) fn take_apart(text: &str) -> Result<Page<'_>, usize> {
    let mut page = Page::default();
    let mut above = Above::default();
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    while let Some((number, line)) = lines.next() {
        let trimmed = line.trim_start();
        if let Some(info) = trimmed.strip_prefix(FENCE) {
            let indent = line.len() - trimmed.len();
            let mut body = Vec::new();
            loop {
                let Some((number, line)) = lines.next() else { return Err(number) };
                if line.trim() == FENCE {
                    break;
                }
                let spaces = line.len() - line.trim_start().len();
                body.push((number, &line[indent.min(spaces)..]));
            }
            page.blocks.push(Block {
                line: number,
                section: page.sections.last().map_or("", |(_, name)| *name),
                language: info.split_whitespace().next().unwrap_or_default(),
                number: above.number,
                words: std::mem::take(&mut above.words),
                body,
            });
        } else if let Some(title) = line.strip_prefix("# ") {
            page.title = page.title.or(Some(title.trim()));
        } else if let Some(section) = line.strip_prefix("## ") {
            page.sections.push((number, section.trim()));
            page.openings.push(String::new());
            above = Above::default();
        } else {
            let ends = trimmed.is_empty();
            above.add(line);
            if let (Some(opening), false, true) = (page.openings.last_mut(), ends, above.is_first) {
                opening.clone_from(&above.words);
            }
        }
    }
    Ok(page)
}

/// The words that a block would find above it.
struct Above {
    words: String,
    number: Option<usize>,
    /// A paragraph ended here: what is not indented begins another one.
    ended: bool,
    /// It is the first paragraph of its section.
    is_first: bool,
}

impl Default for Above {
    fn default() -> Self {
        Self { words: String::new(), number: None, ended: false, is_first: true }
    }
}

impl Above {
    fn add(&mut self, line: &str) {
        let text = line.trim();
        if text.is_empty() {
            self.ended = !self.words.is_empty();
            return;
        }
        let marked = marked(line);
        if marked.is_some() || (self.ended && !line.starts_with(' ')) {
            self.is_first &= self.words.is_empty();
            self.words.clear();
            self.number = None;
        }
        self.ended = false;
        let text = match marked {
            Some((number, text)) => {
                self.number = number;
                text
            }
            None => text,
        };
        if !self.words.is_empty() {
            self.words.push(' ');
        }
        self.words.push_str(text);
    }
}

/// The number and the text of a line that begins a list item.
fn marked(line: &str) -> Option<(Option<usize>, &str)> {
    if let Some(text) = line.strip_prefix("- ") {
        return Some((None, text.trim()));
    }
    let (number, text) = line.split_once(". ")?;
    Some((Some(number.parse().ok()?), text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_section_their_item_and_the_words_above_them() {
        let text = "# A\n\n## One\n\nFirst\nparagraph.\n\nSecond.\n\n## Two\n\n1. Is it\n   so?\n\n   ```promql x=y\n   # c\n     up\n   ```\n\n- If so:\n\n  ```ops\n  restart\n  ```\n";
        let page = take_apart(text).expect("a page");
        assert_eq!(page.title, Some("A"));
        assert_eq!(page.sections, [(3, "One"), (10, "Two")]);
        assert_eq!(page.openings[0], "First paragraph.");
        let [first, second] = page.blocks.as_slice() else { panic!("{page:?}") };
        assert_eq!((first.line, first.section, first.language), (15, "Two", "promql"));
        assert_eq!((first.number, first.words.as_str()), (Some(1), "Is it so?"));
        assert_eq!(first.body, [(16, "# c"), (17, "  up")]);
        assert_eq!((second.number, second.words.as_str(), second.language), (None, "If so:", "ops"));
    }

    #[test]
    fn a_second_block_of_an_item_has_no_words_and_an_open_fence_is_found() {
        let page = take_apart("1. Why?\n```a\n```\n```b\n```\n").expect("a page");
        assert_eq!((page.blocks[1].number, page.blocks[1].words.as_str()), (Some(1), ""));
        assert_eq!(take_apart("a\n```b\nc\n"), Err(2));
    }
}
