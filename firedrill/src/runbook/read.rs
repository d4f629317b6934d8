//! Makes a runbook of a page, or says which line is wrong. Whether a query is one of its language, [`super::check`] knows.

use super::{
    Mistake, Query, Remedy, Rule, Runbook, Search, Step,
    page::{Block, Page, take_apart},
};

/// The sections, in the order of every page.
const SECTIONS: [&str; 4] = ["Meaning", "Impact", "Diagnosis", "Mitigation"];
const DIAGNOSIS: &str = "Diagnosis";
const MITIGATION: &str = "Mitigation";
/// The languages of blocks.
const LANGUAGES: [&str; 4] = ["promql", "logql", "traces", OPS];
const OPS: &str = "ops";
/// How the first line of a question's block begins.
const ABNORMAL: &str = "# abnormal:";
/// How the first line of an operation's block begins.
const WHEN: &str = "# when abnormal:";

/// Reads the page of an alert.
///
/// # Errors
/// It is not of the form that pages have; the mistake names the line.
pub fn read(file: &str, alert: &str, text: &str) -> Result<Runbook, Mistake> {
    let mistake = |line: usize, what: String| Mistake { file: file.to_owned(), line, what };
    let page = take_apart(text).map_err(|line| mistake(line, "nothing closes this block".to_owned()))?;
    if page.title != Some(alert) {
        return Err(mistake(1, format!("the page of {alert} is headed `# {alert}`")));
    }
    sections(&page).map_err(|(line, what)| mistake(line, what))?;
    let (mut steps, mut remedies) = (Vec::new(), Vec::new());
    for block in &page.blocks {
        let at = |(line, what): Wrong| mistake(line, what);
        match block.section {
            DIAGNOSIS => steps.push(step(block, steps.len() + 1).map_err(at)?),
            MITIGATION => remedies.push(remedy(block, steps.len()).map_err(at)?),
            _ => {}
        }
    }
    if steps.is_empty() {
        let line = page.sections.iter().find(|(_, name)| *name == DIAGNOSIS).map_or(1, |(line, _)| *line);
        return Err(mistake(line, "the diagnosis asks nothing that can be run".to_owned()));
    }
    let meaning = page.openings.first().map(|opening| in_short(opening)).unwrap_or_default();
    Ok(Runbook { alert: alert.to_owned(), meaning, steps, remedies })
}

/// A line, and what is wrong there.
type Wrong = (usize, String);

fn sections(page: &Page<'_>) -> Result<(), Wrong> {
    for (index, wanted) in SECTIONS.iter().enumerate() {
        let (line, found) = page.sections.get(index).copied().unwrap_or((1, "the end"));
        if found != *wanted {
            return Err((line, format!("`## {wanted}` belongs where {found} is: {}", SECTIONS.join(", "))));
        }
    }
    match page.sections.get(SECTIONS.len()) {
        Some((line, name)) => Err((*line, format!("a page has no section {name}: {}", SECTIONS.join(", ")))),
        None => Ok(()),
    }
}

fn step(block: &Block<'_>, number: usize) -> Result<Step, Wrong> {
    if known(block)? == OPS {
        return Err((block.line, "a diagnosis changes nothing: `ops` belongs below Mitigation".to_owned()));
    }
    if block.number != Some(number) {
        return Err((
            block.line,
            format!("this block belongs to step {number}: write `{number}.` and a question above it"),
        ));
    }
    let (asks, leads) = block.words.split_once("? ").ok_or_else(|| {
        (
            block.line,
            "above a block stands what it asks, with a `?`, and then where an abnormal answer leads"
                .to_owned(),
        )
    })?;
    let (rule, lines) = headed(block, ABNORMAL)?;
    // One line, as a shell takes it.
    let text = lines.join(" ");
    let rule = Rule::parse(rule).map_err(|what| (block.line + 1, what))?;
    let query = match block.language {
        "promql" => Query::Promql(text),
        "logql" => Query::Logql(text),
        _ => Query::Traces(Search::parse(&text).map_err(|what| (block.line + 2, what))?),
    };
    Ok(Step { line: block.line, asks: format!("{asks}?"), leads: leads.to_owned(), rule, query })
}

fn remedy(block: &Block<'_>, steps: usize) -> Result<Remedy, Wrong> {
    if known(block)? != OPS {
        return Err((
            block.line,
            format!("a mitigation asks nothing: `{}` belongs below Diagnosis", block.language),
        ));
    }
    if block.words.is_empty() {
        return Err((block.line, "above an operation stands when it helps, and why".to_owned()));
    }
    let (when, lines) = headed(block, WHEN)?;
    let numbers =
        when.split(" or ").map(|word| word.trim().parse::<usize>().ok().filter(|n| (1..=steps).contains(n)));
    let when = numbers.collect::<Option<Vec<usize>>>().ok_or_else(|| {
        (block.line + 1, format!("{when:?} names no step: write numbers from 1 to {steps}, such as `2 or 3`"))
    })?;
    let words = |line: &&str| line.split_whitespace().map(str::to_owned).collect();
    let ops = lines.iter().map(words).collect();
    Ok(Remedy { line: block.line, when, text: block.words.clone(), ops })
}

