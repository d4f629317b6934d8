//! Fills a template in.

use super::{Action, Argument, Command, Context, MAX_OUTPUT, MAX_ROUNDS, Node, Template, Value};

/// A template that is being filled.
struct Filling<'t> {
    from: &'t dyn Context,
    /// The dot, where a block has changed it.
    dot: Option<Value>,
    variables: Vec<(&'t str, Value)>,
    rounds: usize,
    out: String,
}

pub(super) fn run(template: &Template, from: &dyn Context) -> Result<String, String> {
    let known = template.dialect.variables.iter();
    let variables = known.map(|(name, field)| Ok((*name, from.field(field)?)));
    let variables = variables.collect::<Result<Vec<_>, String>>()?;
    let mut filling = Filling { from, dot: None, variables, rounds: 0, out: String::new() };
    filling.nodes(&template.nodes)?;
    Ok(filling.out)
}

impl<'t> Filling<'t> {
    fn nodes(&mut self, nodes: &'t [Node]) -> Result<(), String> {
        for node in nodes {
            self.node(node)?;
            if self.out.len() > MAX_OUTPUT {
                return Err(format!("the template makes more than {MAX_OUTPUT} bytes"));
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &'t Node) -> Result<(), String> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Put(action) => {
                let value = self.action(action)?;
                if action.set.is_empty() {
                    self.out.push_str(&value.print()?);
                }
            }
            Node::If { condition, then, otherwise } => self.block(|own| {
                let holds = own.action(condition)?.is_true();
                own.nodes(if holds { then } else { otherwise })
            })?,
            Node::With { value, then, otherwise } => self.block(|own| {
                let value = own.action(value)?;
                if !value.is_true() {
                    return own.nodes(otherwise);
                }
                own.dot = Some(value);
                own.nodes(then)
            })?,
            Node::Range { over, each, otherwise } => self.block(|own| own.range(over, each, otherwise))?,
        }
        Ok(())
    }

    /// What is made within, variables and dot, ends with it.
    fn block(&mut self, f: impl FnOnce(&mut Self) -> Result<(), String>) -> Result<(), String> {
        let (count, dot) = (self.variables.len(), self.dot.clone());
        f(self)?;
        self.variables.truncate(count);
        self.dot = dot;
        Ok(())
    }

    fn range(&mut self, over: &'t Action, each: &'t [Node], otherwise: &'t [Node]) -> Result<(), String> {
        let items: Vec<(Value, Value)> = match self.pipeline(&over.pipeline)? {
            Value::List(items) => items.iter().cloned().zip(0..).map(|(v, i)| (Value::Int(i), v)).collect(),
            Value::Map(entries) => entries.iter().map(|(k, v)| (Value::Text(k.clone()), v.clone())).collect(),
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
            self.block(|own| {
                own.dot = Some(value.clone());
                match over.set.as_slice() {
                    [k, v] => {
                        own.set(k, key, over.declares);
                        own.set(v, value, over.declares);
                    }
                    [v] => own.set(v, value, over.declares),
                    _ => {}
                }
                own.nodes(each)
            })?;
        }
        Ok(())
    }

    /// What an action yields, which its variable is then set to.
    fn action(&mut self, action: &'t Action) -> Result<Value, String> {
        let value = self.pipeline(&action.pipeline)?;
        if let [name] = action.set.as_slice() {
            self.set(name, value.clone(), action.declares);
        }
        Ok(value)
    }

    fn set(&mut self, name: &'t str, value: Value, declares: bool) {
        match self.variables.iter_mut().rev().find(|(n, _)| *n == name) {
            Some((_, old)) if !declares => *old = value,
            _ => self.variables.push((name, value)),
        }
    }

    fn pipeline(&self, commands: &[Command]) -> Result<Value, String> {
        let mut result = None;
        for command in commands {
            let mut arguments = Vec::with_capacity(command.arguments.len() + 1);
            for argument in &command.arguments {
                arguments.push(self.argument(argument)?);
            }
            arguments.extend(result.take());
            result = match command.function {
                Some(function) => Some(function.call(&arguments, self.from)?),
                None => arguments.into_iter().next(),
            };
        }
        result.ok_or_else(|| "missing value for command".to_owned())
    }

    fn argument(&self, argument: &Argument) -> Result<Value, String> {
        match argument {
            Argument::Value(value) => Ok(value.clone()),
            Argument::Call(function) => function.call(&[], self.from),
            Argument::Inner(inner, path) => walk(self.pipeline(inner)?, path),
            Argument::Variable(name, path) if name == "$" => self.root(path),
            Argument::Variable(name, path) => {
                let found = self.variables.iter().rev().find(|(n, _)| *n == name.as_str());
                walk(found.map_or(Value::Nothing, |(_, value)| value.clone()), path)
            }
            Argument::Dot(path) => match &self.dot {
                Some(dot) => walk(dot.clone(), path),
                None => self.root(path),
            },
        }
    }

    /// A field of the data.
    fn root(&self, path: &[String]) -> Result<Value, String> {
        match path.split_first() {
            Some((first, rest)) => walk(self.from.field(first)?, rest),
            None => Err("the data as a whole cannot be used; name a field of it".to_owned()),
        }
    }
}

fn walk(value: Value, path: &[String]) -> Result<Value, String> {
    path.iter().try_fold(value, |value, name| value.field(name))
}
