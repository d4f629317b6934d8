//! The stages of a pipeline.

use super::Parser;
use crate::logql::LogqlError;
use crate::logql::ast::{Choice, Format, LineFilter, LineText, Stage, Unit, Unwrap};
use crate::logql::ip::IpFilter;
use crate::logql::json::Path;
use crate::logql::lexer::Token;
use crate::logql::pattern::Pattern;
use crate::logql::print::{label_formats, quote};
use crate::logql::template::Template;
use crate::matcher::{Op, compile};

const MAX_STAGES: usize = 100;

/// The stages of a pipeline, and the `unwrap` at its end.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    pub(super) stages: Vec<Stage>,
    pub(super) unwrap: Option<Unwrap>,
}

impl Parser<'_> {
    /// Adds the stages that follow to `pipeline`.
    pub(super) fn pipeline(&mut self, pipeline: &mut Pipeline, may_unwrap: bool) -> Result<(), LogqlError> {
        while let Some(Token::Symbol(op @ ("|=" | "|~" | "!=" | "!~" | "|>" | "!>" | "|"))) =
            self.peek().cloned()
        {
            if pipeline.stages.len() == MAX_STAGES {
                return Err(LogqlError::Unsupported(format!("a query of more than {MAX_STAGES} stages")));
            }
            // Behind a window an operator of lines may be one of numbers.
            if op != "|" && !matches!(self.peek_at(1), Some(Token::Text(_) | Token::Function("ip"))) {
                self.at += 1;
                return Err(self.unexpected());
            }
            if let Some(unwrap) = &mut pipeline.unwrap {
                // Behind `unwrap` come conditions alone.
                self.expect("|")?;
                unwrap.filters.push(self.condition()?);
                continue;
            }
            self.at += 1;
            if op != "|" {
                pipeline.stages.push(Stage::Line(self.line_filter(op)?));
            } else if may_unwrap && self.accept_keyword("unwrap") {
                pipeline.unwrap = Some(self.unwrap()?);
            } else {
                pipeline.stages.push(self.stage()?);
            }
        }
        Ok(())
    }

    fn unwrap(&mut self) -> Result<Unwrap, LogqlError> {
        let conversion = match self.peek() {
            Some(Token::Function(word @ ("bytes" | "duration" | "duration_seconds"))) => Some(*word),
            _ => None,
        };
        let unit = match conversion {
            None => Unit::Plain,
            Some("bytes") => Unit::Bytes,
            Some(_) => Unit::Seconds,
        };
        if conversion.is_none() {
            return Ok(Unwrap { label: self.name()?, unit, conversion, filters: Vec::new() });
        }
        self.at += 1;
        self.expect("(")?;
        let label = self.name()?;
        self.expect(")")?;
        Ok(Unwrap { label, unit, conversion, filters: Vec::new() })
    }

    fn line_filter(&mut self, op: &str) -> Result<LineFilter, LogqlError> {
        let mut texts = Vec::new();
        loop {
            let text = if self.accept_function("ip") {
                let pattern = self.parenthesised()?;
                let wrong = |e| LogqlError::stage(format!("stage '{op} ip({})' : {e}", quote(&pattern)));
                if op.ends_with(['~', '>']) {
                    return Err(wrong("ip: invalid operation".to_owned()));
                }
                LineText::Ip(IpFilter::parse(&pattern).map_err(wrong)?)
            } else {
                let text = self.text()?;
                let wrong = |e| LogqlError::stage(format!("stage '{op} {}' : {e}", quote(&text)));
                match &op[1..] {
                    "~" => LineText::Matches(compile(&text).map_err(wrong)?),
                    ">" => LineText::Pattern(Pattern::filter(&text).map_err(wrong)?),
                    _ => LineText::Contains(text),
                }
            };
            texts.push(text);
            if !self.accept_keyword("or") {
                return Ok(LineFilter { keep: op.starts_with('|'), texts });
            }
        }
    }

    pub(super) fn parenthesised(&mut self) -> Result<String, LogqlError> {
        self.expect("(")?;
        let text = self.text()?;
        self.expect(")")?;
        Ok(text)
    }

    /// A stage behind `|`.
    fn stage(&mut self) -> Result<Stage, LogqlError> {
        let Some(Token::Keyword(word)) = self.peek().cloned() else {
            return self.condition().map(Stage::Label);
        };
        self.at += 1;
        Ok(match word {
            "json" => {
                let paths = self.extractions()?;
                let printed: Vec<String> =
                    paths.iter().map(|(name, path)| format!("{name}={}", quote(path))).collect();
                let wrong = |e| LogqlError::stage(format!("stage '| json {}' : {e}", printed.join(",")));
                let paths =
                    paths.into_iter().map(|(name, path)| Ok::<_, String>((name, Path::parse(&path)?)));
                Stage::Json(paths.collect::<Result<_, String>>().map_err(wrong)?)
            }
            "logfmt" => {
                let (mut strict, mut keep_empty) = (false, false);
                while let Some(Token::Flag(flag)) = self.peek() {
                    match *flag {
                        "--strict" => strict = true,
                        _ => keep_empty = true,
                    }
                    self.at += 1;
                }
                Stage::Logfmt { strict, keep_empty, fields: self.extractions()? }
            }
            "regexp" => {
                let wrong = |e| LogqlError::stage(format!("invalid regexp parser: {e}"));
                let regex = compile(&self.text()?).map_err(wrong)?;
                if regex.capture_names().flatten().next().is_none() {
                    return Err(wrong("at least one named capture must be supplied".to_owned()));
                }
                Stage::Regexp(regex)
            }
            "pattern" => {
                let wrong = |e| LogqlError::stage(format!("invalid pattern parser: {e}"));
                Stage::Pattern(Pattern::parser(&self.text()?).map_err(wrong)?)
            }
            "unpack" => Stage::Unpack,
            "decolorize" => Stage::Decolorize,
            "line_format" => {
                let source = self.text()?;
                let wrong = |e| match e {
                    LogqlError::Meaning(message) => LogqlError::stage(format!(
                        "stage '| line_format {}' : invalid line template: {message}",
                        quote(&source)
                    )),
                    other => other,
                };
                Stage::LineFormat(Template::parse("line", &source).map_err(wrong)?)
            }
            "label_format" => Stage::LabelFormat(self.formats()?),
            "drop" => Stage::Drop(self.choices()?),
            "keep" => Stage::Keep(self.choices()?),
            _ => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        })
    }

    /// The parameters of `json` and `logfmt`: `a, b="c"`, or none.
    fn extractions(&mut self) -> Result<Vec<(String, String)>, LogqlError> {
        let mut found = Vec::new();
        if !matches!(self.peek(), Some(Token::Name(_))) {
            return Ok(found);
        }
        loop {
            let name = self.name()?;
            let from = if self.accept("=") { self.text()? } else { name.clone() };
            found.push((name, from));
            if !self.accept(",") {
                return Ok(found);
            }
        }
    }

    fn formats(&mut self) -> Result<Vec<(String, Format)>, LogqlError> {
        let mut formats: Vec<(String, Format)> = Vec::new();
        let mut twice = None;
        loop {
            let name = self.name()?;
            self.expect("=")?;
            let format = match self.peek().cloned() {
                Some(Token::Name(from)) => {
                    self.at += 1;
                    Format::Rename(from)
                }
                _ => {
                    let source = self.text()?;
                    let wrong = |e| match e {
                        LogqlError::Meaning(message) => LogqlError::stage(format!(
                            "stage '| label_format {name}={}' : invalid template for label '{name}': {message}",
                            quote(&source)
                        )),
                        other => other,
                    };
                    Format::Template(Template::parse("label", &source).map_err(wrong)?)
                }
            };
            if formats.iter().any(|(n, _)| *n == name) {
                twice.get_or_insert_with(|| name.clone());
            }
            formats.push((name, format));
            if !self.accept(",") {
                break;
            }
        }
        let wrong = |e: String| {
            Err(LogqlError::stage(format!("stage '| label_format {}' : {e}", label_formats(&formats))))
        };
        if formats.iter().any(|(name, _)| name == "__error__") {
            return wrong("__error__ cannot be formatted".to_owned());
        }
        match twice {
            Some(name) => {
                wrong(format!("multiple label name '{name}' not allowed in a single format operation"))
            }
            None => Ok(formats),
        }
    }

    fn choices(&mut self) -> Result<Vec<Choice>, LogqlError> {
        let mut choices = Vec::new();
        loop {
            let name = self.name()?;
            // What stands behind a line filter's operator is a text as well; here it belongs to the label.
            let op = match self.peek() {
                Some(Token::Symbol("=" | "!=" | "=~" | "!~")) => {
                    let (op, text) = self.matcher()?;
                    Some(Op::new(op, &text).map_err(LogqlError::stage)?)
                }
                _ => None,
            };
            choices.push(Choice { name, op });
            if !self.accept(",") {
                return Ok(choices);
            }
        }
    }
}