/// The language of a block that can be run.
fn known<'a>(block: &Block<'a>) -> Result<&'a str, Wrong> {
    match LANGUAGES.contains(&block.language) {
        true => Ok(block.language),
        false => {
            let nearest = loadgen::nearest::suggestion(block.language, &LANGUAGES);
            Err((block.line, format!("nobody here speaks {:?}; {nearest}", block.language)))
        }
    }
}

/// What stands behind the words of a block's first line, and the lines below without comments.
fn headed<'a>(block: &Block<'a>, head: &str) -> Result<(&'a str, Vec<&'a str>), Wrong> {
    let first = block.body.first().and_then(|(_, line)| line.strip_prefix(head));
    let said = first.ok_or_else(|| (block.line, format!("the first line of this block is `{head} …`")))?;
    let lines = block.body[1..].iter().map(|(_, line)| line.trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    match lines.is_empty() {
        true => Err((block.line, "this block is empty".to_owned())),
        false => Ok((said.trim(), lines)),
    }
}

/// A paragraph up to where its first thought ends.
fn in_short(text: &str) -> String {
    let end = [". ", ": ", "; "].iter().filter_map(|mark| text.find(mark)).min();
    text[..end.unwrap_or(text.len())].trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# OrdersFail\n\n## Meaning\n\nToo many fail: the budget burns.\n\n## Impact\n\nNobody buys.\n\n\
        ## Diagnosis\n\n1. How many? It is the service.\n\n   ```promql\n   # abnormal: > 0.01\n   sum(\n     up)\n   ```\n\n\
        2. Which? Follow one.\n\n   ```traces\n   # abnormal: any\n   service=shop\n   ```\n\n\
        ## Mitigation\n\n- Take it back.\n\n  ```ops\n  # when abnormal: 1 or 2\n  rollback shop\n  restart shop\n  ```\n";

    fn wrong(from: &str, to: &str) -> String {
        assert!(PAGE.contains(from), "{from:?}");
        read("p.md", "OrdersFail", &PAGE.replacen(from, to, 1)).expect_err(to).to_string()
    }

    #[test]
    fn a_page_is_read() {
        let page = read("p.md", "OrdersFail", PAGE).expect("a runbook");
        assert_eq!(page.meaning, "Too many fail");
        let [first, second] = page.steps.as_slice() else { panic!("{page:?}") };
        assert_eq!((first.asks.as_str(), first.leads.as_str()), ("How many?", "It is the service."));
        assert_eq!(first.query, Query::Promql("sum( up)".to_owned()));
        assert_eq!((second.query.language(), second.rule.to_string()), ("traces", "any".to_owned()));
        assert_eq!(page.remedies[0].when, [1, 2]);
        assert_eq!(page.remedies[0].ops, [["rollback", "shop"], ["restart", "shop"]]);
    }

    #[test]
    fn a_mistake_names_its_line() {
        for (from, to, said) in [
            ("# OrdersFail", "# OrderFails", "p.md:1: the page of OrdersFail is headed"),
            ("## Impact", "## Effect", "p.md:7: `## Impact` belongs where Effect is"),
            ("```promql", "```promlq", "p.md:15: nobody here speaks \"promlq\"; did you mean `promql`?"),
            ("```promql", "```sh", "p.md:15: nobody here speaks \"sh\""),
            ("```promql", "```ops", "p.md:15: a diagnosis changes nothing"),
            ("```ops", "```logql", "p.md:32: a mitigation asks nothing"),
            ("# abnormal: > 0.01\n", "", "p.md:15: the first line of this block is `# abnormal: …`"),
            ("# abnormal: > 0.01", "# abnormal: > some", "p.md:16: \"> some\" is no rule"),
            ("How many? It is the service.", "How many?", "p.md:15: above a block stands what it asks"),
            ("2. Which?", "3. Which?", "p.md:23: this block belongs to step 2"),
            ("service=shop", "shop", "p.md:25: \"shop\" is no key=value"),
            ("   service=shop\n", "", "p.md:23: this block is empty"),
            ("# when abnormal: 1 or 2", "# when abnormal: 3", "p.md:33: \"3\" names no step"),
            ("- Take it back.", "", "p.md:32: above an operation stands when it helps"),
            ("  restart shop\n  ```\n", "", "p.md:32: nothing closes this block"),
        ] {
            let error = wrong(from, to);
            assert!(error.starts_with(said), "{said}\n{error}");
        }
    }
}
