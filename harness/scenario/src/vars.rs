use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

/// Bytes that the texts, variables and repetitions of one scenario may become.
const MOST: usize = 256 << 20;

/// The variables of a scenario, and how much has been made of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vars {
    values: BTreeMap<String, Value>,
    made: Rc<Cell<usize>>,
}

impl From<BTreeMap<String, Value>> for Vars {
    fn from(values: BTreeMap<String, Value>) -> Self {
        Self { values, made: Rc::default() }
    }
}

impl Vars {
    /// These, and over them some more.
    pub(crate) fn with(&self, more: &BTreeMap<String, Value>) -> Self {
        let mut values = self.values.clone();
        values.extend(more.clone());
        Self { values, made: Rc::clone(&self.made) }
    }

    /// Counts bytes that a scenario is about to become.
    pub(crate) fn spend(&self, bytes: usize) -> Result<(), String> {
        let made = self.made.get().saturating_add(bytes);
        self.made.set(made);
        match made > MOST {
            true => Err(format!(
                "the scenario becomes more than {MOST} bytes with its variables and repetitions filled in; make it smaller"
            )),
            false => Ok(()),
        }
    }

    /// The text with every `${name}` replaced.
    pub(crate) fn text(&self, text: &str) -> Result<String, String> {
        self.spend(text.len())?;
        let mut rest = text;
        let mut out = String::with_capacity(text.len());
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) =
                after.split_once('}').ok_or_else(|| format!("{text:?}: a ${{ without its }}"))?;
            out.push_str(before);
            let value = self.value(name)?;
            self.spend(weight(value))?;
            match value {
                Value::String(value) => out.push_str(value),
                value => out.push_str(&value.to_string()),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The value with every `${name}` in its texts replaced; a text that is only `${name}` becomes that value.
    pub(crate) fn json(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => match whole_variable(text) {
                Some(name) => {
                    let value = self.value(name)?;
                    self.spend(weight(value))?;
                    value.clone()
                }
                None => Value::String(self.text(text)?),
            },
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?,
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| Ok((name.clone(), self.json(value)?)))
                .collect::<Result<_, String>>()?,
            other => other.clone(),
        })
    }

    fn value(&self, name: &str) -> Result<&Value, String> {
        self.values.get(name).ok_or_else(|| {
            format!("no variable {name:?}; set it under vars, or include the file that has it")
        })
    }
}

/// A value with every `${name}` in its texts replaced, as a scenario would; a text that is only `${name}` becomes that value.
///
/// # Errors
/// There is no such variable, or it becomes too much.
pub fn fill(value: &Value, vars: BTreeMap<String, Value>) -> Result<Value, String> {
    Vars::from(vars).json(value)
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    const NODE: usize = 8;
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + weight(value)).sum(),
        _ => 0,
    }
}

fn whole_variable(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}').filter(|name| !name.contains('}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_stand_for_texts_and_values() {
        let vars = Vars::from(BTreeMap::from([("a".into(), json!("x")), ("b".into(), json!({"k": [1]}))]));
        assert_eq!(vars.text("-${a}-${a}-").unwrap(), "-x-x-");
        assert_eq!(
            vars.json(&json!({"m": ["${b}", "v=${b}"]})).unwrap(),
            json!({"m": [{"k": [1]}, "v={\"k\":[1]}"]})
        );
        assert!(vars.text("${c}").unwrap_err().contains("\"c\""));
        assert!(vars.text("${a").is_err());
        assert_eq!(vars.text("$a }").unwrap(), "$a }");
    }

    #[test]
    fn a_scenario_does_not_grow_without_end() {
        let vars = Vars::from(BTreeMap::from([("a".into(), json!("x".repeat(1 << 20)))]));
        assert!(vars.text(&"${a}".repeat(100)).is_ok());
        let other = vars.with(&BTreeMap::new());
        assert!(other.text(&"${a}".repeat(200)).unwrap_err().contains("more than 268435456 bytes"));
        assert!(vars.json(&json!(["${a}"])).is_err());
    }
}
