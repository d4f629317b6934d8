//! Whether each expression is of a type that fits where it stands.

use super::Mistake;
use super::functions::Function;
use super::tree::{Binary, Expr, Node, Selector, Type, compares, is_set};
use crate::labels::NAME;
use crate::promql::print::quote;

fn refused<T>(at: usize, message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake { at, message: message.into() })
}

/// The type of an expression of which everything fits.
pub(super) fn check(node: &Node, text: &str) -> Result<Type, Mistake> {
    match &node.expr {
        Expr::Number | Expr::Text => {}
        Expr::Selector(selector) => of_selector(node, selector)?,
        Expr::Matrix { selector, .. } => {
            check(selector, text)?;
        }
        Expr::Subquery { of, .. } => {
            let found = check(of, text)?;
            if found != Type::Vector {
                let name = found.name();
                return refused(
                    node.start,
                    format!("subquery is only allowed on instant vector, got {name} instead"),
                );
            }
        }
        Expr::Paren(of) => {
            check(of, text)?;
        }
        Expr::Unary(of) => {
            let found = check(of, text)?;
            if !matches!(found, Type::Scalar | Type::Vector) {
                let name = found.documented();
                return refused(
                    node.start,
                    format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {name:?}"
                    ),
                );
            }
        }
        Expr::Binary(binary) => of_binary(node, binary, text)?,
        Expr::Call { function, args } => of_call(node, function, args, text)?,
        Expr::Aggregate { operator, param, of } => {
            expect(of, Type::Vector, "aggregation expression", text)?;
            let wanted = if *operator == "count_values" { Type::Text } else { Type::Scalar };
            if let Some(param) = param {
                expect(param, wanted, "aggregation parameter", text)?;
            }
        }
    }
    Ok(node.typ())
}

fn expect(node: &Node, wanted: Type, context: &str, text: &str) -> Result<(), Mistake> {
    let found = check(node, text)?;
    if found == wanted {
        return Ok(());
    }
    let (wanted, found) = (wanted.documented(), found.documented());
    refused(node.start, format!("expected type {wanted} in {context}, got {found}"))
}

fn of_selector(node: &Node, selector: &Selector) -> Result<(), Mistake> {
    if let Some(name) = &selector.name {
        return match selector.matchers.iter().find(|m| m.name == NAME) {
            Some(other) => refused(
                node.start,
                format!("metric name must not be set twice: {} or {}", quote(name), quote(&other.value)),
            ),
            None => Ok(()),
        };
    }
    if selector.matchers.iter().all(|m| m.takes_empty) {
        return refused(node.start, "vector selector must contain at least one non-empty matcher");
    }
    Ok(())
}

fn of_binary(node: &Node, binary: &Binary, text: &str) -> Result<(), Mistake> {
    let Binary { operator, lhs, rhs, modifiers } = binary;
    let (left, right) = (check(lhs, text)?, check(rhs, text)?);
    let spaces = text[lhs.end..].len() - text[lhs.end..].trim_start().len();
    let at = lhs.end + spaces;
    if modifiers.returns_bool && !compares(operator) {
        return refused(at, "bool modifier can only be used on comparison operators");
    }
    if compares(operator) && !modifiers.returns_bool && (left, right) == (Type::Scalar, Type::Scalar) {
        return refused(at, "comparisons between scalars must use BOOL modifier");
    }
    let twice = modifiers.labels.iter().find(|label| modifiers.on && modifiers.include.contains(label));
    if let Some(label) = twice {
        return refused(at, format!("label {} must not occur in ON and GROUP clause at once", quote(label)));
    }
    for (side, found) in [(lhs, left), (rhs, right)] {
        if !matches!(found, Type::Scalar | Type::Vector) {
            let message = "binary expression must contain only scalar and instant vector types";
            return refused(side.start, message);
        }
    }
    let vectors = (left, right) == (Type::Vector, Type::Vector);
    if !vectors && !modifiers.labels.is_empty() {
        return refused(node.start, "vector matching only allowed between instant vectors");
    }
    if vectors && is_set(operator) && modifiers.groups {
        return refused(node.start, format!("no grouping allowed for {operator:?} operation"));
    }
    if !vectors && is_set(operator) {
        return refused(
            node.start,
            format!("set operator {operator:?} not allowed in binary scalar expression"),
        );
    }
    Ok(())
}

fn of_call(node: &Node, function: &Function, args: &[Node], text: &str) -> Result<(), Mistake> {
    let (name, takes, given) = (function.name, function.takes.len(), args.len());
    let least = if function.optional == Some(0) { takes } else { takes - 1 };
    let wrong = match function.optional {
        Some(0) if given != takes => Some(format!("expected {takes} argument(s)")),
        _ if given < least => Some(format!("expected at least {least} argument(s)")),
        Some(more @ 1..) if given > least + more => {
            Some(format!("expected at most {} argument(s)", least + more))
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        return refused(node.start, format!("{wrong} in call to {name:?}, got {given}"));
    }
    for (i, arg) in args.iter().enumerate() {
        let found = check(arg, text)?;
        let Some(wanted) = function.takes.get(i).or(function.takes.last()) else { break };
        if found != *wanted {
            let (wanted, found) = (wanted.documented(), found.documented());
            return refused(
                arg.start,
                format!("expected type {wanted} in call to function {name:?}, got {found}"),
            );
        }
    }
    Ok(())
}
