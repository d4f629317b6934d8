//! Fills a template in.

use super::function::{Function, Run, bounded};
use super::{Action, Argument, Command, Context, MAX_ROUNDS, MAX_WORK, Node, Template, Value};

type Result<T> = std::result::Result<T, String>;

/// A template that is being filled.
struct Filling<'t> {
    from: &'t dyn Context,
    /// The dot, where a block has changed it.
    dot: Option<Value>,
    variables: Vec<(&'t str, Value)>,
    rounds: usize,
    work: usize,
    out: String,
}

/// How a list of nodes ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

pub(super) fn run(template: &Template, from: &dyn Context) -> Result<String> {
    let known = template.dialect.variables.iter();
    let variables = known.map(|(name, field)| Ok((*name, from.field(field)?)));
    let variables = variables.collect::<Result<Vec<_>>>()?;
    let mut filling = Filling { from, dot: None, variables, rounds: 0, work: 0, out: String::new() };
    filling.nodes(&template.nodes)?;
    Ok(filling.out)
}

impl<'t> Filling<'t> {
    fn nodes(&mut self, nodes: &'t [Node]) -> Result<Flow> {
        for node in nodes {
            let flow = self.node(node)?;
            bounded(self.out.len())?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &'t Node) -> Result<Flow> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Put(action) => match self.action(action)? {
                _ if !action.set.is_empty() => {}
                Value::Nothing => self.out.push_str("<no value>"),
                value => self.out.push_str(&value.print()?),
            },
            Node::If { condition, then, otherwise } => {
                return self.block(|own| {
                    let holds = own.action(condition)?.is_true();
                    own.nodes(if holds { then } else { otherwise })
                });
            }
            Node::With { value, then, otherwise } => {
                return self.block(|own| {
                    let value = own.action(value)?;
                    if !value.is_true() {
                        return own.nodes(otherwise);
                    }
                    own.with_dot(value, |own| own.nodes(then))
                });
            }
            Node::Range { over, each, otherwise } => {
                return self.block(|own| own.range(over, each, otherwise));
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    /// Variables that are made within end with it.
    fn block(&mut self, f: impl FnOnce(&mut Self) -> Result<Flow>) -> Result<Flow> {
        let count = self.variables.len();
        let flow = f(self)?;
        self.variables.truncate(count);
        Ok(flow)
    }

    fn with_dot(&mut self, dot: Value, f: impl FnOnce(&mut Self) -> Result<Flow>) -> Result<Flow> {
        let outer = self.dot.replace(dot);
        let flow = f(self)?;
        self.dot = outer;
        Ok(flow)
    }

    fn range(&mut self, over: &'t Action, each: &'t [Node], otherwise: &'t [Node]) -> Result<Flow> {
        let over_what = self.pipeline(&over.pipeline)?;
        self.spend(weight(&over_what))?;
        let items: Vec<(Value, Value)> = match over_what {
            Value::List(items) => items.iter().cloned().zip(0..).map(|(v, i)| (Value::Int(i), v)).collect(),
            Value::Map(entries) | Value::Object(entries) => {
                entries.iter().map(|(k, v)| (Value::Text(k.clone()), v.clone())).collect()
            }
            Value::Int(n) if over.set.len() > 1 => {
                return Err(format!("can't use {n} to iterate over more than one variable"));
            }
            Value::Int(n) => {
                let rounds = usize::try_from(n).unwrap_or(0).min(MAX_ROUNDS + 1);
                (0..rounds).map(|i| (Value::Nothing, Value::Int(i as i64))).collect()
            }
            Value::Nothing => Vec::new(),
            other => return Err(format!("range can't iterate over a {}", other.kind())),
        };
        if items.is_empty() {
            return self.nodes(otherwise);
        }
        for (key, value) in items {
            self.rounds += 1;
            if self.rounds > MAX_ROUNDS {
                return Err(format!("the template goes round more than {MAX_ROUNDS} times"));
            }
            let flow = self.block(|own| {
                match over.set.as_slice() {
                    [k, v] => {
                        own.set(k, key, over.declares)?;
                        own.set(v, value.clone(), over.declares)?;
                    }
                    [v] => own.set(v, value.clone(), over.declares)?,
                    _ => {}
                }
                own.with_dot(value, |own| own.nodes(each))
            })?;
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    /// What an action yields, which its variable is then set to.
    fn action(&mut self, action: &'t Action) -> Result<Value> {
        let value = self.pipeline(&action.pipeline)?;
        if let [name] = action.set.as_slice() {
            self.set(name, value.clone(), action.declares)?;
        }
        Ok(value)
    }

    fn set(&mut self, name: &'t str, value: Value, declares: bool) -> Result<()> {
        match self.variables.iter_mut().rev().find(|(n, _)| *n == name) {
            _ if declares => self.variables.push((name, value)),
            Some((_, old)) => *old = value,
            None => return Err(format!("undefined variable: {name}")),
        }
        Ok(())
    }

    fn pipeline(&mut self, commands: &'t [Command]) -> Result<Value> {
        let mut result = None;
        for command in commands {
            let piped = result.take();
            result = Some(match command.function {
                Some(Function { run: Run::First(stops), .. }) => self.first(command, piped, *stops)?,
                Some(function) => {
                    let mut arguments = Vec::with_capacity(command.arguments.len() + 1);
                    for argument in &command.arguments {
                        arguments.push(self.argument(argument)?);
                    }
                    arguments.extend(piped);
                    self.call(function, &arguments)?
                }
                None => {
                    let only = command.arguments.first().ok_or_else(missing)?;
                    if matches!(only, Argument::Value(Value::Nothing)) {
                        return Err("nil is not a command".to_owned());
                    }
                    self.argument(only)?
                }
            });
        }
        result.ok_or_else(missing)
    }

    /// `and` and `or`: what is behind the argument that decides is not looked at.
    fn first(
        &mut self,
        command: &'t Command,
        piped: Option<Value>,
        stops: fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut last = None;
        for argument in &command.arguments {
            let value = self.argument(argument)?;
            if stops(&value) {
                return Ok(value);
            }
            last = Some(value);
        }
        piped.or(last).ok_or_else(missing)
    }

    fn call(&mut self, function: &Function, arguments: &[Value]) -> Result<Value> {
        self.spend(function.cost(arguments))?;
        let value = function.call(arguments, self.from)?;
        self.spend(length(&value))?;
        Ok(value)
    }

    /// # Errors
    /// The template does more than it may.
    fn spend(&mut self, work: usize) -> Result<()> {
        self.work = self.work.saturating_add(work);
        if self.work > MAX_WORK { Err("the template takes too much work".to_owned()) } else { Ok(()) }
    }

    fn argument(&mut self, argument: &'t Argument) -> Result<Value> {
        let value = match argument {
            Argument::Value(value) => value.clone(),
            Argument::Call(function) => self.call(function, &[])?,
            Argument::Inner(inner, path) => walk(self.pipeline(inner)?, path)?,
            Argument::Variable(name, path) if name == "$" => self.root(path)?,
            Argument::Variable(name, path) => {
                let found = self.variables.iter().rev().find(|(n, _)| *n == name.as_str());
                walk(found.map_or(Value::Nothing, |(_, value)| value.clone()), path)?
            }
            Argument::Dot(path) => match &self.dot {
                Some(dot) => walk(dot.clone(), path)?,
                None => self.root(path)?,
            },
        };
        // It is a copy.
        self.spend(length(&value))?;
        Ok(value)
    }

    /// The data, or a field of them.
    fn root(&mut self, path: &[String]) -> Result<Value> {
        if let Some((first, rest)) = path.split_first() {
            return walk(self.from.field(first)?, rest);
        }
        let whole = self.from.whole()?;
        self.spend(weight(&whole))?;
        Ok(whole)
    }
}

/// How many bytes a copy of a value takes; lists and maps are not copied.
fn length(value: &Value) -> usize {
    if let Value::Text(text) = value { text.len() } else { 1 }
}

/// How many bytes copies of all parts of a value take.
fn weight(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(length).sum(),
        Value::Map(entries) | Value::Object(entries) => {
            entries.iter().map(|(name, value)| name.len() + length(value)).sum()
        }
        _ => 0,
    }
}

fn missing() -> String {
    "missing value for command".to_owned()
}

/// A field of a field of a value. Of nothing there is nothing; of a part that is nothing it is a mistake.
fn walk(value: Value, path: &[String]) -> Result<Value> {
    if value == Value::Nothing {
        return Ok(value);
    }
    path.iter().try_fold(value, |value, name| value.field(name))
}
