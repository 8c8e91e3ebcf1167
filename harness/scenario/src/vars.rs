use std::collections::BTreeMap;

use serde_json::Value;

/// The variables of a scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vars(pub(crate) BTreeMap<String, Value>);

impl Vars {
    /// These, and over them some more.
    pub(crate) fn with(&self, more: &BTreeMap<String, Value>) -> Self {
        let mut all = self.0.clone();
        all.extend(more.clone());
        Self(all)
    }

    /// The text with every `${name}` replaced.
    pub(crate) fn text(&self, text: &str) -> Result<String, String> {
        let mut rest = text;
        let mut out = String::with_capacity(text.len());
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) =
                after.split_once('}').ok_or_else(|| format!("{text:?}: a ${{ without its }}"))?;
            out.push_str(before);
            match self.value(name)? {
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
                Some(name) => self.value(name)?.clone(),
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
        self.0.get(name).ok_or_else(|| {
            format!("no variable {name:?}; set it under vars, or include the file that has it")
        })
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
        let vars = Vars(BTreeMap::from([("a".into(), json!("x")), ("b".into(), json!({"k": [1]}))]));
        assert_eq!(vars.text("-${a}-${a}-").unwrap(), "-x-x-");
        assert_eq!(
            vars.json(&json!({"m": ["${b}", "v=${b}"]})).unwrap(),
            json!({"m": [{"k": [1]}, "v={\"k\":[1]}"]})
        );
        assert!(vars.text("${c}").unwrap_err().contains("\"c\""));
        assert!(vars.text("${a").is_err());
        assert_eq!(vars.text("$a }").unwrap(), "$a }");
    }
}
